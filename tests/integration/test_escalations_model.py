"""Escalations against a plain model: whatever happens in whatever order, crashes included, each due step is told once.

The clock moves in the rows: to let time pass is to bring what is due nearer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sentinel.errors import ConflictError
from sentinel.models import TicketMessage
from sentinel.models.ticket import TicketStatus
from sentinel.queries import escalations
from sentinel.services import tickets as service
from sentinel.services.escalating import driving
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.escalating import ANN, BOB, escalation, kinds, messages, open_ticket, pass_time

WAITS = (0, 300, 600)
TARGETS = ([ANN], [BOB], [ANN, BOB])
REPEAT, REPEAT_WAIT, TIMEOUT, SNOOZE = 1, 900, 1800, 1200

Happening = tuple[str, int]
long_waits = st.tuples(st.just("wait"), st.sampled_from([301, 700, 1300, 2000]))
happenings = st.lists(
    st.one_of(
        long_waits,
        long_waits,
        st.tuples(st.just("wait"), st.sampled_from([1, 299])),
        st.tuples(st.sampled_from(["acknowledge", "snooze", "resolve", "crash"]), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)
NOBODY_ANSWERS: list[Happening] = [("wait", 1300)] * 7
TAKEN_AND_LEFT: list[Happening] = [("acknowledge", 0), ("crash", 0), ("wait", 2000), ("wait", 301), ("snooze", 0)]


@dataclass
class Model:
    """What ought to be told, in words that know no tables: seconds until the next step, and what was said."""

    state: str = "running"
    due_in: float | None = 0
    place: int = 0
    said: list[tuple[int, int]] = field(default_factory=list)
    reopened: int = 0

    def wait(self, seconds: int) -> None:
        if self.due_in is not None:
            self.due_in -= seconds

    def sweep(self) -> None:
        while self.due_in is not None and self.due_in <= 0:
            if self.state == "acknowledged":
                self.state, self.place, self.due_in, self.reopened = "running", 0, 0, self.reopened + 1
                continue
            self.said.append((self.place // len(WAITS) + 1, self.place % len(WAITS) + 1))
            self.state = "running"
            self._go_on()

    def _go_on(self) -> None:
        if self.place + 1 == len(WAITS) * (REPEAT + 1):
            self.state, self.due_in = "exhausted", None
            return
        self.place += 1
        step = self.place % len(WAITS)
        self.due_in = WAITS[step] if step else REPEAT_WAIT

    def do(self, what: str) -> None:
        if self.state == "ended" or (what == "acknowledge" and self.state == "acknowledged"):
            return
        if what == "snooze" and self.state in ("acknowledged", "exhausted"):
            return
        self.state = {"acknowledge": "acknowledged", "snooze": "snoozed", "resolve": "ended"}[what]
        self.due_in = {"acknowledge": TIMEOUT, "snooze": SNOOZE, "resolve": None}[what]


def do(ticket_id: int, what: str) -> None:
    """What people do; who comes too late is told so, and nothing changes."""
    by = By("ann", "api")
    try:
        with unit_of_work() as uow:
            if what == "snooze":
                until = uow.now + timedelta(seconds=SNOOZE)
                service.snooze(uow, ticket_id, until, client_id=None, by=by)
            else:
                status = TicketStatus.ACKNOWLEDGED if what == "acknowledge" else TicketStatus.RESOLVED
                service.move(uow, ticket_id, status, client_id=None, by=by)
    except ConflictError:
        return


def crash(patch: pytest.MonkeyPatch) -> None:
    """A worker dies in the middle of a sweep: all that it has done is lost."""

    def dies(*_: object, **__: object) -> None:
        raise SystemError("killed")

    with patch.context() as context:
        context.setattr(escalations, "move", dies)
        try:
            driving.sweep()
        except SystemError:
            return


def sweep() -> None:
    while driving.sweep():
        pass


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=happenings)
@example(story=NOBODY_ANSWERS)
@example(story=[*TAKEN_AND_LEFT, ("wait", 1300), ("resolve", 0), ("wait", 2000)])
def test_each_due_step_is_told_once_and_none_after_somebody_has_the_ticket(
    story: list[Happening], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute("TRUNCATE tickets, rules, rule_changes, escalation_policies, events, notifications CASCADE")
    steps = list(zip(WAITS, TARGETS, strict=True))
    ticket_id = open_ticket(
        *steps, repeat=REPEAT, repeat_wait_seconds=REPEAT_WAIT, acknowledge_timeout_seconds=TIMEOUT, tells_end=False
    )
    model = Model()
    for what, seconds in story:
        if what == "crash":
            crash(monkeypatch)
        elif what == "wait":
            pass_time(seconds)
            model.wait(seconds)
        else:
            do(ticket_id, what)
            model.do(what)
        sweep()
        model.sweep()

    assert said(ticket_id) == model.said
    assert escalation(ticket_id).state == model.state
    assert kinds(ticket_id).count("acknowledge_timeout") == model.reopened


def said(ticket_id: int) -> list[tuple[int, int]]:
    """Round and step in the order they were told; each must have told all its targets, once."""
    moves: dict[int, list[TicketMessage]] = {}
    for each in messages(ticket_id):
        moves.setdefault(each.token, []).append(each)
    for together in moves.values():
        step = together[0].step or 0
        assert sorted(each.target for each in together) == sorted(TARGETS[step - 1])
    return [(together[0].round or 0, together[0].step or 0) for together in moves.values()]
