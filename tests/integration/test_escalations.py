"""Tickets told step by step: each due step once, none after somebody has the ticket, and the history says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.queries import escalations
from sentinel.queries.escalations import StoredEscalation
from sentinel.rendering import Content
from sentinel.services import notifications as service
from sentinel.services.bookkeeping.audit import audit
from sentinel.services.escalating import driving, words
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.gauges import get_gauges
from tests.conftest import Configure
from tests.integration.calls import execute, stored
from tests.integration.conftest import DEFAULT_CLIENT_ID, RunPipeline
from tests.integration.escalating import (
    ANN,
    BACK,
    BOB,
    CID,
    OFFLINE,
    RESOLVE,
    TICKET,
    arrive,
    escalation,
    history,
    kinds,
    messages,
    notifications,
    open_ticket,
    pass_time,
    policy,
    sweep_until_quiet,
    taken_over,
    told,
)
from tests.integration.rules import endpoint, event, happen, rule, tickets


def patched(api: FlaskClient, ticket_id: int, **body: Any) -> dict[str, Any]:
    """Change a ticket by the API; returns it as it then stands."""
    response = api.patch(f"/tickets/{ticket_id}", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def in_seconds(seconds: int) -> str:
    return (utc_now() + timedelta(seconds=seconds)).isoformat()


def test_the_first_step_is_told_with_the_ticket_and_the_second_after_its_wait() -> None:
    ticket_id = open_ticket()

    assert [driving.sweep(), driving.sweep()] == [1, 0]
    assert told(ticket_id) == [(1, 1, ANN)]

    pass_time(290)
    assert driving.sweep() == 0

    pass_time(10)
    assert sweep_until_quiet() == 1
    assert told(ticket_id) == [(1, 1, ANN), (1, 2, BOB)]
    assert escalation(ticket_id).state == "exhausted"
    assert kinds(ticket_id) == ["opened", "escalation_began", "step_told", "step_told", "exhausted"]


def test_a_message_names_its_ticket_and_step_and_says_what_it_is_about() -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()

    (found,) = notifications()

    assert (found.channel, found.recipient, found.severity) == ("sms", "+14155552671", "critical")
    assert found.body == f"[CRITICAL] dev-1 is offline - ticket {ticket_id}, default"
    assert (found.details["ticket_id"], found.details["step"], found.details["round"]) == (ticket_id, 1, 1)
    assert found.ticket_message_id == messages(ticket_id)[0].id
    assert (found.event_id, found.dedupe_key) == (None, None)


def test_all_steps_come_again_after_the_pause_as_often_as_the_policy_says() -> None:
    ticket_id = open_ticket((0, [ANN]), (60, [BOB]), repeat=1, repeat_wait_seconds=120)

    for wait in (0, 60, 120, 60, 10_000):
        pass_time(wait)
        sweep_until_quiet()

    assert told(ticket_id) == [(1, 1, ANN), (1, 2, BOB), (2, 1, ANN), (2, 2, BOB)]
    assert escalation(ticket_id).next_step_at is None


def test_who_acknowledges_stops_it_and_the_history_says_who(api: FlaskClient) -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()

    found = patched(api, ticket_id, status="acknowledged", by="ann")
    pass_time(10_000)

    assert sweep_until_quiet() == 0
    assert (found["escalation"]["state"], found["escalation"]["next_step_at"]) == ("acknowledged", None)
    assert history(ticket_id)[-1].detail == {"by": "ann", "how": "api"}


def test_what_is_not_resolved_in_time_is_open_again_and_told_from_the_start(api: FlaskClient) -> None:
    ticket_id = open_ticket(acknowledge_timeout_seconds=600)
    sweep_until_quiet()
    patched(api, ticket_id, status="acknowledged", by="ann")

    pass_time(600)
    sweep_until_quiet()

    assert api.get(f"/tickets/{ticket_id}").get_json()["status"] == "open"
    assert told(ticket_id) == [(1, 1, ANN), (1, 1, ANN)]
    assert [each.run for each in messages(ticket_id)] == [1, 2]
    timeout = next(each for each in history(ticket_id) if each.event == "acknowledge_timeout")
    assert timeout.detail == {"by": "ann", "seconds": 600}


def test_a_snoozed_ticket_goes_on_with_its_next_step(api: FlaskClient) -> None:
    ticket_id = open_ticket()
    sweep_until_quiet()

    found = patched(api, ticket_id, snoozed_until=in_seconds(7200), by="ann")
    assert (found["status"], found["escalation"]["state"]) == ("open", "snoozed")
    pass_time(7100)
    assert sweep_until_quiet() == 0

    pass_time(100)
    sweep_until_quiet()
    assert told(ticket_id) == [(1, 1, ANN), (1, 2, BOB)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"snoozed_until": "2020-01-01T00:00:00Z"}, 422),
        ({"snoozed_until": "2099-01-01T00:00:00Z"}, 422),
        ({"status": "resolved", "snoozed_until": "2099-01-01T00:00:00Z"}, 422),
        ({}, 422),
    ],
)
def test_a_snooze_that_makes_no_sense_is_refused(api: FlaskClient, body: dict[str, Any], status: int) -> None:
    ticket_id = open_ticket()

    assert api.patch(f"/tickets/{ticket_id}", json=body).status_code == status


def test_only_what_would_be_told_can_be_snoozed(api: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN]))
    sweep_until_quiet()

    exhausted = api.patch(f"/tickets/{ticket_id}", json={"snoozed_until": in_seconds(60)})
    patched(api, ticket_id, status="acknowledged")
    taken = api.patch(f"/tickets/{ticket_id}", json={"snoozed_until": in_seconds(60)})

    assert (exhausted.status_code, taken.status_code) == (409, 409)
    assert "no escalation that would tell anybody" in exhausted.get_json()["message"]
    assert "only what is open can be snoozed: nobody is told while it is acknowledged" in taken.get_json()["message"]


def test_a_recovery_resolves_the_ticket_and_those_who_were_told_hear_of_it() -> None:
    ticket_id = open_ticket((0, [ANN, BOB]), (300, [CID]))
    resolving = rule(RESOLVE)
    sweep_until_quiet()
    arrive()

    (recovery,) = happen(BACK | {"occurred_at": in_seconds(1)})

    (found,) = tickets()
    assert (found.status, found.resolved_by) == ("resolved", f"rule {resolving}")
    assert (event(recovery).status, event(recovery).reason) == ("MATCHED", "resolves")
    assert told(ticket_id)[2:] == [(None, None, BOB), (None, None, ANN)]
    assert notifications()[-1].details["is_resolved"] is True
    pass_time(10_000)
    assert sweep_until_quiet() == 0
    assert kinds(ticket_id)[-2:] == ["resolved", "end_told"]


def test_a_policy_may_keep_the_end_to_itself(api: FlaskClient) -> None:
    ticket_id = open_ticket(tells_end=False)
    sweep_until_quiet()
    arrive()

    patched(api, ticket_id, status="resolved")

    assert len(notifications()) == 1
    assert escalation(ticket_id).state == "ended"


def test_who_was_never_sent_anything_hears_of_no_end(api: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN, BOB]))
    sweep_until_quiet()
    execute("UPDATE notifications SET status = 'FAILED', reason = 'x', queue_at = NULL WHERE channel = 'email'")
    arrive()

    patched(api, ticket_id, status="resolved")

    assert [each.target for each in messages(ticket_id) if each.step is None] == [ANN]


def test_of_a_fall_and_a_recovery_in_one_batch_or_after_each_other_the_later_one_counts() -> None:
    policy((0, [ANN]))
    rule(TICKET)
    rule(RESOLVE)
    earlier, later = in_seconds(-60), in_seconds(-30)

    happen(OFFLINE | {"occurred_at": earlier}, BACK | {"occurred_at": later})
    assert [found.status for found in tickets()] == ["resolved"]

    happen(OFFLINE | {"occurred_at": in_seconds(-10)}, BACK | {"occurred_at": in_seconds(-20)})
    assert [found.status for found in tickets()] == ["resolved", "open"]

    at_once = in_seconds(-5)
    happen(BACK | {"occurred_at": at_once}, OFFLINE | {"occurred_at": at_once})
    assert [found.status for found in tickets()] == ["resolved", "open"]


def test_a_recovery_that_lacks_the_field_resolves_nothing_and_says_so() -> None:
    open_ticket()
    rule(RESOLVE)

    (recovery,) = happen({"type": "online"})

    assert [found.status for found in tickets()] == ["open"]
    assert event(recovery).reason == "resolves"
    assert audit().counts == {}


def test_a_step_that_finds_nobody_is_noted_and_the_next_one_follows_at_once() -> None:
    endpoint("sms", "+14155552671", name="ann")
    ticket_id = open_ticket((0, ["endpoint:ann"]), (300, [BOB]))
    execute("UPDATE endpoints SET is_enabled = false")

    assert sweep_until_quiet() == 2

    assert told(ticket_id) == [(1, 2, BOB)]
    missed = next(each for each in history(ticket_id) if each.event == "step_missed")
    assert missed.detail["missing"] == [{"target": "endpoint:ann", "who": "ann", "reason": "no_endpoint"}]


def test_an_endpoint_and_whoever_is_on_call_are_told_once_though_they_are_the_same(api: FlaskClient) -> None:
    endpoint("sms", "+14155552671", name="ann")
    rotation = {"name": "primary", "members": ["ann"], "starts_on": "2026-11-30"}
    assert api.post("/rotations", json=rotation).status_code == 201
    ticket_id = open_ticket((0, ["rotation:primary", "endpoint:ann", ANN]))

    sweep_until_quiet()

    (found,) = messages(ticket_id)
    assert (found.recipient, found.endpoint_id is not None) == ("+14155552671", False)
    assert len(notifications()) == 1


def test_who_stands_in_is_told(api: FlaskClient) -> None:
    endpoint("sms", "+14155552671", name="ann")
    endpoint("email", "bob@example.com", name="bob")
    api.post("/rotations", json={"name": "primary", "members": ["ann"], "starts_on": "2026-11-30"})
    answer = api.post("/rotations/primary/overrides", json={"member": "bob", "ends_at": in_seconds(3600)})
    assert answer.status_code == 201, answer.text
    ticket_id = open_ticket((0, ["rotation:primary"]))

    sweep_until_quiet()

    assert [(each.who, each.channel) for each in messages(ticket_id)] == [("bob", "email")]


def test_a_changed_policy_changes_nothing_under_way() -> None:
    ticket_id = open_ticket()
    policy((0, [CID]))

    sweep_until_quiet()

    assert told(ticket_id) == [(1, 1, ANN)]


def test_a_rule_without_a_policy_takes_the_default_of_the_severity() -> None:
    policy((0, [BOB]), name="usual", default_for=("critical", "high"))
    rule('when type == "offline" then ticket("high", "x")')
    rule('when type == "offline" then ticket("low", "y")')

    happen(OFFLINE)

    assert stored("escalations") == 1
    assert escalation(next(found.id for found in tickets() if found.severity == "high")).policy == "usual"


def test_a_policy_that_is_gone_is_noted_and_the_default_steps_in() -> None:
    policy((0, [BOB]), name="usual", default_for=("critical",))
    rule(TICKET)

    happen(OFFLINE)

    (found,) = tickets()
    assert kinds(found.id) == ["opened", "policy_missing", "escalation_began"]
    assert escalation(found.id).policy == "usual"


def test_a_worse_event_with_a_more_urgent_policy_begins_it() -> None:
    policy((3600, [BOB]), name="calm")
    policy((0, [ANN]), name="urgent")
    rule('when type == "hot" then ticket("medium", "hot", merge="device_id", policy="calm")')
    rule('when type == "offline" then ticket("critical", "offline", merge="device_id", policy="urgent")')
    happen({"type": "hot", "device_id": "dev-1"})
    (found,) = tickets()
    assert sweep_until_quiet() == 0

    happen(OFFLINE)
    sweep_until_quiet()

    assert told(found.id) == [(1, 1, ANN)]
    assert kinds(found.id)[:3] == ["opened", "escalation_began", "escalation_raised"]
    happen({"type": "hot", "device_id": "dev-1"})
    assert escalation(found.id).policy == "urgent"


def test_many_sweeps_at_once_tell_each_step_once() -> None:
    ticket_id = open_ticket((0, [ANN, BOB]), (300, [CID]))

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(lambda _: driving.sweep(), range(4)))

    assert sum(moved) == 1
    assert len(told(ticket_id)) == 2


def test_a_sweep_that_dies_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket_id = open_ticket()
    with monkeypatch.context() as patch:
        patch.setattr(escalations, "move", _dies)
        with pytest.raises(RuntimeError):
            driving.sweep()
    assert (told(ticket_id), notifications()) == ([], [])

    assert driving.sweep() == 1
    assert told(ticket_id) == [(1, 1, ANN)]


def _dies(*_: object, **__: object) -> None:
    raise RuntimeError


def test_what_was_moved_meanwhile_is_not_moved_by_an_older_token() -> None:
    ticket_id = open_ticket()
    found = escalation(ticket_id)
    row = {"ticket_id": ticket_id, "before": found.token - 1, "state": "ended", "token": 99}

    with new_session() as session:
        moved = escalations.move(
            session, [row | {"round": 1, "step": 1, "run": 1, "next_step_at": None}], now=utc_now()
        )

    assert moved == set()


def test_who_has_no_policies_pays_no_statement_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rule('when type == "offline" then ticket("critical", "offline", merge="device_id"), ticket("low", "look")')
    monkeypatch.setattr("sentinel.queries.escalation_policies.of_clients", _dies)
    monkeypatch.setattr("sentinel.queries.escalations.note", _dies)

    happen(OFFLINE)

    assert len(tickets()) == 2


def test_limits_that_hold_back_floods_hold_back_no_step(database: Configure, run_pipeline: RunPipeline) -> None:
    database(SENTINEL_LIMITS='[{"scope": "recipient", "rate": "1/hour", "above": "drop"}]')
    open_ticket((0, [ANN]), repeat=2, repeat_wait_seconds=30)
    for _ in range(3):
        sweep_until_quiet()
        pass_time(30)

    run_pipeline([each.id for each in notifications()])

    assert [each.status for each in notifications()] == ["SENT"] * 3


def test_a_title_of_several_lines_is_told_in_one(api: FlaskClient) -> None:
    policy((0, [BOB]))
    rule('when type == "offline" then ticket("critical", "{text}", merge="device_id", policy="primary")')
    happen(OFFLINE | {"text": "disk\r\nfull\u2028now"})
    (ticket,) = tickets()

    sweep_until_quiet()
    arrive()
    patched(api, ticket.id, status="resolved")

    assert [each.subject for each in notifications()] == [
        "[CRITICAL] disk full now",
        "RESOLVED [CRITICAL] disk full now",
    ]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"status": "acknowledged"}, "acknowledged"),
        ({"status": "resolved"}, "resolved"),
        ({"snoozed_until": "in_an_hour"}, "snoozed"),
    ],
)
def test_what_still_waits_when_somebody_takes_the_ticket_is_not_sent(
    api: FlaskClient, run_pipeline: RunPipeline, body: dict[str, Any], cause: str
) -> None:
    ticket_id = open_ticket((0, [ANN, BOB]), (300, [CID]))
    sweep_until_quiet()
    execute("UPDATE notifications SET status = 'RETRYING', next_attempt_at = now() WHERE channel = 'sms'")

    patched(api, ticket_id, **{name: in_seconds(3600) if "_" in value else value for name, value in body.items()})

    assert {(each.status, each.reason) for each in notifications()} == {("CANCELLED", cause)}
    for each in notifications():
        run_pipeline([each.id], each.channel)
        with unit_of_work() as uow:
            story = service.timeline(uow, each.id, client_id=DEFAULT_CLIENT_ID)
        said = [item.detail for item in story if item.event == "cancelled"]
        assert said == [{"ticket_id": ticket_id, "because": cause}]
    assert {each.status for each in notifications()} == {"CANCELLED"}
    assert "end_told" not in kinds(ticket_id), "nobody has heard of it"
    assert audit().counts == {}


def test_what_was_sent_stays_sent_when_somebody_takes_the_ticket(api: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN]))
    sweep_until_quiet()
    arrive()

    patched(api, ticket_id, status="acknowledged")

    assert [each.status for each in notifications()] == ["SENT"]


def test_who_took_over_for_somebody_hears_of_the_end(api: FlaskClient) -> None:
    ticket_id = taken_over()
    arrive("email")

    patched(api, ticket_id, status="resolved")

    assert [(each.channel, each.recipient, each.status) for each in notifications()[2:]] == [
        ("email", "bob@example.com", "PENDING")
    ]


def test_a_target_to_take_over_that_cannot_be_used_keeps_nobody_from_being_told() -> None:
    others = """[{"channel": "email", "recipient": "nobody", "after_seconds": null},
                 {"channel": "email", "recipient": "bob@example.com", "after_seconds": null}]"""
    endpoint("sms", "+14155552671", name="ann", failover=others)
    ticket_id = open_ticket((0, ["endpoint:ann"]))

    sweep_until_quiet()

    (sent,) = notifications()
    assert sent.recipient == "+14155552671"
    assert [each["recipient"] for each in sent.failover or ()] == ["bob@example.com"]
    (step,) = [each for each in history(ticket_id) if each.event == "step_told"]
    assert step.detail["missing"] == [{"target": "email:nobody", "who": "ann", "reason": "invalid"}]


def test_one_ticket_that_cannot_be_told_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = open_ticket()
    happen(OFFLINE | {"device_id": "dev-2"})
    good = tickets()[-1].id
    monkeypatch.setattr(words, "waiting", _wording_but_not_of(bad))

    assert driving.sweep() == 2

    assert (told(bad), told(good)) == ([], [(1, 1, ANN)])
    assert kinds(bad)[-1] == "put_off"
    assert history(bad)[-1].detail == {"error": "RuntimeError", "seconds": 60}
    assert driving.sweep() == 0, "it has its time to come again"
    pass_time(61)
    monkeypatch.undo()
    sweep_until_quiet()
    assert told(bad) == [(1, 1, ANN)]


def _wording_but_not_of(ticket_id: int) -> Any:
    worded = words.waiting

    def waiting(found: StoredEscalation, channel: str) -> Content:
        if found.ticket_id == ticket_id:
            raise RuntimeError
        return worded(found, channel)

    return waiting


def test_a_rotation_in_a_zone_that_is_gone_is_noted_and_the_next_step_follows(api: FlaskClient) -> None:
    endpoint("sms", "+14155552671", name="ann")
    rotation = {"name": "primary", "members": ["ann"], "zone": "Europe/Berlin", "starts_on": "2026-11-30"}
    assert api.post("/rotations", json=rotation | {"handover": "09:00", "shift_days": 7}).status_code == 201
    execute("UPDATE rotations SET zone = 'Nowhere/Gone'")
    ticket_id = open_ticket((0, ["rotation:primary"]), (300, [BOB]))

    sweep_until_quiet()

    (missed,) = [each for each in history(ticket_id) if each.event == "step_missed"]
    assert missed.detail["missing"] == [{"target": "rotation:primary", "who": None, "reason": "invalid"}]
    assert told(ticket_id) == [(1, 2, BOB)]


@pytest.mark.parametrize(("status", "state"), [("resolved", "ended"), ("acknowledged", "acknowledged")])
def test_what_an_older_version_did_to_a_ticket_is_followed_and_nobody_is_told(status: str, state: str) -> None:
    ticket_id = open_ticket()
    execute(f"UPDATE tickets SET status = '{status}', {status}_at = now(), {status}_by = 'ann'")

    sweep_until_quiet()

    assert (told(ticket_id), escalation(ticket_id).state) == ([], state)


def test_who_can_no_longer_be_told_of_the_end_is_noted(api: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN, BOB]))
    sweep_until_quiet()
    arrive()
    execute("UPDATE notifications SET recipient = 'nobody' WHERE channel = 'email'")

    patched(api, ticket_id, status="resolved")

    (end,) = [each for each in history(ticket_id) if each.event == "end_told"]
    assert [each["channel"] for each in end.detail["told"]] == ["sms"]
    assert end.detail["missing"] == [{"target": BOB, "who": BOB, "reason": "invalid"}]


def test_a_step_that_is_two_minutes_late_is_a_discrepancy_and_a_metric() -> None:
    ticket_id = open_ticket()
    pass_time(100)
    assert audit().counts == {}

    pass_time(30)

    (found,) = audit().found
    assert (found.kind, found.id) == ("escalation_late", str(ticket_id))
    values = get_gauges().read()
    assert values["escalations_overdue_seconds",] > 120
    assert values["escalations", "running"] == 1


def test_an_address_that_is_a_secret_stands_in_no_history_and_is_nobodys_name(api: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN, "slack:https://hooks.slack.com/services/T0/B0/token"]))
    sweep_until_quiet()
    hook = next(each for each in messages(ticket_id) if each.channel == "slack")
    arrive()

    patched(api, ticket_id, status="resolved", by=hook.who)

    assert hook.who == "slack:https://•••"
    assert "token" not in api.get(f"/tickets/{ticket_id}/timeline").text
    assert [each.recipient for each in notifications() if each.channel == "slack"] == [hook.recipient] * 2
