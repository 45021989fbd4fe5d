"""Whom the next step of tickets would tell, were it told now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sentinel.models import Escalation
from sentinel.models.escalation import EscalationState
from sentinel.services.escalating import addressees
from sentinel.services.escalating.addressees import Addressee, Nobody
from sentinel.services.unit_of_work import UnitOfWork

GOING = frozenset({EscalationState.RUNNING, EscalationState.SNOOZED})
"""What tells somebody by itself when its time comes."""

Meant = Sequence[Addressee | Nobody]
"""Who is behind the targets of a step, each once."""


def next_told(uow: UnitOfWork, escalations: Iterable[Escalation | None]) -> Mapping[int, Meant]:
    """Say by ticket whom its next step tells; those that tell nobody more are left out."""
    going = [each for each in escalations if each is not None and each.state in GOING]
    targets = {each.ticket_id: list(dict.fromkeys(each.steps[each.step - 1]["notify"])) for each in going}
    asked = {(each.client_id, target) for each in going for target in targets[each.ticket_id]}
    meant = addressees.found(uow, asked) if asked else {}
    return {each.ticket_id: [meant[each.client_id, target] for target in targets[each.ticket_id]] for each in going}
