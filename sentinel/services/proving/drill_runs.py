"""Drills as they are held: messages go out together with the run's row, and when its time is up it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.ids import new_id
from sentinel.logs import get_logger
from sentinel.models import Drill, DrillRun
from sentinel.models.status import Reason
from sentinel.queries import drills as queries
from sentinel.queries import endpoints, sweeping
from sentinel.queries.endpoints import Destination
from sentinel.rendering import Facts
from sentinel.schedules.reading import read
from sentinel.services import events, notifications
from sentinel.services.access.clients import Caller
from sentinel.services.matching import wordings
from sentinel.services.proving import drills
from sentinel.services.proving.drill_events import Result, event_of, judged
from sentinel.services.trials import trial_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

log = get_logger(__name__)

MOST = 200
"""Most drills that one sweep begins, and most that it judges."""

BY_SCHEDULE = "schedule"
USUAL_TEXT = "This is a drill. Nothing happened; it only shows whether you are reached."


def run_now(uow: UnitOfWork, caller: Caller, name: str) -> DrillRun:
    """Hold a drill now, whatever its schedule says."""
    drill = drills.get(uow, caller.client_id, name, is_locked=True)
    run = _begin(uow, drill, caller.client_name, started_by=caller.label)
    if run is None:
        raise ConflictError(f'drill "{name}" is under way; GET /drills/{name}/runs shows it')
    return run


def history(
    uow: UnitOfWork, client_id: int, name: str, *, before: str | None, size: int
) -> tuple[Sequence[DrillRun], str | None]:
    """Return a page of a drill's runs, newest first, and the cursor of the next page, if any."""
    drill = drills.get(uow, client_id, name)
    rows = queries.runs(uow.session, drill.id, before=before, size=size + 1)
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def sweep() -> int:
    """Judge the runs whose time is up, and begin the drills whose time has come; returns how many of both."""
    with unit_of_work() as uow:
        over = queries.over(uow.session, now=uow.now, most=MOST)
        for run, drill, client in over:
            with _apart(uow, drill):
                _judge(uow, run, drill, client)
        due = queries.due(uow.session, now=uow.now, most=MOST)
        for drill, client in due:
            with _apart(uow, drill):
                _hold(uow, drill, client)
        sweeping.record_run(uow.session, "sweep_drills", len(over) + len(due), now=uow.now)
    if over or due:
        log.info("sweep_drills", judged=len(over), begun=len(due))
    return len(over) + len(due)


@contextmanager
def _apart(uow: UnitOfWork, drill: Drill) -> Iterator[None]:
    """Undo what was done for one drill if it fails, and go on with the next; the next sweep tries it again."""
    drill_id = drill.id
    try:
        with uow.session.begin_nested():
            yield
    except (OperationalError, PoolTimeout):
        raise
    except Exception:  # our own mistake must hold up one drill, visibly, and not those of all others
        log.exception("drill_bug", drill_id=drill_id)


def _hold(uow: UnitOfWork, drill: Drill, client: str) -> None:
    """Begin a drill whose time has come; one whose time has passed meanwhile has failed."""
    schedule = read(drill.schedule, "schedule")
    if schedule.holds(uow.now):
        _begin(uow, drill, client, started_by=BY_SCHEDULE)
    else:
        _miss(uow, drill, client)
    drill.next_at = schedule.next_start(uow.now)


def _begin(uow: UnitOfWork, drill: Drill, client: str, *, started_by: str) -> DrillRun | None:
    """Store a run and the messages that belong to it; None if one is under way."""
    run = queries.begin(uow.session, _row(uow, drill, started_by))
    if run is None:
        return None
    there = endpoints.named(uow.session, {(drill.client_id, name) for name in drill.targets})
    run.results = _send(uow, drill, run, client, there.get(drill.client_id, {}))
    return run


def _row(uow: UnitOfWork, drill: Drill, started_by: str) -> dict[str, Any]:
    return {
        "id": new_id(uow.now),
        "drill_id": drill.id,
        "client_id": drill.client_id,
        "status": "running",
        "started_by": started_by,
        "started_at": uow.now,
        "due_at": uow.now + timedelta(seconds=drill.within_seconds),
        "results": [],
    }


def _send(uow: UnitOfWork, drill: Drill, run: DrillRun, client: str, there: Mapping[str, Destination]) -> list[Result]:
    """One message for each target that is there; what no longer helps when time is up is not sent."""
    words = wordings.of_clients(uow, [drill.client_id])
    facts = _facts(uow, drill, run, client)
    marks = {"drill": drill.name, "drill_run": run.id}
    requests, refused = {}, dict.fromkeys(drill.targets, Reason.NO_ENDPOINT)
    for name in (each for each in drill.targets if each in there):
        try:
            requests[name] = trial_of(there[name], facts, words, expires_at=run.due_at, **marks)
        except InvalidInputError as error:  # such as an address whose network the settings allow no more
            refused[name] = Reason.INVALID
            log.warning("drill_target_refused", drill_id=drill.id, target=name, error=str(error))
    rows = notifications.accept(uow, drill.client_id, list(requests.values()))
    ids = dict(zip(requests, (row["id"] for row in rows), strict=True))
    return [_result(name, ids.get(name), None if name in ids else refused[name]) for name in drill.targets]


def _facts(uow: UnitOfWork, drill: Drill, run: DrillRun, client: str) -> Facts:
    event = {
        "type": "drill",
        "source": "sentinel",
        "name": drill.name,
        "message": drill.text or USUAL_TEXT,
    }
    return Facts(client, f"drill-{run.id}", drill.severity, (), event, uow.now, is_test=True)


def _result(target: str, notification_id: str | None, reason: str | None) -> Result:
    return {
        "target": target,
        "notification_id": notification_id,
        "is_reached": False,
        "status": None,
        "reason": reason,
        "reached_at": None,
    }


def _miss(uow: UnitOfWork, drill: Drill, client: str) -> None:
    """Write down that a drill was not held: Sentinel itself was away from its beginning to its end."""
    results = [_result(name, None, "not_held") for name in drill.targets]
    row = _row(uow, drill, BY_SCHEDULE) | {"status": "failed", "finished_at": uow.now, "results": results}
    run = queries.begin(uow.session, row)
    if run is not None:
        _conclude(uow, drill, run, client)


def _judge(uow: UnitOfWork, run: DrillRun, drill: Drill, client: str) -> None:
    ids = [each["notification_id"] for each in run.results if each["notification_id"]]
    run.results = judged(run.results, queries.standing(uow.session, ids), due_at=run.due_at)
    run.status = "passed" if all(each["is_reached"] for each in run.results) else "failed"
    run.finished_at = uow.now
    _conclude(uow, drill, run, client)


def _conclude(uow: UnitOfWork, drill: Drill, run: DrillRun, client: str) -> None:
    """Tell of a drill that has failed, and of the first that passes again."""
    unreached = [each for each in run.results if not each["is_reached"]]
    if unreached or drill.is_failing:
        told = event_of(drill, run.id, unreached, now=uow.now)
        events.ingest(uow, Caller(drill.client_id, client, frozenset()), [told])
    drill.is_failing = bool(unreached)
    uow.count("drills_total", result=run.status)
