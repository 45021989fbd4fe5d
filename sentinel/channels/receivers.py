"""What one process knows of each receiver: how many sends it may hold at once, and until when it is left alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from weakref import WeakValueDictionary

from sentinel.channels.base import Outcome, Receipt
from sentinel.settings import Settings

_UNDECIDED = frozenset({Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.QUOTA})
_ASKS_FOR_PATIENCE = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Rest:
    """Why a receiver is left alone, until when (time.monotonic), and for how many times in a row."""

    cause: Receipt
    until: float
    strikes: int

    @property
    def seconds_left(self) -> float:
        """How long it still rests; not positive once it may be tried again."""
        return self.until - time.monotonic()


class Receivers:
    """Places and rests by recipient; what a receiver has done to one message spares the others a try."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._rests: dict[str, Rest] = {}

    def places_at(self, recipient: str) -> asyncio.Semaphore:
        """The places of a receiver; forgotten when nobody holds or wants one."""
        found = self._places.get(recipient)
        if found is None:
            found = self._places[recipient] = asyncio.Semaphore(self._settings.endpoint_concurrency)
        return found

    def rest_of(self, recipient: str) -> Rest | None:
        """Why and how long a receiver must be left alone; None when it may be tried."""
        rest = self._rests.get(recipient)
        return rest if rest is not None and rest.seconds_left > 0 else None

    def note(self, recipient: str, receipt: Receipt) -> None:
        """Learn from an answer, or from there being none. Sends that fail side by side are one strike."""
        if self.rest_of(recipient) is not None:
            return
        before = self._rests.pop(recipient, None)
        strikes = before.strikes + 1 if before else 1
        seconds = self._rest_seconds(receipt, strikes)
        if seconds is not None:
            self._rests[recipient] = Rest(receipt, time.monotonic() + seconds, strikes)

    def _rest_seconds(self, receipt: Receipt, strikes: int) -> float | None:
        if receipt.outcome not in _UNDECIDED:
            return None
        if receipt.retry_after_seconds is not None:
            return min(receipt.retry_after_seconds, self._settings.backoff_cap_seconds)
        if receipt.http_status is None or receipt.http_status in _ASKS_FOR_PATIENCE:
            growing = self._settings.backoff_base_seconds * 2.0 ** min(strikes - 1, 30)
            return min(growing, self._settings.provider_pause_seconds)
        return None
