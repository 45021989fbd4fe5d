"""What to do while something that is needed is away: try again, ever more slowly, and say so once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sentinel import stopping
from sentinel.errors import SentinelError
from sentinel.logs import get_logger

log = get_logger(__name__)

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0
"""The first wait; each one after it is twice as long, up to the longest."""

Done = TypeVar("Done")


class AwayError(SentinelError):
    """The database or the stream cannot do it now. Nothing is lost: ask again."""


class StoppedError(SentinelError):
    """This process is to stop, and what it wanted to do cannot be done now."""


class Patience:
    """Repeats what an outage stops; `rest` waits for so many seconds."""

    def __init__(self, rest: Callable[[float], None]) -> None:
        self._rest = rest
        self._is_waiting = False

    def until_done(self, action: Callable[[], Done]) -> Done:
        """Return what `action` returns when it succeeds at last; raises `StoppedError`."""
        seconds = FIRST_SECONDS
        while True:
            try:
                done = action()
            except AwayError as error:
                self._say_waiting(error)
                if stopping.is_asked():
                    raise StoppedError(str(error)) from None
                self._rest(seconds)
                seconds = min(2 * seconds, LONGEST_SECONDS)
            else:
                self._say_over()
                return done

    def _say_waiting(self, error: AwayError) -> None:
        if not self._is_waiting:  # once per outage
            log.warning("ingest_waits", why=str(error))
        self._is_waiting = True

    def _say_over(self) -> None:
        if self._is_waiting:
            log.info("ingest_goes_on")
        self._is_waiting = False
