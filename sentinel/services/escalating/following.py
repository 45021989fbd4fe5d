"""Escalations follow what becomes of their tickets: acknowledged, snoozed, resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sentinel.models.status import Reason
from sentinel.queries import escalations
from sentinel.queries.escalations import StoredEscalation, ToldTarget
from sentinel.services.escalating import moves, telling, words
from sentinel.services.escalating.addressees import Addressee, Nobody
from sentinel.services.escalating.history import entry, note
from sentinel.services.escalating.moves import ENDED, RUNNING, SNOOZED
from sentinel.services.escalating.standings import course_of, put, standing_of
from sentinel.services.escalating.telling import Telling
from sentinel.services.unit_of_work import UnitOfWork


def acknowledge(uow: UnitOfWork, *ticket_ids: int) -> None:
    """Tell nobody more: somebody has these tickets, as long as the policy lets them."""
    found = escalations.locked(uow.session, ticket_ids)
    _withdraw(uow, found, Reason.ACKNOWLEDGED)
    put(uow, [(each, moves.acknowledged(standing_of(each), course_of(each), now=uow.now)) for each in found])


def snooze(uow: UnitOfWork, ticket_id: int, until: datetime) -> bool:
    """Be quiet until a time; False if there is nothing that would be told."""
    found = [each for each in escalations.locked(uow.session, [ticket_id]) if each.state in (RUNNING, SNOOZED)]
    _withdraw(uow, found, Reason.SNOOZED)
    put(uow, [(each, moves.snoozed(standing_of(each), until=until)) for each in found])
    return bool(found)


def wake(uow: UnitOfWork, ticket_id: int) -> bool:
    """Have the sweep tell the next step now; False if the ticket is not snoozed."""
    found = [each for each in escalations.locked(uow.session, [ticket_id]) if each.state == SNOOZED]
    put(uow, [(each, moves.snoozed(standing_of(each), until=uow.now)) for each in found])
    return bool(found)


def end(uow: UnitOfWork, resolved_by: Mapping[int, str]) -> None:
    """End the escalations of resolved tickets, and say so to those who were told; by ticket, who resolved it."""
    found = [each for each in escalations.locked(uow.session, resolved_by) if each.state != ENDED]
    if not found:
        return
    _withdraw(uow, found, Reason.RESOLVED)
    put(uow, [(each, moves.ended(standing_of(each))) for each in found])
    _tell_end(uow, {each.ticket_id: each for each in found if each.tells_end}, resolved_by)


def _withdraw(uow: UnitOfWork, found: Sequence[StoredEscalation], reason: Reason) -> None:
    """Send nothing more of what steps have said and nobody has got yet; what is on its way cannot be called back."""
    if not found:
        return
    channels = escalations.withdraw(uow.session, [each.ticket_id for each in found], reason=reason, now=uow.now)
    for channel, amount in Counter(channels).items():
        uow.count("notifications_cancelled_total", amount, channel=channel)


def _tell_end(uow: UnitOfWork, ended: Mapping[int, StoredEscalation], resolved_by: Mapping[int, str]) -> None:
    told = escalations.told(uow.session, ended) if ended else []
    made = [(each.ticket_id, _word_of_end(uow, ended[each.ticket_id], each, resolved_by)) for each in told]
    ids = iter(telling.store(uow, [each for _, each in made if isinstance(each, Telling)]))
    heard: dict[int, list[dict[str, Any]]] = {ticket_id: [] for ticket_id, _ in made}
    missing: dict[int, list[dict[str, Any]]] = {ticket_id: [] for ticket_id, _ in made}
    for ticket_id, each in made:
        if isinstance(each, Telling):
            heard[ticket_id].append(telling.said(each, next(ids)))
        else:
            missing[ticket_id].append(telling.unsaid(each))
    note(uow, *(entry(each, "end_told", told=heard[each], missing=missing[each] or None) for each in heard))


def _word_of_end(
    uow: UnitOfWork, of: StoredEscalation, told: ToldTarget, resolved_by: Mapping[int, str]
) -> Telling | Nobody:
    to = Addressee(told.target, told.who, told.channel, told.recipient, told.endpoint_id)
    content = words.over(of, told.channel, by=resolved_by[of.ticket_id])
    return telling.prepared(uow, of, to, content, token=of.token, is_end=True)
