"""Start many ended notifications over: slice by slice along their ids, no faster than asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sentinel.cli.database import operator_work
from sentinel.queries import notifications as queries
from sentinel.queries.notifications import Filter
from sentinel.services import notifications
from sentinel.settings import get_settings

SLICES_PER_SECOND = 4
"""A rate of 500 means 125 every quarter of a second, not 500 at once."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What became of some ids: how many were taken up, how many of these the broker refused."""

    seen: int = 0
    retried: int = 0
    unqueued: int = 0

    def __add__(self, other: Slice) -> Slice:
        """Add up what was done so far."""
        return Slice(self.seen + other.seen, self.retried + other.retried, self.unqueued + other.unqueued)


def retry_slices(wanted: Filter, *, most: int, rate: int) -> Iterator[Slice]:
    """Retry up to `most` of what `wanted` finds, at most `rate` a second; each slice is committed before the next.

    Ids only fall: a notification that fails again meanwhile is not met twice, so this comes to an end.
    """
    size = max(1, min(rate // SLICES_PER_SECOND, get_settings().batch_size))
    started, seen = time.monotonic(), 0
    while seen < most:
        _wait_until(started + seen / rate)
        done, last = _retry_slice(wanted, size=min(size, most - seen))
        if last is None:
            return
        seen += done.seen
        wanted = replace(wanted, before=last)
        yield done


def _retry_slice(wanted: Filter, *, size: int) -> tuple[Slice, str | None]:
    with operator_work() as uow:
        ids = queries.ids(uow.session, wanted, size=size)
        retried = notifications.retry_many(uow, ids) if ids else []
    return Slice(len(ids), len(retried), uow.unqueued), ids[-1] if ids else None


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
