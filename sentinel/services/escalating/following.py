"""Escalations follow what becomes of their tickets: acknowledged, snoozed, resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sentinel.queries import escalations
from sentinel.queries.escalations import StoredEscalation, ToldTarget
from sentinel.services.escalating import moves, telling, words
from sentinel.services.escalating.addressees import Addressee, Nobody, shown
from sentinel.services.escalating.history import entry, note
from sentinel.services.escalating.moves import ENDED, RUNNING, SNOOZED
from sentinel.services.escalating.standings import course_of, put, standing_of
from sentinel.services.escalating.telling import Telling
from sentinel.services.unit_of_work import UnitOfWork


def acknowledge(uow: UnitOfWork, ticket_id: int) -> None:
    """Tell nobody more: somebody has the ticket, as long as the policy lets them."""
    found = escalations.locked(uow.session, [ticket_id])
    put(uow, [(each, moves.acknowledged(standing_of(each), course_of(each), now=uow.now)) for each in found])


def snooze(uow: UnitOfWork, ticket_id: int, until: datetime) -> bool:
    """Be quiet until a time; False if there is nothing that would be told."""
    found = [each for each in escalations.locked(uow.session, [ticket_id]) if each.state in (RUNNING, SNOOZED)]
    put(uow, [(each, moves.snoozed(standing_of(each), until=until)) for each in found])
    return bool(found)


def end(uow: UnitOfWork, resolved_by: Mapping[int, str]) -> None:
    """End the escalations of resolved tickets, and say so to those who were told; by ticket, who resolved it."""
    found = [each for each in escalations.locked(uow.session, resolved_by) if each.state != ENDED]
    if not found:
        return
    put(uow, [(each, moves.ended(standing_of(each))) for each in found])
    _tell_end(uow, {each.ticket_id: each for each in found if each.tells_end}, resolved_by)


def _tell_end(uow: UnitOfWork, ended: Mapping[int, StoredEscalation], resolved_by: Mapping[int, str]) -> None:
    told = escalations.told(uow.session, ended) if ended else []
    made = [_word_of_end(uow, ended[each.ticket_id], each, by=resolved_by[each.ticket_id]) for each in told]
    going = [each for each in made if isinstance(each, Telling)]
    ids = telling.store(uow, going)
    note(uow, *_end_told(going, ids))


def _word_of_end(uow: UnitOfWork, of: StoredEscalation, told: ToldTarget, *, by: str) -> Telling | Nobody:
    to = Addressee(told.target, told.who, told.channel, told.recipient, told.endpoint_id)
    return telling.prepared(uow, of, to, words.over(of, told.channel, by=by), token=of.token, is_end=True)


def _end_told(going: Sequence[Telling], ids: Sequence[str]) -> list[dict[str, object]]:
    """What the history of each ticket says of it."""
    heard: dict[int, list[dict[str, str]]] = {}
    for each, notification_id in zip(going, ids, strict=True):
        said = {"target": shown(each.to.target), "who": each.to.who, "channel": each.to.channel}
        heard.setdefault(each.of.ticket_id, []).append(said | {"notification_id": notification_id})
    return [entry(ticket_id, "end_told", told=told) for ticket_id, told in heard.items()]
