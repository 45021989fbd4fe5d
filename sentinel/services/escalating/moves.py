"""How an escalation moves: by its steps, by time, and by what people do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sentinel.models.escalation import EscalationState

RUNNING, SNOOZED, ACKNOWLEDGED, EXHAUSTED, ENDED = (
    EscalationState.RUNNING,
    EscalationState.SNOOZED,
    EscalationState.ACKNOWLEDGED,
    EscalationState.EXHAUSTED,
    EscalationState.ENDED,
)


@dataclass(frozen=True, slots=True)
class Course:
    """The times of a policy: the wait before each step, how often all are repeated, and who acknowledges has how long.

    A step without a wait follows at once; so a round that is repeated has a wait of its own before its first step.
    """

    waits: tuple[int, ...]
    repeat: int = 0
    repeat_wait: int = 300
    acknowledge_timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an escalation stands: `round` and `step` are what comes next, from 1 on. `token` grows with each move."""

    state: EscalationState
    next_step_at: datetime | None
    round: int = 1
    step: int = 1
    run: int = 1
    token: int = 1

    def is_due(self, now: datetime) -> bool:
        """Whether the sweep has something to do."""
        return self.next_step_at is not None and self.next_step_at <= now


def begun(course: Course, *, now: datetime) -> Standing:
    """The beginning."""
    return Standing(RUNNING, _later(now, course.waits[0]))


def stepped(standing: Standing, course: Course, *, is_told: bool, now: datetime) -> Standing:
    """After a step: on to the next one, at once if this one told nobody; after the last of all it is exhausted."""
    if standing.step < len(course.waits):
        following = replace(standing, step=standing.step + 1)
        wait = course.waits[standing.step]
    elif standing.round <= course.repeat:
        following = replace(standing, round=standing.round + 1, step=1)
        wait = course.repeat_wait
    else:
        return _moved(standing, EXHAUSTED, None)
    return _moved(following, RUNNING, _later(now, wait if is_told else 0))


def acknowledged(standing: Standing, course: Course, *, now: datetime) -> Standing:
    """Somebody looks after it; if that may not take for ever, until when."""
    timeout = course.acknowledge_timeout
    return _moved(standing, ACKNOWLEDGED, None if timeout is None else _later(now, timeout))


def reopened(standing: Standing, course: Course, *, now: datetime) -> Standing:
    """Who acknowledged has run out of time: from the start again, and earlier links act no more."""
    return _anew(standing, course, now=now)


def snoozed(standing: Standing, *, until: datetime) -> Standing:
    """Quiet until a time; then the step that comes next is told at once."""
    return _moved(standing, SNOOZED, until)


def put_off(standing: Standing, *, until: datetime) -> Standing:
    """What was due could not be done: the same again, later."""
    return _moved(standing, standing.state, until)


def ended(standing: Standing) -> Standing:
    """The ticket is resolved."""
    return _moved(standing, ENDED, None)


def raised(standing: Standing, course: Course, *, now: datetime) -> Standing:
    """Another policy holds from now on: from its start, also where the ticket is snoozed.

    Somebody who has acknowledged the ticket keeps it, with the time that the new policy gives.
    """
    if standing.state is ACKNOWLEDGED:
        return acknowledged(replace(standing, round=1, step=1, run=standing.run + 1), course, now=now)
    return _anew(standing, course, now=now)


def _anew(standing: Standing, course: Course, *, now: datetime) -> Standing:
    start = begun(course, now=now)
    return replace(start, run=standing.run + 1, token=standing.token + 1)


def _moved(standing: Standing, state: EscalationState, next_step_at: datetime | None) -> Standing:
    return replace(standing, state=state, next_step_at=next_step_at, token=standing.token + 1)


def _later(now: datetime, seconds: int) -> datetime:
    return now + timedelta(seconds=seconds)
