"""Dead letters over HTTP: what ended badly by its cause, started over at a pace, and mended before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.ids import new_id
from sentinel.models.status import Status
from sentinel.services.sending import sweeping
from sentinel.stand_ins import ProviderStandIn, refused
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, send
from tests.integration.calls import refused as refusals
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row

OTHER = "+14155552679"


@pytest.fixture
def failed(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure) -> list[str]:
    """Three text messages that used up their only try, and one that was delivered."""
    database(SENTINEL_MAX_ATTEMPTS="1")
    ids = [accept(body=f"message {number}") for number in range(3)]
    provider.script(*[refused(503, 20503)] * 3)
    run_pipeline([*ids, accept()])
    assert {row(each).status for each in ids} == {Status.FAILED}
    return ids


def replay(api: FlaskClient, **body: Any) -> Any:
    return send(api, body, "/dead-letters/replay")


def edit(api: FlaskClient, notification_id: str, **body: Any) -> Any:
    return send(api, body, f"/dead-letters/{notification_id}/replay")


def test_letters_are_counted_by_cause_with_a_hint(api: FlaskClient, failed: list[str], accept: Accept) -> None:
    other = accept(channel="email", recipient="anna@example.com")
    execute(
        "UPDATE notifications SET status = 'UNDELIVERED', reason = 'bounced', queue_at = NULL WHERE id = :id", id=other
    )

    groups = api.get("/dead-letters").get_json()

    sms, email = groups
    assert (sms["channel"], sms["status"], sms["reason"], sms["provider"]) == (
        *("sms", "FAILED", "attempts_exhausted", "twilio"),
    )
    assert (sms["count"], sms["example_id"], sms["client"]) == (3, failed[2], "default")
    assert sms["oldest"] <= sms["newest"]
    assert sms["hint"]
    assert (email["status"], email["reason"], email["count"], email["hint"]) == ("UNDELIVERED", "bounced", 1, None)


def test_there_may_be_none(api: FlaskClient) -> None:
    assert api.get("/dead-letters").get_json() == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=failed", 3),
        ("status=undelivered", 0),
        ("channel=email", 0),
        ("reason=attempts_exhausted", 3),
        ("provider=twilio", 3),
        ("provider=sendgrid", 0),
        ("since=1h", 3),
        ("recipient=%2B14155552671", 3),
        ("user_id=nobody", 0),
    ],
)
def test_letters_can_be_narrowed(api: FlaskClient, failed: list[str], query: str, count: int) -> None:
    assert sum(each["count"] for each in api.get(f"/dead-letters?{query}").get_json()) == count


def test_what_succeeds_is_as_described(api: FlaskClient, failed: list[str]) -> None:
    described = schemathesis.openapi.from_wsgi("/openapi.json", api.application)

    described["/dead-letters"]["GET"].validate_response(api.get("/dead-letters"))
    many = described["/dead-letters/replay"]["POST"]
    for dry_run in (True, False):
        answer = replay(api, limit=1, dry_run=dry_run)
        assert str(answer.status_code) in many.definition.raw["responses"]
        many.validate_response(answer)
    one = described["/dead-letters/{notification_id}/replay"]["POST"]
    one.validate_response(edit(api, failed[0], body="Mended"))


def test_what_another_target_took_over_is_no_dead_letter(api: FlaskClient, failed: list[str], accept: Accept) -> None:
    successor = accept(channel="email", recipient="anna@example.com")
    execute("UPDATE notifications SET failover_of = :of WHERE id = :id", of=failed[0], id=successor)

    assert [each["count"] for each in api.get("/dead-letters").get_json()] == [2]


def test_a_client_sees_and_replays_only_its_own(api: FlaskClient, failed: list[str]) -> None:
    shop = bearer("shop")

    assert api.get("/dead-letters", headers=shop).get_json() == []
    assert send(api, {}, "/dead-letters/replay", **shop).get_json()["matched"] == 0
    assert send(api, {}, f"/dead-letters/{failed[0]}/replay", **shop).status_code == 404
    assert api.get("/dead-letters?all_clients=true", headers=shop).status_code == 403
    assert row(failed[0]).status == Status.FAILED


def test_an_operator_sees_those_of_all_clients(api: FlaskClient, failed: list[str]) -> None:
    admin = bearer("operations", "notifications:read", "admin")

    groups = api.get("/dead-letters?all_clients=true", headers=admin).get_json()

    assert [(each["client"], each["count"]) for each in groups] == [("default", 3)]


def test_a_dry_run_counts_and_changes_nothing(api: FlaskClient, failed: list[str]) -> None:
    answer = replay(api, limit=2, rate_per_second=1, dry_run=True)

    body = answer.get_json()
    assert answer.status_code == 200
    assert (body["matched"], body["replayed"], body["seconds"]) == (3, 2, 1.0)
    assert [each["count"] for each in body["groups"]] == [3]
    assert {row(each).status for each in failed} == {Status.FAILED}


def test_letters_start_over_each_at_its_turn(api: FlaskClient, failed: list[str]) -> None:
    answer = replay(api, reason="attempts_exhausted", rate_per_second=1)

    assert answer.status_code == 202
    assert {name: answer.get_json()[name] for name in ("matched", "replayed", "rate_per_second", "seconds")} == {
        "matched": 3,
        "replayed": 3,
        "rate_per_second": 1,
        "seconds": 2.0,
    }
    rows = [row(each) for each in reversed(failed)]  # newest first
    assert {each.status for each in rows} == {Status.PENDING}
    assert rows[0].next_attempt_at is None
    waits = [each.next_attempt_at - rows[0].updated_at for each in rows[1:] if each.next_attempt_at]
    assert waits == [timedelta(seconds=1), timedelta(seconds=2)]


def test_a_replayed_letter_is_sent_when_its_turn_has_come(
    api: FlaskClient, failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    before = len(provider.entries)
    replay(api, rate_per_second=1)

    run_pipeline(failed)
    assert [row(each).status for each in failed] == [Status.PENDING, Status.PENDING, Status.SENT]

    execute("UPDATE notifications SET next_attempt_at = now(), queue_at = now() WHERE next_attempt_at > now()")
    assert sweeping.sweep_waiting() == 2
    run_pipeline(failed)
    assert {row(each).status for each in failed} == {Status.SENT}
    assert len(provider.entries) == before + 3


def test_a_second_replay_finds_nothing_left(api: FlaskClient, failed: list[str]) -> None:
    replay(api)

    assert replay(api).get_json()["replayed"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 50_001}, "limit"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"status": "sent"}, "status"),
        ({"reasn": "x"}, "reasn"),
        ({"since": "yesterday"}, "since"),
        ({"dry_run": "yes"}, "dry_run"),
    ],
)
def test_a_replay_that_is_not_understood_changes_nothing(
    api: FlaskClient, failed: list[str], body: dict[str, Any], field: str
) -> None:
    answer = replay(api, **body)

    assert answer.status_code == 422
    assert set(refusals(answer)) == {field}
    assert row(failed[0]).status == Status.FAILED


def test_a_mended_letter_goes_to_the_new_recipient(
    api: FlaskClient, failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    answer = edit(api, failed[0], recipient="+1 (415) 555-2679", body="Mended")

    assert answer.status_code == 202
    assert (answer.get_json()["recipient"], answer.get_json()["status"]) == (OTHER, "PENDING")
    run_pipeline([failed[0]])
    assert row(failed[0]).status == Status.SENT
    assert provider.entries[-1].recipient == OTHER
    assert provider.entries[-1].text == "Mended"


def test_the_timeline_keeps_what_was_changed(api: FlaskClient, failed: list[str]) -> None:
    edit(api, failed[0], recipient=OTHER, body="Mended", subject=None)

    story = api.get(f"/notifications/{failed[0]}/timeline").get_json()

    (edited,) = [each["detail"] for each in story if each["event"] == "edited"]
    assert edited == {"by": "open mode", "changed": ["body", "recipient"], "recipient_was": "+14155552671"}
    assert "message 0" not in str(story)
    assert [each["event"] for each in story].count("retried") == 1


def test_what_is_not_changed_is_no_edit(api: FlaskClient, failed: list[str]) -> None:
    assert edit(api, failed[0], recipient="+14155552671").status_code == 202

    story = api.get(f"/notifications/{failed[0]}/timeline").get_json()
    assert "edited" not in [each["event"] for each in story]


@pytest.mark.parametrize(
    ("body", "field"),
    [({"recipient": "12345"}, "recipient"), ({"body": ""}, "body"), ({"channel": "email"}, "channel")],
)
def test_a_letter_is_mended_by_the_rules_of_a_new_one(
    api: FlaskClient, failed: list[str], body: dict[str, Any], field: str
) -> None:
    answer = edit(api, failed[0], **body)

    assert answer.status_code == 422
    assert set(refusals(answer)) == {field}
    assert row(failed[0]).status == Status.FAILED


def test_only_what_ended_badly_can_be_mended(api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()

    answer = edit(api, notification_id, body="Other")

    assert answer.status_code == 409
    assert row(notification_id).body == "Disk full"


def test_an_unknown_letter_is_not_found(api: FlaskClient) -> None:
    assert edit(api, new_id(utc_now()), body="Other").status_code == 404


def test_nobody_is_told_twice_of_one_event(api: FlaskClient, failed: list[str]) -> None:
    execute("UPDATE notifications SET event_id = :event WHERE id = :id", event=failed[0], id=failed[0])
    execute(
        "UPDATE notifications SET event_id = :event, recipient = :to WHERE id = :id",
        event=failed[0],
        to=OTHER,
        id=failed[1],
    )

    answer = edit(api, failed[0], recipient=OTHER)

    assert answer.status_code == 409
    assert "told to +14155552679 already" in answer.get_json()["message"]
    assert (row(failed[0]).status, row(failed[0]).recipient) == (Status.FAILED, "+14155552671")


def test_a_mended_letter_to_a_suppressed_address_is_not_sent(
    api: FlaskClient, failed: list[str], run_pipeline: RunPipeline
) -> None:
    send(api, {"channel": "sms", "recipient": OTHER, "reason": "manual"}, "/suppressions")

    edit(api, failed[0], recipient=OTHER)
    run_pipeline([failed[0]])

    assert (row(failed[0]).status, row(failed[0]).reason) == (Status.SUPPRESSED, "manual")
