"""Tickets that open, or get worse, take a policy: the one that their rule names, else the default of their severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.queries import escalation_policies, escalations
from sentinel.queries.escalation_policies import StoredPolicy
from sentinel.queries.escalations import StoredEscalation
from sentinel.queries.tickets import Touched
from sentinel.services.escalating import moves
from sentinel.services.escalating.history import entry, note
from sentinel.services.escalating.moves import Standing
from sentinel.services.escalating.standings import columns_of, copied, course_of, standing_of
from sentinel.services.unit_of_work import UnitOfWork

Policies = Mapping[tuple[int, str], StoredPolicy]
"""By client, and name or severity."""


@dataclass(frozen=True, slots=True)
class Wanting:
    """A ticket that has opened or got worse, and the policy that its rule names."""

    ticket: Touched
    policy: str | None


def begin(uow: UnitOfWork, wanting: Sequence[Wanting]) -> None:
    """Copy policies into the escalations of tickets; who has no policy is told to nobody in particular."""
    concerned = [each for each in wanting if each.ticket.has_policies or each.policy is not None]
    if not concerned:
        return
    stored = escalation_policies.of_clients(uow.session, sorted({each.ticket.client_id for each in concerned}))
    named = {(each.client_id, each.name): each for each in stored}
    usual = {(each.client_id, severity): each for each in stored for severity in each.default_for}
    note(uow, *(_missing(each) for each in concerned if _is_missing(each, named)))
    chosen = {each.ticket.id: policy for each in concerned if (policy := _chosen(each, named, usual))}
    _copy(uow, {each.ticket.id: each.ticket for each in concerned}, chosen)


def _chosen(wanting: Wanting, named: Policies, usual: Policies) -> StoredPolicy | None:
    ticket = wanting.ticket
    found = named.get((ticket.client_id, wanting.policy)) if wanting.policy is not None else None
    return found or usual.get((ticket.client_id, ticket.severity))


def _is_missing(wanting: Wanting, named: Policies) -> bool:
    return wanting.policy is not None and (wanting.ticket.client_id, wanting.policy) not in named


def _missing(wanting: Wanting) -> dict[str, Any]:
    """The rule was written when there was such a policy; it has been removed by force."""
    return entry(wanting.ticket.id, "policy_missing", policy=wanting.policy)


def _copy(uow: UnitOfWork, tickets: Mapping[int, Touched], chosen: Mapping[int, StoredPolicy]) -> None:
    worse = [ticket_id for ticket_id in chosen if not tickets[ticket_id].is_new]
    before = {each.ticket_id: each for each in escalations.locked(uow.session, worse)} if worse else {}
    # The same policy goes on as it was: a worse event of it says nothing new about whom to tell.
    changing = {each: policy for each, policy in chosen.items() if _differs(before.get(each), policy)}
    if not changing:
        return
    rows = [
        {"ticket_id": each, "client_id": policy.client_id}
        | copied(policy)
        | columns_of(_standing(uow, before.get(each), policy, tickets[each]))
        for each, policy in changing.items()
    ]
    escalations.begin(uow.session, rows, now=uow.now)
    note(uow, *(_begun(each, policy, before.get(each)) for each, policy in changing.items()))


def _differs(before: StoredEscalation | None, policy: StoredPolicy) -> bool:
    return before is None or before.policy != policy.name


def _standing(uow: UnitOfWork, before: StoredEscalation | None, policy: StoredPolicy, ticket: Touched) -> Standing:
    course = course_of(policy)
    if before is not None:
        return moves.raised(standing_of(before), course, now=uow.now)
    start = moves.begun(course, now=uow.now)
    return moves.acknowledged(start, course, now=uow.now) if ticket.is_acknowledged else start


def _begun(ticket_id: int, policy: StoredPolicy, before: StoredEscalation | None) -> dict[str, Any]:
    if before is None:
        return entry(ticket_id, "escalation_began", policy=policy.name)
    return entry(ticket_id, "escalation_raised", policy=policy.name, before=before.policy)
