"""Slack, webhooks and the inbox on their whole way from the row to the wire and back."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.ids import new_ids
from sentinel.services.sending import delivery
from sentinel.stand_ins import WEBHOOK_SECRET, ProviderStandIn, refused, reset, silence
from tests.conftest import Configure
from tests.integration.conftest import DEFAULT_CLIENT_ID, Accept
from tests.rows import row, tries

RunChannel = Any
"""`RunPipeline` with its second argument, the channel."""


def execute(statement: str, **values: Any) -> Any:
    with get_engine().begin() as connection:
        result = connection.execute(text(statement), values)
        return result.scalar() if result.returns_rows else None


def an_endpoint(secret: str | None, target: str) -> int:
    found: int = execute(
        "INSERT INTO endpoints (client_id, channel, target, secret, version, created_at, updated_at)"
        " VALUES (:client_id, 'webhook', :target, :secret, 1, now(), now()) RETURNING id",
        client_id=DEFAULT_CLIENT_ID,
        target=target,
        secret=secret,
    )
    return found


def an_event(body: dict[str, Any]) -> str:
    event_id = new_ids(utc_now(), 1)[0]
    execute(
        "INSERT INTO events (id, client_id, occurred_at, body, status, created_at)"
        " VALUES (:id, :client_id, now(), CAST(:body AS jsonb), 'MATCHED', now())",
        id=event_id,
        client_id=DEFAULT_CLIENT_ID,
        body=json.dumps(body),
    )
    return event_id


def from_rules(notification_id: str, **columns: Any) -> str:
    """Make an accepted notification one that rules made."""
    changes = ", ".join(f"{name} = :{name}" for name in columns)
    execute(f"UPDATE notifications SET {changes} WHERE id = :id", id=notification_id, **columns)
    return notification_id


def test_a_webhook_is_signed_with_its_endpoints_secret_and_brings_the_event(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn
) -> None:
    target = f"{provider.url}/hooks/shop"
    event_id = an_event({"type": "order", "amount": 750})
    notification_id = from_rules(
        accept(channel="webhook", recipient=target, severity="high", metadata={"a": 1}),
        endpoint_id=an_endpoint(WEBHOOK_SECRET, target),
        event_id=event_id,
        rule_ids=[7, 9],
    )

    run_pipeline([notification_id], "webhook")

    assert (row(notification_id).status, row(notification_id).provider) == ("SENT", "webhook")
    (entry,) = provider.entries
    assert (entry.status, entry.headers["webhook-id"]) == (204, notification_id)
    data = entry.body["data"]
    assert (data["client"], data["event_id"], data["event"]) == ("default", event_id, {"type": "order", "amount": 750})
    assert (data["rules"], data["metadata"], data["severity"]) == ([7, 9], {"a": 1}, "high")
    assert WEBHOOK_SECRET not in json.dumps(entry.body)


def test_a_new_secret_holds_for_the_next_attempt(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn
) -> None:
    target = f"{provider.url}/hooks/shop"
    endpoint_id = an_endpoint("whsec_b2xk", target)
    notification_id = from_rules(accept(channel="webhook", recipient=target), endpoint_id=endpoint_id)
    provider.script(refused(500))
    run_pipeline([notification_id], "webhook")

    execute("UPDATE endpoints SET secret = :secret", secret=WEBHOOK_SECRET)
    _make_due()
    delivery.deliver("webhook", [notification_id], worker="test@here")

    assert row(notification_id).status == "SENT"
    assert {entry.headers["webhook-id"] for entry in provider.entries} == {notification_id}
    assert [attempt.outcome for attempt in tries(notification_id)] == ["RETRY", "OK"]


def test_a_webhook_without_an_answer_is_tried_again_and_never_in_doubt(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_AMBIGUOUS_POLICY="at_most_once")
    provider.script(reset())
    notification_id = accept(channel="webhook", recipient=f"{provider.url}/hooks/open/a")

    run_pipeline([notification_id], "webhook")

    assert (row(notification_id).status, row(notification_id).reason) == ("RETRYING", "connection_reset")


@pytest.mark.parametrize(
    ("status", "reason"), [(410, "endpoint_gone"), (302, "redirected"), (404, "not_found"), (422, "refused")]
)
def test_a_final_answer_of_a_receiver_ends_its_message_and_no_other(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, status: int, reason: str
) -> None:
    provider.script_recipient("/hooks/open/gone", refused(status))
    gone = accept(channel="webhook", recipient=f"{provider.url}/hooks/open/gone")
    well = accept(channel="webhook", recipient=f"{provider.url}/hooks/open/well")

    run_pipeline([gone, well], "webhook")

    assert (row(gone).status, row(gone).reason, row(gone).attempts) == ("FAILED", reason, 1)
    assert row(well).status == "SENT"


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_patience_holds_up_its_own_messages_only(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure, status: int
) -> None:
    database(SENTINEL_ENDPOINT_CONCURRENCY="1")
    provider.script_recipient("/hooks/open/busy", refused(status, headers={"Retry-After": "30"}))
    busy = [accept(channel="webhook", recipient=f"{provider.url}/hooks/open/busy") for _ in range(5)]
    calm = [accept(channel="webhook", recipient=f"{provider.url}/hooks/open/calm") for _ in range(5)]

    run_pipeline([*busy, *calm], "webhook")

    assert {row(each).status for each in calm} == {"SENT"}
    tried, *waiting = sorted((row(each) for each in busy), key=lambda found: -found.attempts)
    assert (tried.status, tried.attempts) == ("RETRYING", 1)
    assert {(found.status, found.reason, found.attempts) for found in waiting} == {("PENDING", "receiver_rests", 0)}
    for found in waiting:
        assert found.next_attempt_at is not None
        assert timedelta(seconds=20) < found.next_attempt_at - utc_now() < timedelta(seconds=31)
    assert execute("SELECT count(*) FROM provider_accounts") == 0
    assert len([entry for entry in provider.entries if entry.recipient.endswith("busy")]) == 1


def test_a_hanging_receiver_does_not_keep_others_from_being_written_down(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure
) -> None:
    times = {"SENTINEL_READ_TIMEOUT_SECONDS": "1", "SENTINEL_SEND_DEADLINE_SECONDS": "2"}
    database(SENTINEL_BACKOFF_BASE_SECONDS="2", **times)
    provider.script_recipient("/hooks/open/hangs", silence())
    hanging = [accept(channel="webhook", recipient=f"{provider.url}/hooks/open/hangs") for _ in range(60)]
    quick = [accept(channel="webhook", recipient=f"{provider.url}/hooks/open/quick") for _ in range(20)]
    began = utc_now()

    run_pipeline([*hanging, *quick], "webhook")

    sent = [row(each).sent_at for each in quick]
    assert all(at is not None and at - began < timedelta(seconds=1) for at in sent)
    assert sum(row(each).attempts for each in hanging) == 8
    assert {row(each).status for each in hanging} == {"PENDING", "RETRYING"}


def test_slack_gets_its_message_in_the_colour_of_its_severity(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn
) -> None:
    notification_id = accept(channel="slack", recipient="#Ops", severity="critical", subject="Disk")

    run_pipeline([notification_id], "slack")

    sent = row(notification_id)
    assert (sent.status, sent.recipient, sent.provider) == ("SENT", "#ops", "slack")
    (entry,) = provider.entries
    assert sent.provider_message_id == entry.message_id
    assert entry.body["attachments"][0]["text"] == "Disk full"


def test_a_push_goes_its_whole_way_and_is_not_doubled_where_its_end_is_unknown(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure
) -> None:
    database(SENTINEL_PUSH_PROVIDER="apprise")
    host = provider.url.removeprefix("http://")
    provider.script_recipient("TokenOfDoubt", reset())
    sure = accept(channel="push", recipient=f"Gotify://{host}/push/TokenOfOps/", severity="critical", subject="Disk")
    doubtful = accept(channel="push", recipient=f"gotify://{host}/push/TokenOfDoubt")

    run_pipeline([sure, doubtful], "push")

    sent = row(sure)
    assert (sent.status, sent.provider, sent.recipient) == ("SENT", "apprise", f"gotify://{host}/push/TokenOfOps")
    assert (row(doubtful).status, row(doubtful).attempts) == ("AMBIGUOUS", 1)
    assert [entry.recipient for entry in provider.entries] == ["TokenOfOps", "TokenOfDoubt"]
    assert execute("SELECT count(*) FROM provider_accounts WHERE state = 'open'") == 0


def test_a_missing_slack_token_fails_the_message_and_pauses_nothing(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure
) -> None:
    database(SLACK_BOT_TOKEN="", SENTINEL_SLACK_PROVIDER="slack")
    channel = accept(channel="slack", recipient="#ops")
    webhook = accept(channel="slack", recipient=f"{provider.url}/services/T/B/x")

    run_pipeline([channel, webhook], "slack")

    assert (row(channel).status, row(channel).reason) == ("FAILED", "token_missing")
    assert row(webhook).status == "SENT"
    assert execute("SELECT count(*) FROM provider_accounts") == 0


def test_an_invalid_slack_token_pauses_slack(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn, database: Configure
) -> None:
    database(SLACK_BOT_TOKEN="xoxb-wrong")
    notification_id = accept(channel="slack", recipient="#ops")

    run_pipeline([notification_id], "slack")

    assert (row(notification_id).status, row(notification_id).reason) == ("RETRYING", "account_paused")
    assert execute("SELECT name || reason FROM provider_accounts WHERE state = 'open'") == "slackunauthorized"


@pytest.mark.parametrize("env", ["development", "production"])
def test_an_inbox_message_is_sent_by_being_stored_and_can_be_read(
    accept: Accept, run_pipeline: RunChannel, api: FlaskClient, database: Configure, env: str
) -> None:
    database(SENTINEL_ENV=env, SENTINEL_OPEN_MODE="true")
    notification_id = accept(channel="inbox", recipient="user-17", user_id="user-17", body="Look at it")

    run_pipeline([notification_id], "inbox")

    sent = row(notification_id)
    assert (sent.status, sent.provider, sent.attempts) == ("SENT", "inbox", 1)
    (read,) = api.get("/notifications?channel=inbox").get_json()
    assert (read["id"], read["body"]) == (notification_id, "Look at it")
    assert not any("SIMULATED" in (attempt.detail or "") for attempt in tries(notification_id))


@pytest.mark.parametrize(
    ("channel", "recipient"), [("webhook", "https://example.com/hook"), ("slack", "#ops")], ids=["webhook", "slack"]
)
def test_on_a_development_machine_nothing_leaves_by_surprise(
    accept: Accept, run_pipeline: RunChannel, channel: str, recipient: str
) -> None:
    notification_id = accept(channel=channel, recipient=recipient)

    run_pipeline([notification_id], channel)

    assert (row(notification_id).status, row(notification_id).provider) == ("SENT", "sandbox")


@pytest.mark.parametrize(
    ("channel", "recipient", "message"),
    [
        ("webhook", "http://169.254.169.254/latest", "leads to a private, loopback or reserved address"),
        ("webhook", "https://user:pw@example.com/", "carries a name or password"),
        ("slack", "ops", "is no channel, id or webhook of Slack"),
        ("push", "dbus://", "names no service that messages are pushed to"),
        ("push", "ntfys://10.0.0.1/ops", "leads to a private, loopback or reserved address"),
        ("inbox", "a\tb", "is not a user id"),
    ],
)
def test_a_recipient_that_cannot_be_is_refused_with_its_remedy(
    api: FlaskClient, channel: str, recipient: str, message: str
) -> None:
    answer = api.post("/notifications", json={"channel": channel, "recipient": recipient, "body": "x"})

    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert (error["field"], error["message"]) == ("recipient", message)
    assert error["remedy"]


def test_the_longest_url_and_the_longest_dedupe_key_fit_together(
    accept: Accept, run_pipeline: RunChannel, provider: ProviderStandIn
) -> None:
    """An index of PostgreSQL takes 2,704 bytes a row, and random text cannot be compressed."""
    noise = random.Random(7)  # noqa: S311 - hides nothing
    start = f"{provider.url}/hooks/open/"
    url = start + "".join(noise.choices(string.ascii_letters + string.digits, k=1600 - len(start)))
    key = "".join(chr(noise.randrange(0x10000, 0x1FFFF)) for _ in range(255))
    ids = [accept(channel="webhook", recipient=url, dedupe_key=key) for _ in range(2)]
    for each in ids[:1]:
        from_rules(each, event_id=an_event({}))

    run_pipeline(ids, "webhook")

    assert [row(each).status for each in ids] == ["SENT", "SUPPRESSED"]


# --- limits ---------------------------------------------------------------------------------------------------------


def test_the_user_of_addressed_alerts_gets_five_a_minute_by_default(accept: Accept, run_pipeline: RunChannel) -> None:
    alerts = [
        from_rules(accept(channel="inbox", recipient="u1", user_id="u1"), event_id=an_event({})) for _ in range(7)
    ]
    posted = [accept(channel="inbox", recipient="u1", user_id="u1") for _ in range(3)]
    other = from_rules(accept(channel="inbox", recipient="u2", user_id="u2"), event_id=an_event({}))

    run_pipeline([*alerts, *posted, other], "inbox")

    assert [row(each).status for each in alerts] == ["SENT"] * 5 + ["SUPPRESSED"] * 2
    assert row(alerts[-1]).reason == "rate_limited"
    assert [row(each).status for each in (*posted, other)] == ["SENT"] * 4


def test_a_slack_channel_gets_sixty_a_minute_by_default_and_the_rest_later(
    accept: Accept, run_pipeline: RunChannel
) -> None:
    ops = [accept(channel="slack", recipient="#ops") for _ in range(62)]
    dev = accept(channel="slack", recipient="#dev")

    run_pipeline([*ops, dev], "slack")

    # Ids of one millisecond have no order of their own, so any two may be the ones that wait.
    assert Counter((row(each).status, row(each).reason) for each in ops) == {
        ("SENT", None): 60,
        ("PENDING", "rate_limited"): 2,
    }
    assert row(dev).status == "SENT"


def test_an_endpoint_is_counted_by_its_id_and_a_bare_target_by_itself(
    accept: Accept, run_pipeline: RunChannel, database: Configure
) -> None:
    database(SENTINEL_LIMITS='[{"scope": "endpoint", "rate": "1/hour", "above": "drop"}]')
    url = "https://example.com/hook"
    first, second = an_endpoint(None, url), an_endpoint(None, url)
    mine = [from_rules(accept(channel="webhook", recipient=url), endpoint_id=first) for _ in range(2)]
    yours = from_rules(accept(channel="webhook", recipient=url), endpoint_id=second)
    bare = [accept(channel="webhook", recipient=url) for _ in range(2)]
    texts = [accept() for _ in range(2)]

    run_pipeline([*mine, yours, *bare], "webhook")
    run_pipeline(texts)

    assert [row(each).status for each in mine] == ["SENT", "SUPPRESSED"]
    assert row(yours).status == "SENT"
    assert [row(each).status for each in bare] == ["SENT", "SUPPRESSED"]
    assert [row(each).status for each in texts] == ["SENT", "SENT"]


def _make_due() -> None:
    execute("UPDATE notifications SET next_attempt_at = now() WHERE status = 'RETRYING'")
