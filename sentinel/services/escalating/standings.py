"""Escalations between their rows and the values that `moves` knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.models.escalation import EscalationState
from sentinel.queries import escalations
from sentinel.queries.escalation_policies import StoredPolicy
from sentinel.queries.escalations import StoredEscalation
from sentinel.services.escalating.moves import Course, Standing
from sentinel.services.unit_of_work import UnitOfWork

Moved = tuple[StoredEscalation, Standing]
"""An escalation as it was read, and where it is to stand."""


def course_of(found: StoredEscalation | StoredPolicy) -> Course:
    """The times of an escalation, or of the policy that it is to copy."""
    return Course(
        waits=tuple(step["wait_seconds"] for step in found.steps),
        repeat=found.repeat,
        repeat_wait=found.repeat_wait_seconds,
        acknowledge_timeout=found.acknowledge_timeout_seconds,
    )


def standing_of(found: StoredEscalation) -> Standing:
    """Where an escalation stands."""
    return Standing(EscalationState(found.state), found.next_step_at, found.round, found.step, found.run, found.token)


def columns_of(standing: Standing) -> dict[str, Any]:
    """What a row keeps of it."""
    return {
        "state": standing.state,
        "round": standing.round,
        "step": standing.step,
        "run": standing.run,
        "token": standing.token,
        "next_step_at": standing.next_step_at,
    }


def copied(policy: StoredPolicy) -> dict[str, Any]:
    """What a ticket copies of its policy."""
    return {
        "policy": policy.name,
        "steps": policy.steps,
        "repeat": policy.repeat,
        "repeat_wait_seconds": policy.repeat_wait_seconds,
        "acknowledge_timeout_seconds": policy.acknowledge_timeout_seconds,
        "tells_end": policy.tells_end,
    }


def put(uow: UnitOfWork, moved: Sequence[Moved]) -> None:
    """Write where escalations stand now. They are locked, so each still has the token that was read."""
    rows: list[Mapping[str, Any]] = [
        {"ticket_id": found.ticket_id, "before": found.token} | columns_of(standing) for found, standing in moved
    ]
    if rows:
        escalations.move(uow.session, rows, now=uow.now)
