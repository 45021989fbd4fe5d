"""Tells now and then how far a source is behind."""

from __future__ import annotations

import time

from sentinel.ingest.entries import Source
from sentinel.stream_lag import Reader, tell, withdraw

EVERY_SECONDS = 5.0


class Telling:
    """What one source tells, and takes back at its end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._told: dict[Reader, int] = {}
        self._next_at = 0.0

    def tell_now_and_then(self) -> None:
        """Tell, if it is time."""
        if time.monotonic() >= self._next_at:
            self._told = {self._reader(stream): entries for stream, entries in self._source.lags().items()}
            tell(self._told, is_here=self._source.is_here)
            self._next_at = time.monotonic() + EVERY_SECONDS

    def withdraw(self) -> None:
        """Take back what was told last."""
        withdraw(self._told)

    def _reader(self, stream: str) -> Reader:
        return Reader(self._source.kind, stream, self._source.group, self._source.teller)
