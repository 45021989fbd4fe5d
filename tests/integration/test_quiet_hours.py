"""Quiet hours of endpoints: what comes at night is dropped, or told in the morning, once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from sentinel.models import Notification
from sentinel.models.status import Status
from sentinel.services import endpoints, notifications, quiet_hours
from sentinel.services.holding import flush
from sentinel.services.sending import sweeping
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute, send
from tests.integration.groups import Clock, statements
from tests.integration.rules import client, endpoint, happen, rule, told
from tests.rows import row

NIGHT = datetime(2026, 11, 2, 23, tzinfo=UTC)
"""Midnight in Berlin."""
MORNING = datetime(2026, 11, 3, 6, tzinfo=UTC)
NIGHTS = {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]}
HOLD = {"windows": NIGHTS, "mode": "hold", "passes_from": "critical"}
DROP = HOLD | {"mode": "drop"}
EVERYTHING = 'when true then notify("endpoint:alice")'


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Two hours after a night has begun."""
    found = Clock(monkeypatch)
    found.now = NIGHT
    return found


def alert(name: str, status: str = "firing", severity: str = "high") -> dict[str, Any]:
    """What is said of an alert."""
    labels = {"alertname": name}
    return {"type": "alert", "name": name, "status": status, "severity": severity, "labels": labels}


def alice(quiet_hours: dict[str, Any], **columns: Any) -> int:
    """Her endpoint."""
    return endpoint("email", "alice@example.com", quiet_hours=orjson.dumps(quiet_hours).decode(), **columns)


def digests() -> list[Notification]:
    """Messages that tell others."""
    return [each for each in told() if "group" in each.details]


def stand(notification: Notification) -> tuple[str, str | None]:
    """Its status and why."""
    found = row(notification.id)
    return found.status, found.reason


def waits(notification: Notification) -> list[str]:
    """Until when it was held, as its timeline tells it."""
    with unit_of_work() as uow:
        items = notifications.timeline(uow, notification.id, client_id=None)
    assert {each.detail["reason"] for each in items if each.event == "held"} == {"quiet_hours"}
    return [each.detail["until"] for each in items if each.event == "held"]


@pytest.mark.usefixtures("clock")
def test_what_is_dropped_ends_at_once_and_what_is_critical_passes() -> None:
    rule(EVERYTHING)
    alice(DROP, name="alice")

    happen(alert("Disk"), alert("Fire", severity="critical"), {"type": "order"})

    assert [stand(each) for each in told()] == [
        (Status.SUPPRESSED, "quiet_hours"),
        (Status.PENDING, None),
        (Status.SUPPRESSED, "quiet_hours"),
    ]


def test_by_day_quiet_hours_change_nothing(clock: Clock) -> None:
    clock.now = MORNING
    rule(EVERYTHING)
    alice(DROP, name="alice")

    happen(alert("Disk"))

    assert [stand(each) for each in told()] == [(Status.PENDING, None)]


def test_what_is_held_is_told_in_one_message_as_it_stands_in_the_morning(clock: Clock) -> None:
    rule(EVERYTHING)
    alice(HOLD, name="alice")
    happen(alert("Disk"), alert("Memory"), {"type": "order", "message": "a big order"})
    clock.now += timedelta(hours=3)
    happen(alert("Disk", "resolved"), alert("Fire", severity="critical"))
    held = [each for each in told() if each.severity != "critical"]

    assert [(*stand(each), each.queue_at) for each in held] == [(Status.PENDING, "quiet_hours", MORNING)] * 4
    assert waits(held[0]) == [MORNING.isoformat()]
    flush.sweep()
    sweeping.sweep_waiting()
    assert digests() == []
    clock.now = MORNING
    flush.sweep()
    flush.sweep()

    (digest,) = digests()
    assert (digest.recipient, digest.severity, digest.status) == ("alice@example.com", "high", Status.PENDING)
    assert digest.subject == "3 while it was quiet: [FIRING:1 RESOLVED:1 EVENTS:1] Memory and 2 more"
    assert "FIRING [HIGH] Memory" in digest.body
    assert "RESOLVED [HIGH] Disk" in digest.body
    assert "a big order" in digest.body
    assert {(row(each.id).status, row(each.id).reason, row(each.id).told_by) for each in held} == {
        (Status.SUPPRESSED, "grouped", digest.id)
    }


def test_a_single_message_that_was_held_goes_as_it_is(clock: Clock) -> None:
    rule(EVERYTHING)
    alice(HOLD, name="alice")
    happen(alert("Disk"))
    clock.now = MORNING

    flush.sweep()

    (only,) = told()
    assert (only.status, only.group_id, only.next_attempt_at) == (Status.PENDING, None, None)


@pytest.mark.usefixtures("clock")
def test_an_alert_to_a_user_waits_for_the_morning_too() -> None:
    alice(HOLD, user_id="u1")

    happen({"severity": "high", "user_id": "u1", "source": "shop", "name": "order"}, is_addressed=True)

    (only,) = told()
    assert (only.status, only.queue_at) == (Status.PENDING, MORNING)


@pytest.mark.parametrize(
    ("changed", "due_at"),
    [
        (None, NIGHT),
        (HOLD | {"windows": NIGHTS | {"intervals": [{"times": ["22:00-09:30"]}]}}, MORNING + timedelta(hours=2.5)),
        (HOLD | {"windows": NIGHTS | {"intervals": [{"times": ["12:00-13:00"]}]}}, NIGHT),
    ],
)
def test_whoever_changes_the_quiet_hours_moves_what_is_held(
    clock: Clock, api: FlaskClient, changed: dict[str, Any] | None, due_at: datetime
) -> None:
    rule(EVERYTHING)
    plain = {"channel": "email", "target": "alice@example.com", "name": "alice"}
    made = send(api, plain | {"quiet_hours": HOLD}, "/endpoints").get_json()
    happen(alert("Disk"), alert("Memory"))

    answer = api.put(f"/endpoints/{made['id']}", json=plain | {"quiet_hours": changed, "version": 1})

    assert answer.status_code == 200
    assert {each.queue_at for each in told()} == {due_at}
    flush.sweep()
    assert len(digests()) == (due_at <= NIGHT)
    clock.now = due_at
    flush.sweep()
    assert len(digests()) == 1


GROUPED = orjson.dumps({"group_by": [], "group_wait_seconds": 30, "group_interval_seconds": 300}).decode()


def test_a_group_that_is_due_at_night_tells_what_passes_and_the_rest_in_the_morning(clock: Clock) -> None:
    rule(EVERYTHING)
    alice(HOLD, name="alice", grouping=GROUPED)
    happen(alert("Disk"), alert("Fire", severity="critical"), {"type": "order", "message": "a big order"})
    happen({"type": "order", "message": "urgent", "severity": "critical"})

    clock.flush_after(30)

    (first,) = digests()
    assert first.subject == "[FIRING:1 EVENTS:1] Fire and 1 more"
    assert "Disk" not in first.body
    assert "a big order" not in first.body
    waiting = [each for each in told() if each.group_id is not None and each.status == Status.PENDING]
    assert {each.queue_at for each in waiting} == {MORNING}
    assert [waits(each) for each in waiting] == [[MORNING.isoformat()]] * 2
    clock.now = MORNING
    flush.sweep()
    second = digests()[-1]
    assert (second.subject or "").startswith("[FIRING:2 EVENTS:1] ")
    assert {"Disk", "a big order"} <= {each.split("] ")[-1].split(" (since")[0] for each in second.body.splitlines()}
    assert not [each for each in told() if each.group_id is not None and each.status == Status.PENDING]


def test_a_group_of_an_endpoint_that_drops_tells_in_the_morning_what_fires_still(clock: Clock) -> None:
    rule(EVERYTHING)
    alice(DROP, name="alice", grouping=GROUPED)
    happen(alert("Disk"), alert("Memory"), {"type": "order", "message": "a big order"})
    clock.flush_after(30)
    happen(alert("Memory", "resolved"))
    clock.flush_after(300)
    assert digests() == []
    assert {(each.status, each.reason) for each in told()} == {(Status.SUPPRESSED, "quiet_hours")}

    clock.now = MORNING
    flush.sweep()

    (digest,) = digests()
    assert digest.subject == "[FIRING:1] Disk"


def test_what_joined_a_group_before_the_night_is_not_told_in_it(clock: Clock) -> None:
    clock.now = NIGHT - timedelta(hours=2, seconds=10)
    rule(EVERYTHING)
    alice(HOLD, name="alice", grouping=GROUPED)
    happen(alert("Disk"), alert("Memory"))

    clock.flush_after(30)
    assert digests() == []
    clock.now = MORNING
    flush.sweep()

    assert [(each.subject or "")[:10] for each in digests()] == ["[FIRING:2]"]


def test_a_change_of_the_quiet_hours_moves_groups_that_wait_for_their_end(clock: Clock, api: FlaskClient) -> None:
    rule(EVERYTHING)
    endpoint_id = alice(HOLD, name="alice", grouping=GROUPED)
    happen(alert("Disk"), alert("Memory"))
    clock.flush_after(30)

    with unit_of_work() as uow:
        found = endpoints.get(uow, endpoint_id, client_id=client())
        endpoints._put(uow, found, {"quiet_hours": None}, version=1)
    flush.sweep()

    assert [(each.subject or "")[:10] for each in digests()] == ["[FIRING:2]"]


def test_a_message_that_was_cancelled_at_night_is_not_told_in_the_morning(clock: Clock, api: FlaskClient) -> None:
    rule(EVERYTHING)
    alice(HOLD, name="alice")
    happen(alert("Disk"), alert("Memory"))
    disk = told()[0]

    assert send(api, {}, f"/notifications/{disk.id}/cancel").status_code == 200
    clock.now = MORNING
    flush.sweep()

    assert digests() == []
    assert [(each.status, each.group_id) for each in told()] == [
        (Status.CANCELLED, disk.group_id),
        (Status.PENDING, None),
    ]


def test_an_endpoint_without_quiet_hours_costs_no_statement_more(clock: Clock) -> None:
    rule(EVERYTHING)
    alice(HOLD, name="bob")
    endpoint("email", "alice@example.com", name="alice")
    happen(alert("Cpu"))
    with statements() as usual:
        happen(alert("Disk"))
    execute("UPDATE endpoints SET quiet_hours = NULL")
    with statements() as without:
        happen(alert("Memory"))

    assert len(usual) == len(without)
    assert [each for each in usual if "message_groups" in each] == []
    assert [stand(each) for each in told()] == [(Status.PENDING, None)] * 3


@pytest.mark.parametrize("seed", range(3))
def test_each_message_of_a_week_is_told_once_and_none_in_the_night_but_what_passes(clock: Clock, seed: int) -> None:
    """Through the night in which the clocks of Berlin go back."""
    chance = random.Random(seed)  # noqa: S311 - tests need no secrets
    start = datetime(2026, 10, 22, tzinfo=UTC)
    rule(EVERYTHING)
    alice(HOLD, name="alice")
    hours = quiet_hours.read(HOLD, now=start)
    ends = [end for _, end in hours.windows.spans(start) if end < start + timedelta(days=6)]
    moments = [start + timedelta(seconds=chance.uniform(0, 5 * 86_400)) for _ in range(25)]
    for clock.now in sorted([*moments, *ends]):
        flush.sweep()
        if clock.now not in ends:
            happen({"type": "order", "severity": chance.choice(["critical", "low"])})

    for each in told():
        if each.event_id is None or each.severity == "critical":
            assert each.status == Status.PENDING
            assert each.group_id is None
        elif each.status == Status.SUPPRESSED:
            assert hours.until(each.created_at) == row(str(each.told_by)).created_at
        else:
            assert (each.group_id, each.send_at) == (None, hours.until(each.created_at))
