"""Bulk replays: many dead letters start over at a pace, carried on by a sweeper, and how far each one is.

Only letters whose turn comes soon are taken up; so there is something left to stop. docs/decisions/188-*.md
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg2.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.errors import ConflictError, NotFoundError
from sentinel.logs import get_logger
from sentinel.models import LetterReplay
from sentinel.models.letter_replay import ReplayStatus
from sentinel.models.status import IN_FLIGHT, RETRYABLE
from sentinel.queries import letter_replays as queries
from sentinel.queries import notifications as notification_queries
from sentinel.queries import sweeping
from sentinel.queries.letter_replays import MOST_COUNTED, THROUGH
from sentinel.queries.notifications import Filter
from sentinel.queries.retrying import Pace
from sentinel.services import notifications
from sentinel.services.bookkeeping.dead_letters import narrowed
from sentinel.services.editing import LARGEST_ID
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

SLICE = 200
"""Letters that one transaction starts over: a stop waits for it, so it must be short on a slow machine too."""

MOST_SLICES = 25
"""Slices of one sweep: with a sweep every two seconds no replay is faster than 2,500 a second."""

AHEAD = timedelta(seconds=10)
"""A letter is taken up so long before its turn: a stop comes too late for those."""

SOONEST, LATEST = timedelta(seconds=5), timedelta(minutes=5)
"""How often somebody looks whether the last letters of a replay have ended: less often, the longer that takes."""

TWICE = timedelta(seconds=10)
"""Whoever asks for the same again so soon has clicked twice."""

REST = timedelta(minutes=1)
"""After a mistake of ours, or a statement that was given up, a replay is left alone for so long."""

GIVEN_UP = (QueryCanceled, LockNotAvailable, DeadlockDetected)
"""Statements end so that took too long, or stood in each other's way."""


@dataclass(frozen=True, slots=True)
class Portion:
    """So many letters are next, where the first of all had its turn at `paced_from`; look again at `next_look_at`."""

    size: int
    paced_from: datetime
    next_look_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What became of some letters: taken up, started over, of these queued at once; the broker refused `unqueued`."""

    seen: int = 0
    replayed: int = 0
    at_once: int = 0
    unqueued: int = 0

    def __add__(self, other: Step) -> Step:
        """Add up what was done so far."""
        return Step(
            self.seen + other.seen,
            self.replayed + other.replayed,
            self.at_once + other.at_once,
            self.unqueued + other.unqueued,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """A replay, whose letters it takes up, and how those ended that it did.

    `gone`: another replay has them now, or they are kept no more. `is_cut`: more are left over than are counted
    while it is under way; then `through` is what remains.
    """

    replay: LetterReplay
    client: str | None
    waiting: int
    through: int
    failed: int
    held_back: int
    gone: int
    is_cut: bool

    @property
    def rate_per_second(self) -> int:
        """Its pace."""
        return self.replay.rate

    @property
    def left(self) -> int:
        """How many have not been taken up."""
        return max(0, self.replay.total - self.replay.seen)


def portion(row: LetterReplay, *, now: datetime, ahead: timedelta) -> Portion:
    """Say how many letters have their turn before `now + ahead`, a slice at most.

    A time in which nobody looked is not made up for: what missed its turn comes at the same pace from now on.
    """
    paced_from = max(row.paced_from, now - timedelta(seconds=row.seen / row.rate))
    turns = int((now + ahead - paced_from).total_seconds() * row.rate)
    size = max(0, min(SLICE, row.total - row.seen, turns - row.seen))
    if size == SLICE:
        return Portion(size, paced_from, now)
    next_turn = paced_from + timedelta(seconds=(row.seen + size) / row.rate)
    return Portion(size, paced_from, max(now, next_turn - ahead / 2))


def begin(uow: UnitOfWork, wanted: Filter, *, total: int, rate: int, by: str) -> LetterReplay:
    """Have up to `total` letters started over, newest first, `rate` a second; `drive` takes up the first of them."""
    values = _asked(wanted, rate=rate, by=by) | {
        "total": total,
        "began_at": uow.now,
        "paced_from": uow.now,
        "next_look_at": uow.now,
    }
    row = queries.add(uow.session, values)
    log.info("replay_began", replay_id=row.id, letters=total, rate=rate, by=by)
    return row


def twin_of(uow: UnitOfWork, wanted: Filter, *, rate: int, by: str) -> LetterReplay | None:
    """Return a running one that the same person began just so, moments ago: two clicks mean one replay."""
    return queries.twin_of(uow.session, _asked(wanted, rate=rate, by=by), since=uow.now - TWICE)


def _asked(wanted: Filter, *, rate: int, by: str) -> dict[str, Any]:
    data = _as_data(narrowed(wanted))
    return {"client_id": wanted.client_id, "narrowed_to": data, "rate": rate, "requested_by": by}


def drive(replay_id: int) -> Iterator[Step]:
    """Take up what has its turn soon, slice by slice, each committed before the next; the sweeper does the rest."""
    is_due = True
    while is_due:
        with unit_of_work() as uow:
            row = queries.take(uow.session, replay_id)
            step = Step() if row is None else _step(uow, row)
            is_due = row is not None and row.status == ReplayStatus.RUNNING and row.next_look_at == uow.now
        yield replace(step, unqueued=uow.unqueued)


def sweep() -> int:
    """Carry on with the replays that are due, and settle those whose letters have ended; returns how many letters."""
    moved = 0
    for _ in range(MOST_SLICES):
        with unit_of_work() as uow:
            row = queries.take_due(uow.session, now=uow.now)
            moved += 0 if row is None else _look_at_surely(uow, row)
            if row is None:
                break
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "sweep_replays", moved, now=uow.now)
    return moved


def _look_at_surely(uow: UnitOfWork, row: LetterReplay) -> int:
    replay_id = row.id
    try:
        with uow.session.begin_nested():
            return _look_at(uow, row)
    except PoolTimeout:
        raise
    except OperationalError as error:
        if not isinstance(error.orig, GIVEN_UP):
            raise
        # The database is there: one replay that it cannot serve now must not hold up those behind it.
        log.warning("replay_given_up", replay_id=replay_id, reason=type(error.orig).__name__)
        row.next_look_at = uow.now + REST
        return 0
    except Exception:  # our own mistake must hold up one replay, visibly, and not those behind it
        log.exception("replay_bug", replay_id=replay_id)
        row.next_look_at = uow.now + REST
        return 0


def _look_at(uow: UnitOfWork, row: LetterReplay) -> int:
    if row.status == ReplayStatus.RUNNING:
        return _step(uow, row).replayed
    ended_at = row.ended_at or uow.now
    if queries.is_waiting(uow.session, row.id):
        row.next_look_at = uow.now + min(LATEST, max(SOONEST, (uow.now - ended_at) / 10))
        return 0
    row.settled_at, row.next_look_at = uow.now, None
    row.outcomes = queries.outcomes(uow.session, row.id)
    log.info("replay_settled", replay_id=row.id, **row.outcomes)
    return 0


def _step(uow: UnitOfWork, row: LetterReplay) -> Step:
    """Start the next letters over, in the transaction that moves the replay: a second sweeper finds the next ones.

    Ids only fall: a letter that fails again meanwhile is not met twice, so this comes to an end.
    """
    ahead = max(AHEAD, timedelta(seconds=3 * get_settings().sweep_seconds))
    now = portion(row, now=uow.now, ahead=ahead)
    wanted = replace(_of_data(row.narrowed_to), client_id=row.client_id, before=row.before)
    ids = notification_queries.ids(uow.session, wanted, size=now.size) if now.size else []
    pace = Pace(row.rate, now.paced_from, row.seen, row.id)
    done = notifications.retry_many(uow, ids, pace) if ids else []
    row.paced_from, row.next_look_at = now.paced_from, now.next_look_at
    row.seen += len(ids)
    row.replayed += len(done)
    row.before = ids[-1] if ids else row.before
    if row.seen >= row.total or len(ids) < now.size:
        row.status, row.ended_at, row.next_look_at = ReplayStatus.FINISHED, uow.now, uow.now + SOONEST
    return Step(len(ids), len(done), sum(each.due_at is None for each in done))


def stop(uow: UnitOfWork, replay_id: int, *, client_id: int | None, by: str) -> Progress:
    """Leave the letters of a running replay as they are whose turn has not come."""
    found = get(uow, replay_id, client_id=client_id).replay
    if not queries.stop(uow.session, replay_id, by=by, now=uow.now):
        uow.session.refresh(found)
        raise ConflictError(f"replay {replay_id} is {found.status}; only a running one can be stopped")
    uow.session.refresh(found)
    log.info("replay_stopped", replay_id=replay_id, seen=found.seen, letters=found.total, by=by)
    return get(uow, replay_id, client_id=client_id)


def get(uow: UnitOfWork, replay_id: int, *, client_id: int | None) -> Progress:
    """Return one replay of the client (None: of any) and how far it is."""
    found = queries.get(uow.session, replay_id, client_id=client_id) if replay_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no replay {replay_id}; GET /dead-letters/replays lists those there are")
    return _progress(uow, *found)


def page(uow: UnitOfWork, *, client_id: int | None, before: int | None, size: int) -> tuple[list[Progress], int | None]:
    """Return a page of replays, newest first, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, queries.Filter(client_id, before), size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return [_progress(uow, *each) for each in rows[:size]], following


def _progress(uow: UnitOfWork, row: LetterReplay, client: str | None) -> Progress:
    known = row.outcomes
    found = queries.count_some(uow.session, row.id) if known is None else known
    waiting, through, failed = (_of(found, each) for each in (IN_FLIGHT, THROUGH, RETRYABLE))
    others = sum(found.values()) - waiting - through - failed
    left_over = max(0, row.replayed - sum(found.values()))
    cut = {status for status, number in found.items() if known is None and number >= MOST_COUNTED}
    if cut:  # some are not counted: most of them got through
        through, left_over = through + left_over, 0
    return Progress(row, client, waiting, through, failed, others, left_over, bool(cut - THROUGH))


def _of(found: Mapping[str, int], statuses: Collection[str]) -> int:
    return sum(found.get(status, 0) for status in statuses)


def under_way(uow: UnitOfWork, *, most: int) -> list[Progress]:
    """Return the replays of all clients whose letters have not all ended, newest first."""
    return [_progress(uow, *each) for each in queries.page(uow.session, queries.Filter(is_under_way=True), size=most)]


def _as_data(wanted: Filter) -> dict[str, Any]:
    """A filter as its row keeps it; whose letters, and how far it is, are columns of their own."""
    given = asdict(replace(wanted, client_id=None, before=None))
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items() if value}


def _of_data(kept: Mapping[str, Any]) -> Filter:
    times = {name: datetime.fromisoformat(kept[name]) for name in ("since", "until") if name in kept}
    lists = {name: tuple(value) for name, value in kept.items() if isinstance(value, list)}
    return Filter(**{**kept, **times, **lists})


def filter_of(row: LetterReplay) -> Filter:
    """Which letters a replay takes up."""
    return replace(_of_data(row.narrowed_to), client_id=row.client_id)
