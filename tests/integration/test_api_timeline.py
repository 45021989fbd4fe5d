"""GET /notifications/<id>/timeline: why it was (not) sent, in the order it happened."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.services.sending import delivery, sweeping
from sentinel.stand_ins import ProviderStandIn, refused, reset
from tests.conftest import Configure
from tests.integration.calls import SMS, execute, send
from tests.integration.conftest import Accept, RunPipeline


def _timeline(api: FlaskClient, notification_id: str) -> list[dict[str, Any]]:
    response = api.get(f"/notifications/{notification_id}/timeline")
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.get_json()
    assert all(set(each) == {"at", "event", "detail"} for each in items)
    assert [each["at"] for each in items] == sorted(each["at"] for each in items)
    return items


def _events(items: list[dict[str, Any]]) -> list[str]:
    return [each["event"] for each in items]


def test_one_that_waits_was_accepted_and_no_more(api: FlaskClient, accept: Accept) -> None:
    items = _timeline(api, accept())

    assert _events(items) == ["accepted"]
    assert items[0]["detail"] == {"channel": "sms"}


def test_one_for_later_says_when(api: FlaskClient) -> None:
    later = (utc_now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    notification_id = send(api, SMS | {"send_at": later}).get_json()["id"]

    items = _timeline(api, notification_id)

    assert _events(items) == ["accepted", "scheduled"]
    assert items[1]["detail"] == {"send_at": later}


def test_one_that_was_sent_names_provider_worker_and_message(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    notification_id = accept()
    run_pipeline([notification_id])

    items = _timeline(api, notification_id)

    assert _events(items) == ["accepted", "attempted", "sent"]
    detail = items[1]["detail"]
    assert (detail["number"], detail["provider"], detail["outcome"], detail["worker"]) == (
        1,
        "twilio",
        "OK",
        "test@here",
    )
    assert items[2]["detail"]["provider_message_id"] == detail["provider_message_id"]


def test_one_that_failed_says_what_the_provider_answered_and_what_to_do(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(400, 21211))
    notification_id = accept()
    run_pipeline([notification_id])

    items = _timeline(api, notification_id)

    assert _events(items) == ["accepted", "attempted", "failed"]
    assert (items[1]["detail"]["http_status"], items[1]["detail"]["provider_code"]) == (400, "21211")
    assert items[2]["detail"]["reason"] == items[1]["detail"]["reason"]


def test_one_that_waits_for_another_try_says_until_when(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.always(refused(503, 20503))
    notification_id = accept()
    run_pipeline([notification_id])

    items = _timeline(api, notification_id)

    assert _events(items) == ["accepted", "attempted", "retrying"]
    assert "next_attempt_at" in items[2]["detail"]


def test_one_in_doubt_tells_both_tries(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(reset())
    notification_id = accept(channel="email", recipient="a@example.com")
    run_pipeline([notification_id], "email")
    assert _events(_timeline(api, notification_id)) == ["accepted", "attempted", "ambiguous"]

    sweeping.sweep_waiting()
    execute("UPDATE notifications SET next_attempt_at = now() - interval '1 second'")
    delivery.deliver("email", [notification_id], worker="test@here")

    items = _timeline(api, notification_id)
    assert [each["detail"].get("outcome") for each in items if each["event"] == "attempted"] == ["AMBIGUOUS", "OK"]
    assert items[-1]["event"] == "sent"


def test_a_duplicate_names_the_one_it_repeats(api: FlaskClient, accept: Accept, run_pipeline: RunPipeline) -> None:
    first, second = accept(dedupe_key="disk-full"), accept(dedupe_key="disk-full")
    run_pipeline([first, second])

    items = _timeline(api, second)

    assert _events(items) == ["accepted", "suppressed"]
    assert items[1]["detail"] == {"reason": "duplicate", "duplicate_of": first}


def test_one_above_a_limit_was_put_off_and_says_until_when(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, database: Configure
) -> None:
    limit = {"scope": "recipient", "rate": "1/hour", "above": "defer"}
    database(SENTINEL_LIMITS=json.dumps([limit]))
    first, second = accept(), accept()
    run_pipeline([first, second])

    items = _timeline(api, second)

    assert _events(items) == ["accepted", "deferred"]
    assert items[1]["detail"]["reason"] == "rate_limited"
    assert items[1]["detail"]["until"] > items[1]["at"]


def test_one_that_expired_was_suppressed(api: FlaskClient, accept: Accept, run_pipeline: RunPipeline) -> None:
    notification_id = accept()
    execute("UPDATE notifications SET expires_at = now() - interval '1 second'")
    run_pipeline([notification_id])

    items = _timeline(api, notification_id)

    assert _events(items) == ["accepted", "suppressed"]
    assert items[1]["detail"] == {"reason": "expired"}


def test_one_that_was_cancelled_says_so_once(api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()
    api.post(f"/notifications/{notification_id}/cancel")

    assert _events(_timeline(api, notification_id)) == ["accepted", "cancelled"]


def test_one_that_was_retried_keeps_its_past(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(400, 21612))
    notification_id = accept()
    run_pipeline([notification_id])
    api.post(f"/notifications/{notification_id}/retry")
    assert _events(_timeline(api, notification_id)) == ["accepted", "attempted", "retried"]

    run_pipeline([notification_id])

    assert _events(_timeline(api, notification_id)) == ["accepted", "attempted", "retried", "attempted", "sent"]
