"""Kills in the middle of groups, quiet hours and escalations: each is told, once, and nothing is forgotten."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, pairwise
from typing import Any

import pytest
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.models import Notification
from sentinel.stand_ins import ProviderProcess
from tests.rows import count_ambiguous, count_statuses, have_ended, rows
from tests.system import System, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

TURNS = 3
ALERTS, TICKETS = 40, 6
"""Of each turn."""

OPS, NIGHT = "+14155552601", "+14155552602"
STEPS = ("+14155552611", "+14155552612", "+14155552613")
STEP_SECONDS = 3
POLICY = {
    "name": "primary",
    "steps": [
        {"wait_seconds": STEP_SECONDS if number else 0, "notify": [f"sms:{target}"]}
        for number, target in enumerate(STEPS)
    ],
}
RULES = {
    "alerts": 'when type == "alert" then notify("endpoint:ops"), notify("endpoint:night")',
    "tickets": 'when type == "down" then ticket("critical", "{device_id} is down", policy="primary")',
}


def ask(system: System, method: str, path: str, body: Any = None) -> Any:
    response = system.http.request(method, f"{system.url}{path}", json=body, timeout=30)
    assert response.ok, response.text
    return response.json()


def quiet_now() -> dict[str, Any]:
    """Today and tomorrow are quiet; the test ends the quiet hours itself."""
    days = [f"{utc_now() + timedelta(days=number):%A}".lower() for number in (-1, 0, 1)]
    return {"windows": {"intervals": [{"weekdays": days}]}, "mode": "hold"}


def set_up(system: System) -> dict[str, Any]:
    """Rules, a policy, an endpoint that groups, and one in its quiet hours, which is returned."""
    grouping = {"group_by": ["service"], "group_wait_seconds": 2, "group_interval_seconds": 2}
    ask(system, "POST", "/endpoints", {"channel": "sms", "target": OPS, "name": "ops", "grouping": grouping})
    night = {"channel": "sms", "target": NIGHT, "name": "night", "quiet_hours": quiet_now()}
    found: dict[str, Any] = ask(system, "POST", "/endpoints", night)
    ask(system, "POST", "/escalation-policies", POLICY)
    for name, rule in RULES.items():
        ask(system, "POST", "/rules", {"name": name, "rule": rule})
    return found


def events_of(turn: int) -> Iterator[dict[str, Any]]:
    for number in range(ALERTS):
        alert = {"type": "alert", "status": "firing", "name": f"alert-{turn}-{number}", "service": f"s{number % 3}"}
        yield alert | {"source": "test", "event_id": f"alert-{turn}-{number}"}
    for number in range(TICKETS):
        yield {"type": "down", "device_id": f"dev-{turn}-{number}", "event_id": f"down-{turn}-{number}"}


def test_kills_in_groups_quiet_hours_and_escalations_lose_and_double_nothing(
    system: System, ledger: ProviderProcess
) -> None:
    night = set_up(system)
    killed = cycle(("pipeline-1", "beat", "sms-1"))

    for turn, name in zip(range(TURNS), killed, strict=False):
        ask(system, "POST", "/events/batch", list(events_of(turn)))
        system.kill(name)
        system.start_everything()
    ask(system, "PUT", f"/endpoints/{night['id']}", {**writable(night), "quiet_hours": None})
    system.kill("beat")
    system.kill("pipeline-1")
    system.start_everything()

    eventually(all_told, seconds=120, message=lambda: f"everything to be told: {count_statuses()}")
    found = list(rows().values())
    check_alerts([row for row in found if row.recipient in (OPS, NIGHT)])
    check_steps([row for row in found if row.recipient in STEPS])
    sent = [row.recipient for row in found if row.status == "SENT"]
    copies = Counter(entry.recipient for entry in ledger.entries) - Counter(sent)
    assert copies.total() <= count_ambiguous()
    assert not Counter(sent) - Counter(entry.recipient for entry in ledger.entries)
    assert system.run("audit", check=False).returncode == 0


def writable(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: endpoint[name] for name in ("channel", "target", "name", "version")}


def all_told() -> bool:
    """Whether nothing is held, every escalation is through its steps, and every message has ended."""
    with new_session() as session:
        waiting = session.execute(text("SELECT count(*) FROM escalations WHERE state = 'running'")).scalar_one()
        tickets = session.execute(text("SELECT count(*) FROM tickets")).scalar_one()
        pending = session.execute(text("SELECT count(*) FROM events WHERE status = 'PENDING'")).scalar_one()
    return not waiting and not pending and tickets == TURNS * TICKETS and have_ended()


def check_alerts(found: list[Notification]) -> None:
    """Each event is told to each of the two: by a message of its own, or by one that was sent for many."""
    sent = {row.id for row in found if row.status == "SENT"}
    told: Counter[tuple[str, str]] = Counter()
    for row in found:
        if row.event_id is None:
            assert row.status == "SENT", "a digest"
            continue
        told[row.event_id, row.recipient] += 1
        if row.status != "SENT":
            assert (row.status, row.reason) == ("SUPPRESSED", "grouped")
            assert row.told_by in sent
    assert len(told) == 2 * TURNS * ALERTS
    assert set(told.values()) == {1}
    assert [row.recipient for row in found if row.event_id is None].count(NIGHT) == 1, "one message for the night"


def check_steps(found: list[Notification]) -> None:
    """Each ticket told each of its steps once, in order, and none before its time."""
    by_ticket: dict[str, list[Notification]] = defaultdict(list)
    for row in sorted(found, key=lambda row: row.created_at):
        by_ticket[row.details["ticket_id"]].append(row)
    assert len(by_ticket) == TURNS * TICKETS
    for steps in by_ticket.values():
        assert [row.recipient for row in steps] == list(STEPS)
        assert {row.status for row in steps} == {"SENT"}
        for before, after in pairwise(steps):
            assert after.created_at - before.created_at >= timedelta(seconds=STEP_SECONDS)
