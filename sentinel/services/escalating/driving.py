"""The sweep: steps whose time has come are told, and tickets that were taken for too long are open again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.logs import get_logger
from sentinel.models.ticket import TicketStatus
from sentinel.queries import escalations, sweeping
from sentinel.queries.escalations import StoredEscalation
from sentinel.services.escalating import addressees, following, moves, telling, words
from sentinel.services.escalating.addressees import Addressee, Asked, Nobody
from sentinel.services.escalating.history import entry, note
from sentinel.services.escalating.moves import ACKNOWLEDGED, EXHAUSTED
from sentinel.services.escalating.standings import course_of, put, standing_of
from sentinel.services.escalating.telling import Telling
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

log = get_logger(__name__)

PUT_OFF_SECONDS = 60
"""What could not be moved, by a mistake of ours, is tried again so much later."""

MOST = 200
"""Most tickets of one run, of up to 20 messages each: the next one follows in a second."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is due: whom it tells, and of whom there is nobody."""

    of: StoredEscalation
    told: Sequence[Telling]
    missing: Sequence[Nobody]


def sweep() -> int:
    """Tell what is due and reopen what was not resolved in time; returns how many escalations have moved."""
    try:
        moved = _sweep_together()
    except (OperationalError, InterfaceError, PoolTimeout):  # nobody's fault: what is due stays due
        raise
    except Exception:
        log.exception("escalating_bug")
        moved = _sweep_singly()
    if moved:
        log.info("sweep_escalations", rows=moved)
    return moved


def _sweep_together() -> int:
    with unit_of_work() as uow:
        due = escalations.take_due(uow.session, now=uow.now, most=MOST)
        _move(uow, due)
        sweeping.record_run(uow.session, "sweep_escalations", len(due), now=uow.now)
    return len(due)


def _sweep_singly() -> int:
    """Move one ticket after the other, so that the one that cannot be moved holds up itself alone."""
    with unit_of_work() as uow:
        due = [each.ticket_id for each in escalations.take_due(uow.session, now=uow.now, most=MOST)]
    moved = sum(map(_sweep_one, due))
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "sweep_escalations", moved, now=uow.now)
    return moved


def _sweep_one(ticket_id: int) -> int:
    try:
        with unit_of_work() as uow:
            due = escalations.take_due_one(uow.session, ticket_id, now=uow.now)
            _move(uow, due)
    except (OperationalError, InterfaceError, PoolTimeout):
        raise
    except Exception as error:
        log.exception("escalating_bug", ticket_id=ticket_id)
        return _put_off(ticket_id, error)
    return len(due)


def _put_off(ticket_id: int, error: Exception) -> int:
    """What cannot be moved comes again, and says so where people look."""
    with unit_of_work() as uow:
        due = escalations.take_due_one(uow.session, ticket_id, now=uow.now)
        later = uow.now + timedelta(seconds=PUT_OFF_SECONDS)
        put(uow, [(each, moves.put_off(standing_of(each), until=later)) for each in due])
        note(uow, *(entry(ticket_id, "put_off", error=type(error).__name__, seconds=PUT_OFF_SECONDS) for _ in due))
    return len(due)


def _move(uow: UnitOfWork, due: Sequence[StoredEscalation]) -> None:
    """Go by what is true of each ticket: an older version that is still at work moves tickets, and no escalations."""
    resolved = {each.ticket_id: each.resolved_by or "" for each in due if each.status == TicketStatus.RESOLVED}
    if resolved:
        following.end(uow, resolved)
    taken = [each for each in due if each.status == TicketStatus.ACKNOWLEDGED]
    if unnoticed := [each.ticket_id for each in taken if each.state != ACKNOWLEDGED]:
        following.acknowledge(uow, *unnoticed)
    _reopen(uow, [each for each in taken if each.state == ACKNOWLEDGED])
    _tell(uow, [each for each in due if each.status == TicketStatus.OPEN])


def _reopen(uow: UnitOfWork, late: Sequence[StoredEscalation]) -> None:
    """Who acknowledged these has run out of time; their first step follows with the next sweep."""
    if not late:
        return
    escalations.reopen(uow.session, [each.ticket_id for each in late], now=uow.now)
    put(uow, [(each, moves.reopened(standing_of(each), course_of(each), now=uow.now)) for each in late])
    note(uow, *(_timeout(each) for each in late))
    uow.count("escalations_reopened_total", len(late))


def _timeout(late: StoredEscalation) -> dict[str, Any]:
    seconds = late.acknowledge_timeout_seconds
    return entry(late.ticket_id, "acknowledge_timeout", by=late.acknowledged_by, seconds=seconds)


def _tell(uow: UnitOfWork, due: Sequence[StoredEscalation]) -> None:
    if not due:
        return
    meant = addressees.found(uow, ((each.client_id, target) for each in due for target in _targets(each)))
    steps = [_step(uow, each, meant) for each in due]
    ids = iter(telling.store(uow, [each for step in steps for each in step.told]))
    note(uow, *[_told(step, ids) for step in steps])
    after = [
        moves.stepped(standing_of(step.of), course_of(step.of), is_told=bool(step.told), now=uow.now) for step in steps
    ]
    put(uow, [(step.of, standing) for step, standing in zip(steps, after, strict=True)])
    exhausted = [each.of.ticket_id for each, standing in zip(steps, after, strict=True) if standing.state is EXHAUSTED]
    note(uow, *(entry(ticket_id, "exhausted") for ticket_id in exhausted))
    uow.count("escalation_steps_total", len(steps))
    if exhausted:
        uow.count("escalations_exhausted_total", len(exhausted))


def _targets(due: StoredEscalation) -> Sequence[str]:
    found: Sequence[str] = due.steps[due.step - 1]["notify"]
    return found


def _step(uow: UnitOfWork, due: StoredEscalation, meant: Mapping[Asked, Addressee | Nobody]) -> Step:
    """Word what is told; who is meant by two targets hears it once."""
    found = {_place(each): each for target in _targets(due) for each in [meant[due.client_id, target]]}
    made = [
        each
        if isinstance(each, Nobody)
        else telling.prepared(uow, due, each, words.waiting(due, each.channel), token=due.token)
        for each in found.values()
    ]
    told = [each for each in made if isinstance(each, Telling)]
    unusable = [each for telling_ in told for each in telling_.to.unusable]
    return Step(due, told, [*(each for each in made if isinstance(each, Nobody)), *unusable])


def _place(found: Addressee | Nobody) -> tuple[str, ...]:
    return (found.target,) if isinstance(found, Nobody) else (found.channel, found.recipient)


def _told(step: Step, ids: Iterator[str]) -> dict[str, Any]:
    """What the history says of a step; `ids` are those of its notifications, in order."""
    found = step.of
    told = [telling.said(each, next(ids)) for each in step.told]
    missing = [telling.unsaid(each) for each in step.missing]
    return entry(
        found.ticket_id,
        "step_told" if told else "step_missed",
        policy=found.policy,
        round=found.round,
        step=found.step,
        told=told,
        missing=missing or None,
    )
