"""A short memory of counters: what was counted, looked at every ten seconds, so that people see how it went.

Counters only add up, and the rows that they count are too many to be asked. A look is a few numbers in a list of
bounded length, in Redis, where the counters are: whoever loses one loses the other.
See docs/decisions/185-a-short-memory-of-counters.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from redis.exceptions import RedisError

from sentinel import metrics, presence
from sentinel.broker import celery
from sentinel.clock import utc_now
from sentinel.logs import get_logger
from sentinel.queries import sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.curves import ACCEPTED, FAILED, KINDS, SENT, SUPPRESSED, Curves, Sample, Window, curves
from sentinel.store import get_store

log = get_logger(__name__)

KEY = "sentinel:history"

EVERY_SECONDS = 10.0
"""How often beat asks for a look."""

SWEEPER = "sample_counters"

KIND_OF = {
    "notifications_accepted_total": ACCEPTED,
    "notifications_sent_total": SENT,
    "notifications_suppressed_total": SUPPRESSED,
    "notifications_failed_total": FAILED,
    "notifications_undelivered_total": FAILED,
}
"""Which counters make which curve: what a provider took and then could not deliver has failed."""

WINDOWS = (
    Window("15m", "15 minutes", 900.0, EVERY_SECONDS),
    Window("1h", "hour", 3600.0, 3 * EVERY_SECONDS),
    Window("1d", "day", 86_400.0, 300.0),
)
"""What people may look at."""

TASKS, SECONDS, RINGS, ERRORS = range(4)
"""What is known of a worker: tasks it was given and how long they took, tasks that beat rang, errors of either."""


@dataclass(frozen=True, slots=True)
class Track:
    """A list of looks: how far they lie apart, and how many are kept."""

    name: str
    period: float
    kept: int

    @property
    def seconds(self) -> float:
        """How far back it goes."""
        return self.period * (self.kept - 1)

    @property
    def key(self) -> str:
        """Where it lies."""
        return f"{KEY}:{self.name}"


FINE = Track("fine", EVERY_SECONDS, 361)
"""An hour."""
COARSE = Track("coarse", 300.0, 289)
"""A day."""
WORKERS = Track("workers", 60.0, 17)
"""A quarter of an hour."""
TRACKS = (FINE, COARSE, WORKERS)

Works = dict[str, list[float]]
"""By a worker's name: numbers in the order of `TASKS`, `SECONDS`, `RINGS`, `ERRORS`."""


def sample() -> int:
    """Look at the counters, and keep what the tracks want; returns how many took something."""
    taken = 0
    try:
        taken = _look(utc_now())
        presence.prune()
    except RedisError as error:  # the gap is shown as one; that Redis is away is no fault of beat's
        log.warning("counters_not_sampled", error=type(error).__name__)
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, SWEEPER, taken, now=uow.now)
    return taken


def recent(*windows: Window, now: float) -> list[Curves]:
    """Return the curves of these windows as they are at `now`; raises RedisError."""
    fine = _samples(FINE)
    coarse = _samples(COARSE) if any(window.seconds > FINE.seconds for window in windows) else []
    # The newest look of all ends the coarse ones, which may be minutes old.
    of_track = {FINE: fine, COARSE: coarse + fine[-1:]}
    tracks = [FINE if window.seconds <= FINE.seconds else COARSE for window in windows]
    return [
        curves(of_track[track], window, period=track.period, now=now)
        for track, window in zip(tracks, windows, strict=True)
    ]


def works() -> list[tuple[float, Works]]:
    """Return what workers had done, with the times of the looks, oldest first; raises RedisError."""
    return [(at, work) for at, work in reversed(_kept(WORKERS))]


def _look(now: datetime) -> int:
    store = get_store()
    # Two beats, or a task that came twice, must not look twice: one of them has the turn.
    if not store.set(f"{KEY}:turn", 1, nx=True, px=int(EVERY_SECONDS * 800)):
        return 0
    at = now.timestamp()
    due = [track for track in TRACKS if _is_due(track, at)]
    found: dict[str, Any] = {FINE.name: _counts()}
    found[COARSE.name] = found[FINE.name]
    if WORKERS in due:
        found[WORKERS.name] = _works()
    with store.pipeline(transaction=False) as batch:
        for track in due:
            batch.lpush(track.key, orjson.dumps([round(at, 2), found[track.name]]))
            batch.ltrim(track.key, 0, track.kept - 1)
        batch.execute()
    return len(due)


def _is_due(track: Track, at: float) -> bool:
    """Whether the newest look lies about a period back, or in the future: a clock was set back, and time goes on."""
    newest: Any = get_store().lindex(track.key, 0)
    if newest is None:
        return True
    age: float = at - orjson.loads(newest)[0]
    return age < 0 or age >= track.period - EVERY_SECONDS / 2


def _counts() -> list[float]:
    counts = [0.0] * len(KINDS)
    for (name, *_), amount in metrics.totals_like('["notifications_*').items():
        if name in KIND_OF:
            counts[KIND_OF[name]] += amount
    return counts


def _works() -> Works:
    rung = {entry["task"] for entry in celery.conf.beat_schedule.values()}
    works: Works = defaultdict(lambda: [0.0] * 4)
    like = ('["worker_tasks_total",*', '["worker_task_errors_total",*', f'["worker_task_seconds",*,"{metrics.SUM}"]')
    for (name, worker, task, *_), amount in metrics.totals_like(*like).items():
        if name == "worker_task_errors_total":
            works[worker][ERRORS] += amount
        elif name == "worker_tasks_total":
            works[worker][RINGS if task in rung else TASKS] += amount
        elif task not in rung:
            works[worker][SECONDS] += amount
    return {worker: [round(each, 3) for each in numbers] for worker, numbers in works.items()}


def _samples(track: Track) -> list[Sample]:
    """The looks of a track, oldest first."""
    return [Sample(at, tuple(counts)) for at, counts in reversed(_kept(track))]


def _kept(track: Track) -> Sequence[tuple[float, Any]]:
    stored: Any = get_store().lrange(track.key, 0, -1)
    return [orjson.loads(each) for each in stored]
