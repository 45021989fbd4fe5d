"""Failover: when a target is not reached, or not in time, the next one takes over, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.cli import cli
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.models import Notification
from sentinel.queries import failover as queries
from sentinel.services.sending import delivery, failover
from sentinel.services.sending.failover import Target
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import send
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.rules import endpoint, happen, rule
from tests.rows import row, rows

MAIL = Target("email", "oncall@example.com")
SLACK = Target("slack", "#ops", after_seconds=300)


def execute(statement: str) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(statement))


def successor(notification_id: str) -> Notification | None:
    return next((each for each in rows().values() if each.failover_of == notification_id), None)


def timeline(api: FlaskClient, notification_id: str) -> list[dict[str, Any]]:
    entries = api.get(f"/notifications/{notification_id}/timeline").get_json()
    return [each for each in entries if each["event"] == "failed_over"]


def test_a_number_that_does_not_exist_is_taken_over_by_mail(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(400, 21211))
    first = accept(failover=(MAIL, SLACK), subject="Disk", severity="high", metadata={"disk": 7}, user_id="anna")
    run_pipeline([first])

    assert failover.sweep() == 1

    second = successor(first)
    assert second is not None
    assert (second.channel, second.recipient, second.status) == ("email", "oncall@example.com", "PENDING")
    assert (second.body, second.subject, second.severity, second.details, second.user_id) == (
        "Disk full",
        "Disk",
        "high",
        {"disk": 7},
        "anna",
    )
    assert [each["channel"] for each in second.failover or []] == ["slack"]
    assert (second.failover_at - second.created_at).total_seconds() == 300 if second.failover_at else False
    assert (row(first).status, row(first).failover) == ("FAILED", None)

    run_pipeline([second.id], channel="email")
    assert row(second.id).status == "SENT"
    assert failover.sweep() == 0


def test_what_was_sent_is_taken_over_by_nobody(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    first = accept(failover=(MAIL,))
    run_pipeline([first])

    assert failover.sweep() == 0
    assert row(first).status == "SENT"
    execute("UPDATE notifications SET status = 'UNDELIVERED', reason = 'unreachable'")
    assert failover.sweep() == 1


def test_who_waits_too_long_is_given_up_for_the_next_target(accept: Accept) -> None:
    first = accept(failover=(Target("email", "oncall@example.com", after_seconds=60),))
    assert failover.sweep() == 0

    execute("UPDATE notifications SET failover_at = now() - interval '1 s'")
    assert failover.sweep() == 1

    assert (row(first).status, row(first).reason) == ("FAILED", "failed_over")
    assert delivery.deliver("sms", [first], worker="test@here").ids == []
    found = successor(first)
    assert found is not None
    assert found.status == "PENDING"


@pytest.mark.parametrize("status", ["SENDING", "AMBIGUOUS"])
def test_what_may_have_been_heard_is_not_given_up(accept: Accept, status: str) -> None:
    accept(failover=(Target("email", "oncall@example.com", after_seconds=60),))
    lease = "lease_id = gen_random_uuid(), lease_until = now() + interval '60 s', queue_at = NULL"
    execute(
        f"UPDATE notifications SET failover_at = now() - interval '1 s', status = '{status}'"
        f"{', ' + lease if status == 'SENDING' else ''}"
    )

    assert failover.sweep() == 0


@pytest.mark.parametrize(
    ("status", "reason", "taken"),
    [
        ("SUPPRESSED", "opted_out", 1),
        ("SUPPRESSED", "bounced", 1),
        ("SUPPRESSED", "duplicate", 0),
        ("SUPPRESSED", "rate_limited", 0),
        ("FAILED", "expired", 0),
        ("FAILED", "attempts_exhausted", 1),
        ("CANCELLED", None, 0),
    ],
)
def test_only_what_somebody_was_meant_to_hear_goes_elsewhere(
    accept: Accept, status: str, reason: str | None, taken: int
) -> None:
    accept(failover=(MAIL,))
    told = "NULL" if reason is None else f"'{reason}'"
    execute(f"UPDATE notifications SET status = '{status}', reason = {told}, queue_at = NULL")

    assert failover.sweep() == taken
    assert failover.sweep() == 0


def test_a_text_too_long_for_the_next_channel_is_cut_there(accept: Accept) -> None:
    first = accept(
        channel="email", recipient="a@example.com", body="x" * 5000, failover=(Target("sms", "+14155552671"),)
    )
    execute("UPDATE notifications SET status = 'FAILED', reason = 'refused', queue_at = NULL")

    failover.sweep()

    found = successor(first)
    assert found is not None
    assert (len(found.body), found.body[-1]) == (1600, "…")


def test_the_timeline_says_who_took_over(api: FlaskClient, accept: Accept) -> None:
    first = accept(failover=(MAIL,))
    execute("UPDATE notifications SET status = 'FAILED', reason = 'refused', queue_at = NULL")

    failover.sweep()

    found = successor(first)
    assert found is not None
    entries = api.get(f"/notifications/{first}/timeline").get_json()
    (entry,) = [each for each in entries if each["event"] == "failed_over"]
    assert entry["detail"] == {"channel": "email", "notification_id": found.id}
    assert api.get(f"/notifications/{found.id}").get_json()["failover_of"] == first


def test_messages_of_rules_to_an_endpoint_carry_its_other_targets(api: FlaskClient) -> None:
    target = {"channel": "email", "recipient": "oncall@example.com", "after_seconds": 60}
    made = api.post(
        "/endpoints", json={"channel": "sms", "target": "+14155552671", "name": "phone", "failover": [target]}
    )
    assert made.status_code == 201
    assert made.get_json()["failover"] == [target]
    rule('when severity == "HIGH" then notify("endpoint:phone")')

    happen({"severity": "HIGH"})

    (found,) = rows().values()
    assert found.failover == [target]
    assert found.failover_at is not None
    assert (found.failover_at - found.created_at).total_seconds() == 60


def post(api: FlaskClient, *targets: dict[str, Any]) -> Any:
    return api.post(
        "/notifications",
        json={"channel": "sms", "recipient": "+14155552671", "body": "Disk full", "failover": list(targets)},
    )


def test_targets_are_stored_in_their_one_spelling(api: FlaskClient) -> None:
    answer = post(api, {"channel": "email", "recipient": "Ops@EXAMPLE.com", "after_seconds": 60})

    assert answer.status_code == 202
    shown = api.get(answer.headers["Location"]).get_json()
    assert shown["failover"] == [{"channel": "email", "recipient": "Ops@example.com", "after_seconds": 60}]


@pytest.mark.parametrize(
    ("targets", "field"),
    [
        ([{"channel": "email", "recipient": "nobody"}], "failover.0.recipient"),
        ([{"channel": "fax", "recipient": "1"}], "failover.0.channel"),
        ([{"channel": "sms", "recipient": "+1 415 555 2671"}], "failover.0"),
        ([{"channel": "email", "recipient": f"u{n}@example.com"} for n in range(6)], "failover"),
        ([{"channel": "email", "recipient": "a@example.com", "after_seconds": 0}], "failover.0.after_seconds"),
    ],
)
def test_a_wrong_target_is_named(api: FlaskClient, targets: list[dict[str, Any]], field: str) -> None:
    answer = post(api, *targets)

    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.get_json()["errors"]}


def successor_of(notification_id: str) -> Notification:
    found = successor(notification_id)
    assert found is not None
    return found


def test_a_named_endpoint_takes_over_as_it_is_then(api: FlaskClient, accept: Accept) -> None:
    number = endpoint("email", "old@example.com", name="phone")
    first = accept(failover=(Target(endpoint="phone", after_seconds=60),))
    execute("UPDATE endpoints SET target = 'new@example.com'")
    execute("UPDATE notifications SET failover_at = now() - interval '1 s'")

    assert failover.sweep() == 1

    second = successor_of(first)
    assert (second.channel, second.recipient, second.endpoint_id) == ("email", "new@example.com", number)


def test_an_endpoint_that_is_gone_is_passed_over_and_the_timeline_says_so(api: FlaskClient, accept: Accept) -> None:
    first = accept(failover=(Target(endpoint="nobody"), MAIL))
    execute("UPDATE notifications SET status = 'FAILED', reason = 'refused', queue_at = NULL")

    assert failover.sweep() == 1

    assert successor_of(first).channel == "email"
    [entry] = timeline(api, first)
    assert entry["detail"]["passed_over"] == [{"target": "nobody", "reason": "no enabled endpoint of this name"}]


def test_nobody_is_given_up_for_a_target_that_cannot_take_over(accept: Accept) -> None:
    first = accept(failover=(Target(endpoint="nobody", after_seconds=60),))
    execute("UPDATE notifications SET failover_at = now() - interval '1 s'")

    assert failover.sweep() == 0

    assert (row(first).status, row(first).failover) == ("PENDING", None)


def test_a_loop_of_targets_is_cut(accept: Accept) -> None:
    endpoint("sms", "+14155552671", name="phone")
    endpoint("email", "oncall@example.com", name="mail")
    first = accept(failover=(MAIL, Target(endpoint="phone"), Target(endpoint="mail")))
    for _ in range(3):
        execute("UPDATE notifications SET status = 'FAILED', reason = 'refused', queue_at = NULL")
        failover.sweep()

    assert len(rows()) == 2
    assert successor_of(first).failover is None


def test_what_has_expired_is_not_given_up_but_expires(accept: Accept) -> None:
    first = accept(failover=(Target("email", "oncall@example.com", after_seconds=300),))
    execute("UPDATE notifications SET failover_at = now() - interval '1 s', expires_at = now() - interval '1 s'")

    assert failover.sweep() == 0

    assert (row(first).status, row(first).reason) == ("PENDING", None)


def test_a_target_that_vanishes_during_a_sweep_has_taken_over_by_then(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint("email", "oncall@example.com", name="mail")
    first = accept(failover=(Target(endpoint="mail", after_seconds=60),))
    execute("UPDATE notifications SET failover_at = now() - interval '1 s'")
    give_up = queries.end

    def and_lose_the_target(*arguments: Any, **named: Any) -> list[str]:
        execute("UPDATE endpoints SET is_enabled = false")
        return give_up(*arguments, **named)

    monkeypatch.setattr(queries, "end", and_lose_the_target)
    assert failover.sweep() == 1

    assert successor_of(first).recipient == "oncall@example.com"


def both_hear_of_it(api: FlaskClient) -> None:
    """An event that is told by SMS, which bert and then carla take over for, and told to bert as well."""
    rule('when event.type == "x" then notify("sms:+14155552671")', "one")
    rule('when event.type == "x" then notify("inbox:bert")', "two")
    targets = [{"channel": "inbox", "recipient": name} for name in ("bert", "carla")]
    assert chain(api, *targets).status_code == 200
    happen({"type": "x"})
    execute("UPDATE notifications SET status = 'FAILED', reason = 'invalid', queue_at = NULL WHERE channel = 'sms'")


@pytest.mark.parametrize(
    ("status", "reason"),
    [("SUPPRESSED", "quiet_hours"), ("SUPPRESSED", "opted_out"), ("FAILED", "refused"), ("UNDELIVERED", "unreachable")],
)
def test_a_target_whose_own_message_reached_nobody_is_passed_over(api: FlaskClient, status: str, reason: str) -> None:
    both_hear_of_it(api)
    execute(
        f"UPDATE notifications SET status = '{status}', reason = '{reason}', queue_at = NULL WHERE channel = 'inbox'"
    )

    assert failover.sweep() == 1

    first = next(each for each in rows().values() if each.channel == "sms")
    assert (successor_of(first.id).recipient, successor_of(first.id).failover) == ("carla", None)
    [entry] = timeline(api, first.id)
    ended = f"its own message of this event is {status}: {reason}"
    assert entry["detail"]["passed_over"] == [{"target": "inbox:bert", "reason": ended}]
    assert entry["detail"]["notification_id"] == successor_of(first.id).id


@pytest.mark.parametrize(
    ("status", "reason"), [("SENT", None), ("SUPPRESSED", "grouped"), ("SUPPRESSED", "duplicate"), ("PENDING", None)]
)
def test_a_target_that_was_told_or_will_be_ends_the_list(api: FlaskClient, status: str, reason: str | None) -> None:
    both_hear_of_it(api)
    if status != "PENDING":
        told = "NULL" if reason is None else f"'{reason}'"
        execute(
            f"UPDATE notifications SET status = '{status}', reason = {told}, queue_at = NULL WHERE channel = 'inbox'"
        )

    assert failover.sweep() == 0

    first = next(each for each in rows().values() if each.channel == "sms")
    [entry] = timeline(api, first.id)
    assert entry["detail"] == {"channel": "inbox", "reason": "this event was told there already"}


def test_what_has_no_endpoint_goes_to_its_other_targets(api: FlaskClient) -> None:
    rule('when event.type == "x" then notify("webhook:https://10.0.0.5/x")')
    targets = {"channel": "inbox", "recipient": "carla"}
    assert chain(api, targets, path="/failover-chains/webhook").status_code == 200
    happen({"type": "x"})

    assert failover.sweep() == 1

    [first] = [each for each in rows().values() if each.channel == "webhook"]
    assert (first.status, first.reason, successor_of(first.id).recipient) == ("SUPPRESSED", "no_endpoint", "carla")


def test_what_has_no_endpoint_and_is_silenced_goes_nowhere(api: FlaskClient) -> None:
    rule('when event.type == "x" then notify("webhook:https://10.0.0.5/x")')
    assert chain(api, {"channel": "inbox", "recipient": "carla"}, path="/failover-chains/webhook").status_code == 200
    silence = {"matchers": [{"name": "type", "value": "x"}], "ends_at": (utc_now() + timedelta(hours=1)).isoformat()}
    assert send(api, silence, "/silences").status_code == 201
    happen({"type": "x"})

    assert failover.sweep() == 0


CHAIN = "/failover-chains/sms"


def chain(api: FlaskClient, *targets: dict[str, Any], path: str = CHAIN) -> Any:
    return api.put(path, json={"targets": list(targets)})


def test_a_chain_holds_for_messages_that_name_no_other_targets(api: FlaskClient, accept: Accept) -> None:
    mail = {"channel": "email", "recipient": "Ops@EXAMPLE.com", "after_seconds": 300}
    stored = mail | {"recipient": "Ops@example.com"}
    assert chain(api, mail).get_json()["targets"] == [stored]

    plain, own, other = accept(), accept(failover=(SLACK,)), accept(channel="email", recipient="a@example.com")

    found = row(plain)
    assert found.failover == [stored]
    assert found.failover_at is not None
    assert (found.failover_at - found.created_at).total_seconds() == 300
    assert [each["channel"] for each in row(own).failover or []] == ["slack"]
    assert row(other).failover is None

    posted = post(api).get_json()["id"]
    assert row(posted).failover == [stored]


def test_what_took_over_by_a_chain_goes_nowhere_else(api: FlaskClient, accept: Accept) -> None:
    chain(api, {"channel": "email", "recipient": "ops@example.com"})
    chain(api, {"channel": "sms", "recipient": "+14155552672"}, path="/failover-chains/email")
    first = accept()
    for _ in range(2):
        execute("UPDATE notifications SET status = 'FAILED', reason = 'refused', queue_at = NULL")
        failover.sweep()

    assert len(rows()) == 2
    assert (successor_of(first).failover, successor_of(first).failover_at) == (None, None)


def test_a_message_to_a_target_of_the_chain_itself_has_none(api: FlaskClient, accept: Accept) -> None:
    chain(api, {"channel": "sms", "recipient": "+14155552671", "after_seconds": 60})

    assert row(accept()).failover is None
    assert row(accept(recipient="+14155552672")).failover is not None


def test_messages_of_rules_have_the_chain_where_their_endpoint_has_none(api: FlaskClient) -> None:
    usual, own = (
        {"channel": "email", "recipient": f"{name}@example.com", "after_seconds": 60} for name in ("usual", "own")
    )
    chain(api, usual)
    api.post("/endpoints", json={"channel": "sms", "target": "+14155552671", "name": "a"})
    api.post("/endpoints", json={"channel": "sms", "target": "+14155552672", "name": "b", "failover": [own]})
    rule('when severity == "HIGH" then notify("endpoint:a"), notify("endpoint:b"), notify("slack:#ops")')

    happen({"severity": "HIGH"})

    found = {each.recipient: each.failover for each in rows().values()}
    assert found == {"+14155552671": [usual], "+14155552672": [own], "#ops": None}


def test_tests_and_status_hooks_have_no_chain(api: FlaskClient) -> None:
    chain(api, {"channel": "email", "recipient": "ops@example.com"})
    number = endpoint("sms", "+14155552671", name="phone")

    assert api.post(f"/endpoints/{number}/test").status_code == 202

    assert [each.failover for each in rows().values()] == [None]


def test_chains_are_listed_and_removed(api: FlaskClient, accept: Accept) -> None:
    chain(api, {"channel": "email", "recipient": "ops@example.com"})
    assert [each["channel"] for each in api.get("/failover-chains").get_json()] == ["sms"]
    assert api.get(CHAIN).get_json()["client"] == "default"

    assert api.delete(CHAIN).status_code == 204

    assert api.get(CHAIN).status_code == api.delete(CHAIN).status_code == api.get("/failover-chains/fax").status_code
    assert api.get(CHAIN).status_code == 404
    assert row(accept()).failover is None


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({"endpoint": "nobody"}, "failover.0.endpoint"),
        ({"endpoint": "a", "channel": "sms"}, "targets.0.endpoint"),
        ({"channel": "sms"}, "targets.0.recipient"),
        ({"channel": "email", "recipient": "nobody"}, "failover.0.recipient"),
    ],
)
def test_a_chain_that_could_not_be_followed_is_refused(api: FlaskClient, target: dict[str, Any], field: str) -> None:
    answer = chain(api, target)

    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.get_json()["errors"]}


def test_an_endpoint_does_not_take_over_for_itself(api: FlaskClient) -> None:
    body = {"channel": "sms", "target": "+14155552671", "name": "phone"}
    made = api.post("/endpoints", json=body).get_json()

    answer = api.put(
        f"/endpoints/{made['id']}", json=body | {"failover": [{"endpoint": "phone"}], "version": made["version"]}
    )

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "failover.0.endpoint"


def test_the_command_line_sets_chains(accept: Accept) -> None:
    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["failover-chains", *arguments], catch_exceptions=False).output

    endpoint("email", "oncall@example.com", name="mail")
    assert "2 other targets" in run("set", "sms", "endpoint:mail@60", "email:ops@example.com")
    assert row(accept()).failover == [
        {"endpoint": "mail", "after_seconds": 60},
        {"channel": "email", "recipient": "ops@example.com", "after_seconds": None},
    ]
    assert '"endpoint": "mail"' in run("list", "--json")
    assert "sms" in run("list")
    assert "is no target" in run("set", "sms", "somebody")
    assert "no other targets" in run("unset", "sms")
