"""Failover of messages of escalations: the next target is told only while somebody is still looked for."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from sentinel.services.sending import failover
from tests.integration.calls import execute
from tests.integration.escalating import notifications, open_ticket, sweep_until_quiet

FAIL = "UPDATE notifications SET status = 'FAILED', reason = 'unreachable', queue_at = NULL WHERE channel = 'sms'"
OVERDUE = "UPDATE notifications SET failover_at = now() - interval '1 s'"
TAKEN = "UPDATE tickets SET status = 'acknowledged', acknowledged_at = now(), acknowledged_by = 'ann'"
RESOLVED = "UPDATE tickets SET status = 'resolved', resolved_at = now()"


@pytest.fixture(autouse=True)
def _told(api: FlaskClient) -> None:
    target = {"channel": "email", "recipient": "boss@example.com", "after_seconds": 60}
    assert api.put("/failover-chains/sms", json={"targets": [target]}).status_code == 200
    open_ticket()
    sweep_until_quiet()
    assert [each.failover is None for each in notifications()] == [False]


@pytest.mark.parametrize("how", [FAIL, OVERDUE], ids=["failed", "overdue"])
def test_while_somebody_is_looked_for_the_next_target_takes_over(how: str) -> None:
    execute(how)

    assert failover.sweep() == 1


@pytest.mark.parametrize("how", [FAIL, OVERDUE], ids=["failed", "overdue"])
@pytest.mark.parametrize(
    "over",
    [
        TAKEN,
        RESOLVED,
        "UPDATE escalations SET run = run + 1",
        "UPDATE escalations SET state = 'snoozed', next_step_at = now() + interval '1 hour'",
    ],
    ids=["acknowledged", "resolved", "begun anew", "snoozed"],
)
def test_when_nobody_is_looked_for_any_more_nobody_takes_over(api: FlaskClient, how: str, over: str) -> None:
    execute(over)
    execute(how)

    assert [failover.sweep(), failover.sweep()] == [0, 0]

    [message] = notifications()
    assert message.reason != "failed_over"
    entries = api.get(f"/notifications/{message.id}/timeline").get_json()
    [entry] = [each for each in entries if each["event"] == "failed_over"]
    assert entry["detail"]["reason"] == "its ticket asks for nobody any more"
