"""Clients are told how their notifications end: which ones, how often, signed, and at no cost to others."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook

from sentinel.services.reporting import status_hooks
from sentinel.services.sending import delivery
from sentinel.stand_ins import WEBHOOK_SECRET, ProviderStandIn, refused
from tests.integration.calls import bearer, execute, send, stored
from tests.integration.calls import refused as refused_fields
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, rows

Told = list[dict[str, Any]]


@pytest.fixture
def hooked(api: FlaskClient, provider: ProviderStandIn) -> FlaskClient:
    """The API, with a webhook of client `default` that hears of statuses."""
    made = send(api, _hook(provider), "/endpoints")
    assert made.status_code == 201, made.get_json()
    return api


def _hook(provider: ProviderStandIn, path: str = "statuses", **more: Any) -> dict[str, Any]:
    target = f"{provider.url}/hooks/{path}"
    return {"channel": "webhook", "target": target, "purpose": "statuses", "secret": WEBHOOK_SECRET} | more


def tell(run_pipeline: RunPipeline, provider: ProviderStandIn) -> Told:
    """Sweep, deliver what follows, and return what the receiver has verified and kept since."""
    before = len(provider.entries)
    status_hooks.tell()
    run_pipeline([found.id for found in rows().values() if found.channel == "webhook"], "webhook")
    return [entry.body for entry in provider.entries[before:] if entry.status == 204]


def test_a_client_is_told_of_the_end_of_its_notification(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept(metadata={"order": 4711}, user_id="user-17")
    run_pipeline([notification_id])

    (told,) = tell(run_pipeline, provider)

    found = row(notification_id)
    assert told["type"] == "notification.sent"
    expected = {
        "id": notification_id,
        "status": "SENT",
        "reason": None,
        "channel": "sms",
        "recipient": "+14155552671",
        "provider": "twilio",
        "provider_message_id": found.provider_message_id,
        "event_id": None,
        "user_id": "user-17",
        "failover_of": None,
        "attempts": 1,
        "metadata": {"order": 4711},
    }
    assert expected.items() <= told["data"].items()
    times = {name: told["data"][name] for name in ("created_at", "at", "sent_at")}
    assert all(time.endswith("Z") for time in times.values()), times


def test_what_is_told_is_signed_under_an_id_of_its_own(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    run_pipeline([notification_id])
    tell(run_pipeline, provider)

    entry = next(entry for entry in provider.entries if entry.path == "/hooks/statuses")
    body = json.dumps(entry.body, ensure_ascii=False, separators=(",", ":"))

    assert Webhook(WEBHOOK_SECRET).verify(body, entry.headers)["data"]["id"] == notification_id
    assert entry.headers["webhook-id"] != notification_id


def test_each_new_standing_is_told_once(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    run_pipeline([notification_id])

    first = tell(run_pipeline, provider)
    again = tell(run_pipeline, provider)
    execute("UPDATE notifications SET status = 'UNDELIVERED', reason = 'landline' WHERE channel = 'sms'")
    last = tell(run_pipeline, provider)

    assert [each["type"] for each in first + again + last] == ["notification.sent", "notification.undelivered"]
    assert last[0]["data"]["reason"] == "landline"


@pytest.mark.parametrize("status", ["CANCELLED", "DELIVERED", "FAILED", "SUPPRESSED", "UNDELIVERED"])
def test_every_end_is_told(
    status: str, hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    accept()
    execute(f"UPDATE notifications SET status = '{status}', queue_at = NULL")

    (told,) = tell(run_pipeline, provider)

    assert (told["type"], told["data"]["status"]) == (f"notification.{status.lower()}", status)


def test_what_is_under_way_is_not_told(hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline) -> None:
    accept()

    assert status_hooks.tell() == 0


def test_an_end_that_comes_again_after_an_operators_retry_is_told_again(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script_recipient("+14155552671", refused(400, 21617))
    notification_id = accept()
    run_pipeline([notification_id])
    first = tell(run_pipeline, provider)

    hooked.post(f"/notifications/{notification_id}/retry")
    run_pipeline([notification_id])
    second = tell(run_pipeline, provider)

    assert [each["type"] for each in first + second] == ["notification.failed"] * 2


def test_nobody_is_told_of_what_was_told(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    send(hooked, _hook(provider, "second"), "/endpoints")
    run_pipeline([accept()])

    told = [tell(run_pipeline, provider) for _ in range(3)]

    assert [len(each) for each in told] == [2, 0, 0], "each webhook once"
    assert {found.is_followed for found in rows().values() if found.channel == "webhook"} == {False}


def test_a_receiver_that_is_away_is_told_again(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    run_pipeline([accept()])
    provider.script_recipient("/hooks/statuses", refused(503))
    assert tell(run_pipeline, provider) == []

    provider.script_recipient("/hooks/statuses")
    execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second' WHERE status = 'RETRYING'")
    waiting = [found.id for found in rows().values() if found.status == "RETRYING"]
    delivery.deliver("webhook", waiting, worker="test@here")

    assert provider.entries[-1].body["type"] == "notification.sent"
    assert len({entry.headers["webhook-id"] for entry in provider.entries if entry.path == "/hooks/statuses"}) == 1


def test_a_client_hears_nothing_of_anothers_notifications(
    hooked: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    made = send(hooked, **bearer("other", "notifications:write"))
    run_pipeline([made.get_json()["id"]])

    assert tell(run_pipeline, provider) == []
    assert not row(made.get_json()["id"]).is_followed


def test_without_a_webhook_for_it_nothing_is_followed(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    send(api, _hook(provider, purpose="messages"), "/endpoints")
    send(api, _hook(provider, is_enabled=False), "/endpoints")
    notification_id = accept()
    run_pipeline([notification_id])

    assert not row(notification_id).is_followed
    assert status_hooks.tell() == 0


def test_when_the_webhook_is_gone_nothing_waits_for_it(
    hooked: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    run_pipeline([notification_id])
    execute("UPDATE endpoints SET is_enabled = false")

    assert status_hooks.tell() == 1
    assert (row(notification_id).told_status, stored()) == ("SENT", 1)


def test_many_ends_are_told_in_one_sweep_once_each(
    hooked: FlaskClient, accept: Accept, provider: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_hooks, "MOST", 3)
    for number in range(10):
        accept(recipient=f"+1415555{number:04}")
    execute("UPDATE notifications SET status = 'FAILED', queue_at = NULL")
    start = threading.Barrier(3)
    told: list[int] = []

    def work() -> None:
        start.wait()
        told.append(status_hooks.tell())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status_hooks.tell()

    names = [found.details["recipient"] for found in rows().values() if found.channel == "webhook"]
    assert sorted(names) == [f"+1415555{number:04}" for number in range(10)]


def test_rules_do_not_write_to_it(hooked: FlaskClient) -> None:
    trial = {"rule": 'when type == "order" then notify("endpoint:*")', "event": {"type": "order"}}

    answer = send(hooked, trial, "/rules/test")

    assert answer.get_json()["matched"] is True
    assert [each["reason"] for each in answer.get_json()["messages"]] == ["no_endpoint"]


def test_trying_it_out_sends_a_made_up_status(
    hooked: FlaskClient, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint = hooked.get("/endpoints").get_json()[0]
    made = hooked.post(f"/endpoints/{endpoint['id']}/test")
    run_pipeline([made.get_json()["id"]], "webhook")

    assert provider.entries[-1].body["type"] == "notification.delivered"
    assert provider.entries[-1].body["data"]["test"] is True


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel": "email", "target": "a@example.com", "secret": None}, "purpose"),
        ({"user_id": "user-17"}, "user_id"),
        ({"failover": [{"channel": "sms", "recipient": "+14155552671"}]}, "failover"),
        ({"purpose": "news"}, "purpose"),
    ],
)
def test_only_a_webhook_of_the_whole_client_can_hear_of_statuses(
    api: FlaskClient, provider: ProviderStandIn, changes: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in (_hook(provider) | changes).items() if value is not None}

    answer = send(api, body, "/endpoints")

    assert answer.status_code == 422
    assert field in refused_fields(answer)


def test_the_purpose_is_shown_and_can_be_changed(hooked: FlaskClient, provider: ProviderStandIn) -> None:
    (shown,) = hooked.get("/endpoints").get_json()
    assert shown["purpose"] == "statuses"

    changed = hooked.put(f"/endpoints/{shown['id']}", json=_hook(provider, purpose="messages") | {"version": 1})

    assert changed.get_json()["purpose"] == "messages"
