"""Events meet rules: who is told, once, and what becomes of each event."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import TextClause
from sqlalchemy.event import listen, remove

from sentinel import metrics
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.models.event import EventStatus
from sentinel.models.status import Status
from sentinel.queries import matching as queries
from sentinel.rules.rulebook import RuleBook
from sentinel.services.matching import aftermath, fanout, matching, wordings
from sentinel.services.sending import sweeping
from tests.conftest import Configure
from tests.integration.calls import execute, send
from tests.integration.rules import ORDER, client, endpoint, event, happen, post, rule, tickets, told
from tests.plans.looking import planned

BIG_ORDER = {"type": "order", "amount": 750}


def targets(event_id: str | None = None) -> list[tuple[str, str]]:
    return [(each.channel, each.recipient) for each in told(event_id)]


def test_a_big_order_is_told_to_its_channel_and_a_small_one_to_nobody() -> None:
    order = rule(ORDER, "Big orders")

    big, small, text = happen(BIG_ORDER, {"type": "order", "amount": 500}, {"type": "order", "amount": "750"})

    (message,) = told()
    assert (message.channel, message.recipient, message.event_id) == ("slack", "#big-orders", big)
    assert (message.status, message.rule_ids) == (Status.PENDING, [order])
    assert (event(big).status, event(big).rule_ids) == (EventStatus.MATCHED, [order])
    assert [event(each).status for each in (small, text)] == [EventStatus.UNMATCHED] * 2


def test_two_spellings_of_a_rule_hear_the_same() -> None:
    one = rule(ORDER)
    other = rule("when event.type == 'order' and event.amount > 500 then notify('slack:#big-orders')")

    happen(BIG_ORDER)

    assert [each.rule_ids for each in told()] == [[one, other]]


def test_four_rules_with_one_target_are_one_message_that_lists_the_four() -> None:
    texts = [f'when type == "order" priority {number} then notify("email:a@example.com")' for number in range(4)]
    ids = [rule(each) for each in texts]

    happen(BIG_ORDER)

    (message,) = told()
    assert message.rule_ids == list(reversed(ids))
    assert all(text in message.body for text in texts)


def test_each_distinct_target_gets_its_own_message() -> None:
    rule('when type == "order" then notify("slack:#a"), notify("email:a@example.com"), notify("slack:#b")')
    rule('when amount > 1 then notify("slack:#a")')

    happen(BIG_ORDER)

    assert targets() == [("email", "a@example.com"), ("slack", "#a"), ("slack", "#b")]


def test_an_event_is_heard_by_its_own_client_alone_and_a_broadcast_by_all() -> None:
    for name in ("default", "shop", "bank"):
        rule(ORDER, of=name)

    own, broadcast = *happen(BIG_ORDER, of="shop"), *happen(BIG_ORDER, of="shop", is_broadcast=True)

    assert [each.client_id for each in told(own)] == [client("shop")]
    assert sorted(each.client_id for each in told(broadcast)) == sorted(map(client, ("default", "shop", "bank")))


def test_matching_twice_and_by_two_workers_at_once_tells_once() -> None:
    rule('when type == "order" then notify("slack:#a"), ticket("low", "Order")')
    ids = post(*[BIG_ORDER] * 20)

    workers = [threading.Thread(target=matching.match, args=[ids]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    matching.match(ids)

    assert len(told()) == len(tickets()) == 20


def test_a_rule_is_heard_from_its_commit_on_and_silent_from_its_end_on() -> None:
    (before,) = happen(BIG_ORDER)
    order = rule(ORDER)
    (while_there,) = happen(BIG_ORDER)
    execute("UPDATE rules SET is_enabled = false WHERE id = :id", id=order)
    (while_off,) = happen(BIG_ORDER)
    execute("UPDATE rules SET is_enabled = true WHERE id = :id", id=order)
    (on_again,) = happen(BIG_ORDER)
    execute("DELETE FROM rules WHERE id = :id", id=order)
    (after,) = happen(BIG_ORDER)

    heard = {EventStatus.MATCHED: [while_there, on_again], EventStatus.UNMATCHED: [before, while_off, after]}
    for status, ids in heard.items():
        assert [event(each).status for each in ids] == [status] * len(ids)


def test_a_log_of_changes_that_was_pruned_or_replaced_makes_rules_load_anew() -> None:
    order = rule(ORDER)
    happen(BIG_ORDER)
    execute("UPDATE rules SET is_enabled = false WHERE id = :id", id=order)
    execute("UPDATE rules SET version = 7 WHERE id = :id", id=order)
    execute("DELETE FROM rule_changes WHERE id < (SELECT max(id) FROM rule_changes)")
    (pruned,) = happen(BIG_ORDER)
    execute("UPDATE rules SET is_enabled = true WHERE id = :id", id=order)
    execute("DELETE FROM rule_changes")
    (replaced,) = happen(BIG_ORDER)

    assert event(pruned).status == EventStatus.UNMATCHED
    assert event(replaced).status == EventStatus.MATCHED


def test_endpoints_of_a_rule_come_before_those_of_its_client() -> None:
    own = rule('when type == "order" then notify("endpoint:*")')
    rule('when type == "refund" then notify("endpoint:*")')
    endpoint("email", "rule@example.com", rule_id=own)
    endpoint("slack", "#client")
    endpoint("slack", "#user", user_id="u-1")

    (order,) = happen(BIG_ORDER)
    (refund,) = happen({"type": "refund"})

    assert targets(order) == [("email", "rule@example.com")]
    assert targets(refund) == [("slack", "#client")]


def test_a_match_without_an_enabled_endpoint_is_recorded_and_never_sent() -> None:
    rule('when type == "order" then notify("endpoint:on-call")')
    endpoint("email", "off@example.com", name="on-call", is_enabled=False)

    (order,) = happen(BIG_ORDER)

    (message,) = told(order)
    assert (message.status, message.reason, message.recipient) == (Status.SUPPRESSED, "no_endpoint", "on-call")


def test_an_endpoint_that_is_off_does_not_hide_the_others() -> None:
    rule('when type == "order" then notify("endpoint:off"), notify("endpoint:on")')
    endpoint("slack", "#off", name="off", is_enabled=False)
    there = endpoint("slack", "#on", name="on")

    happen(BIG_ORDER)

    assert [(each.recipient, each.endpoint_id, each.status) for each in told()] == [
        ("off", None, Status.SUPPRESSED),
        ("#on", there, Status.PENDING),
    ]


def test_a_message_of_a_client_that_is_off_is_recorded_and_never_sent() -> None:
    rule(ORDER, of="shop")
    rule(ORDER, of="bank")
    execute("UPDATE clients SET is_active = false WHERE id = :id", id=client("shop"))

    happen(BIG_ORDER, is_broadcast=True)

    found = {each.client_id: (each.status, each.reason) for each in told()}
    assert found == {client("shop"): (Status.SUPPRESSED, "client_disabled"), client("bank"): (Status.PENDING, None)}


def test_a_message_to_a_suppressed_address_is_recorded_and_never_sent() -> None:
    rule('when type == "order" then notify("email:a@example.com"), notify("email:b@example.com")')
    for recipient, lifted_at in (("a@example.com", None), ("b@example.com", utc_now())):
        execute(
            "INSERT INTO suppressions (client_id, channel, recipient, reason, source, created_at, lifted_at) "
            "VALUES (:id, 'email', :recipient, 'bounced', 'sendgrid', now(), :lifted_at)",
            id=client(),
            recipient=recipient,
            lifted_at=lifted_at,
        )

    happen(BIG_ORDER)

    assert [(each.status, each.reason) for each in told()] == [(Status.SUPPRESSED, "bounced"), (Status.PENDING, None)]


def test_a_hundred_events_cost_as_many_statements_as_one(database: Configure) -> None:
    database(SENTINEL_LIMITS="[]")
    rule('when type == "order" then notify("slack:#a"), notify("endpoint:on-call"), ticket("low", "Order")')
    endpoint("slack", "#b", name="on-call")
    happen(BIG_ORDER)

    costs = []
    for number in (1, 100):
        ids = post(*[BIG_ORDER] * number)
        with statements() as seen:
            matching.match(ids)
        costs.append(len(seen))

    # changes, events, endpoints, clients; ends, messages, tickets
    assert costs == [7, 7]


@pytest.mark.parametrize("statement", [queries.PENDING_EVENTS, queries.END_EVENTS])
def test_a_batch_does_not_read_what_else_waits(statement: TextClause) -> None:
    with get_engine().connect() as connection:
        plan = str(planned(connection, statement))

    assert "id = ANY" in plan  # by the key or by client and key, as PostgreSQL likes
    assert "ix_events_waiting" not in plan


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is said to the database meanwhile."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    listen(get_engine(), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        remove(get_engine(), "before_cursor_execute", note)


def test_a_rule_that_says_stop_silences_those_after_it() -> None:
    loud = rule('when type == "order" priority 10 stop then notify("slack:#a")')
    quiet = rule('when type == "order" then notify("slack:#b")')

    (order,) = happen(BIG_ORDER)

    assert targets() == [("slack", "#a")]
    assert (event(order).rule_ids, event(order).unheard) == ([loud], {"silenced": [quiet]})


def test_a_suppressed_event_is_told_to_nobody_and_says_so() -> None:
    rule('when type == "order" priority 10 then suppress()')
    rule(ORDER)

    (order,) = happen(BIG_ORDER)

    assert told() == []
    assert (event(order).status, event(order).reason) == (EventStatus.MATCHED, "suppressed")


def test_a_rule_may_find_an_event_more_severe_than_it_says() -> None:
    rule('when type == "disk" severity critical if used > 95, high if used > 90 then notify("slack:#a")')
    rule('when type == "disk" then notify("slack:#b")')

    happen({"type": "disk", "used": 97, "severity": "LOW"})

    assert [each.severity for each in told()] == ["critical", "low"]


def test_a_rule_that_asks_for_it_holds_back_repetitions_of_its_content() -> None:
    rule('when type == "order" dedupe 1h by customer then notify("slack:#a")')

    happen({"type": "order", "customer": 1}, {"type": "order", "customer": 1}, {"type": "order", "customer": 2})

    keys = [(each.dedupe_key, each.dedupe_seconds) for each in told()]
    assert len(set(keys)) == 2
    assert {seconds for _, seconds in keys} == {3600}


def test_a_message_that_one_of_its_rules_wants_always_is_never_held_back() -> None:
    rule('when type == "order" dedupe 1h then notify("slack:#a")')
    rule('when amount > 1 then notify("slack:#a")')

    happen(BIG_ORDER)

    assert [each.dedupe_key for each in told()] == [None]


def test_an_alert_to_a_user_reaches_the_users_endpoints_or_else_the_inbox() -> None:
    endpoint("sms", "+14155552671", user_id="u-1")

    happen({"user_id": "u-1", "type": "login"}, {"user_id": "u-2", "type": "login"}, is_addressed=True)

    assert [(each.channel, each.recipient, each.user_id) for each in told()] == [
        ("inbox", "u-2", "u-2"),
        ("sms", "+14155552671", "u-1"),
    ]


def test_a_ticket_opens_once_and_has_the_events_values_in_its_title() -> None:
    hot = rule('when temperature >= 85 then ticket("high", "High temperature {temperature:.1f}°C")')

    (reading,) = happen({"device_id": "dev-1", "temperature": 91})

    (ticket,) = tickets()
    assert (ticket.severity, ticket.title) == ("high", "High temperature 91.0°C")
    assert (ticket.device_id, ticket.event_id, ticket.rule_id) == ("dev-1", reading, hot)


def test_events_of_one_device_join_its_unresolved_ticket_if_the_rule_says_so() -> None:
    rule('when status == "offline" then ticket("critical", "Device offline", merge="device_id")')
    offline = {"status": "offline", "device_id": "dev-1"}

    happen(offline, offline, {"status": "offline", "device_id": "dev-2"}, {"status": "offline"})

    assert {(each.device_id, each.events) for each in tickets()} == {("dev-1", 2), ("dev-2", 1), (None, 1)}


def test_throttled_and_waiting_matches_are_recorded() -> None:
    throttled = rule('when type == "order" throttle 10m then notify("slack:#a")')
    waiting = rule('when type == "order" and count() over 5m > 2 then notify("slack:#b")')

    first, second, third = happen(*[BIG_ORDER] * 3)

    assert targets(first) == [("slack", "#a")]
    assert (targets(second), event(second).reason) == ([], "throttled")
    assert event(second).unheard == {"throttled": [throttled], "waiting": [waiting]}
    assert targets(third) == [("slack", "#b")]


def test_a_rule_that_speaks_again_says_how_many_were_held_back(api: FlaskClient) -> None:
    rule('when type == "order" throttle 2 per 10m then notify("slack:#a"), notify("email:a@example.com", template="t")')
    template = {"name": "t", "body": "{{ held_back }} since {{ held_back_since }}"}
    assert send(api, template, "/templates").status_code == 201
    happen(*[BIG_ORDER] * 5)

    with time_machine.travel(utc_now() + timedelta(minutes=10, seconds=1)):
        (last,) = happen(BIG_ORDER)

    mail, chat = told(last)
    assert (chat.subject or "").endswith(" (+3)")
    assert "Held back: 3 since " in chat.body
    assert mail.body.startswith("3 since 20")
    assert all("(+" not in (each.subject or "") for each in told() if each.event_id != last)


def test_an_event_matched_again_after_a_crash_passes_its_own_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    rule('when type == "order" throttle 10m then notify("slack:#a")')
    ids = post(BIG_ORDER)

    with monkeypatch.context() as patch:
        patch.setattr(matching, "_write", _crash)
        with pytest.raises(RuntimeError):
            matching.match(ids)
    matching.match(ids)

    assert targets() == [("slack", "#a")]


def _crash(*_: Any) -> None:
    raise RuntimeError


def test_windows_wait_for_redis_and_all_other_rules_do_not(database: Configure) -> None:
    rule(ORDER)
    rule('when type == "login" and count() over 5m > 0 then notify("slack:#b")')
    order, login = post(BIG_ORDER, {"type": "login"})
    settings = database()

    database(REDIS_URL="redis://127.0.0.1:1/0")
    matching.match([order, login])
    assert (event(order).status, event(login).status) == (EventStatus.MATCHED, EventStatus.PENDING)

    database(REDIS_URL=settings.redis_url.get_secret_value())
    matching.match([login])
    assert targets(login) == [("slack", "#b")]


def test_an_event_that_breaks_the_engine_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rule(ORDER)
    match = RuleBook.match

    def brittle(book: RuleBook, found: Any, owner: Any) -> Any:
        if found.get("poison"):
            raise ZeroDivisionError
        return match(book, found, owner)

    monkeypatch.setattr(RuleBook, "match", brittle)
    poison, order = happen({"poison": True}, BIG_ORDER)

    assert (event(poison).status, event(poison).reason) == (EventStatus.FAILED, "bug")
    assert event(order).status == EventStatus.MATCHED
    assert metrics.totals()["events_failed_total",] == 1


@pytest.mark.parametrize(("place", "name"), [(aftermath, "worded"), (fanout, "severity")])
def test_an_event_whose_messages_cannot_be_made_fails_alone(
    place: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(ORDER)
    sound = getattr(place, name)

    def brittle(*arguments: Any) -> Any:
        if "poison" in str(arguments):
            raise ZeroDivisionError
        return sound(*arguments)

    monkeypatch.setattr(place, name, brittle)
    before, poison, after = happen(BIG_ORDER, BIG_ORDER | {"note": "poison"}, BIG_ORDER)

    assert (event(poison).status, event(poison).reason) == (EventStatus.FAILED, "bug")
    assert [event(each).status for each in (before, after)] == [EventStatus.MATCHED] * 2
    assert sorted(each.event_id or "" for each in told()) == sorted([before, after])


def test_an_event_whose_message_the_database_refuses_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rule('when type == "order" then notify("slack:#a"), ticket("low", "Order")')
    sound = wordings.worded

    def spoiled(message: Any, facts: Any, known: Any) -> Any:
        content = sound(message, facts, known)
        return replace(content, body="\0") if "poison" in facts.event else content

    monkeypatch.setattr(aftermath, "worded", spoiled)
    before, poison, after = happen(BIG_ORDER, BIG_ORDER | {"poison": True}, BIG_ORDER)

    assert (event(poison).status, event(poison).reason) == (EventStatus.FAILED, "bug")
    assert [event(each).status for each in (before, after)] == [EventStatus.MATCHED] * 2
    assert {each.event_id for each in told()} == {each.event_id for each in tickets()} == {before, after}


def test_a_template_that_fails_is_replaced_by_the_built_in_wording() -> None:
    rule('when type == "order" then notify("slack:#a", template="broken")')
    execute(
        "INSERT INTO templates (client_id, name, body, version, created_at, updated_at) "
        "VALUES (:id, 'broken', '{{ 1 / (amount - amount) }}', 1, now(), now())",
        id=client(),
    )

    happen(BIG_ORDER)

    assert "750" in told()[0].body


def test_a_client_words_its_messages_by_its_default_template() -> None:
    rule(ORDER)
    execute(
        "INSERT INTO templates (client_id, name, channel, body, version, created_at, updated_at) "
        "VALUES (:id, 'default', 'slack', 'Wow: {{ event.amount }}', 1, now(), now())",
        id=client(),
    )

    happen(BIG_ORDER)

    assert told()[0].body == "Wow: 750"


def test_an_event_whose_message_was_lost_is_queued_by_the_sweeper(servers: Any) -> None:
    (order,) = post(BIG_ORDER)
    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()
        execute("UPDATE events SET queue_at = now() - interval '1 second'")

        assert sweeping.sweep_waiting() == 1

        assert order in str(store.lrange("sentinel:pipeline", 0, -1))


def test_a_device_that_falls_silent_is_told_once(database: Configure) -> None:
    silent = rule(
        'when type == "beat" and absent over 5m by device_id '
        'then notify("slack:#a"), ticket("high", "{device_id} is silent")'
    )
    (beat,) = happen(
        {"type": "beat", "device_id": "dev-1", "ts": minutes_ago(10)}, {"type": "beat", "device_id": "dev-2"}
    )[:1]

    assert matching.fire_due() == 1
    assert matching.fire_due() == 0

    (message,), (ticket,) = told(), tickets()
    (due,) = [event(message.event_id or "")]
    assert (due.status, due.rule_ids, due.body["due"]["last_event_id"]) == (EventStatus.MATCHED, [silent], beat)
    assert (message.recipient, ticket.title) == ("#a", "dev-1 is silent")


def test_what_holds_for_long_enough_is_told_though_no_further_event_comes() -> None:
    rule('when temperature > 80 for 5m by device_id then notify("slack:#a")')

    (hot, other) = happen(
        {"device_id": "dev-1", "temperature": 90, "ts": minutes_ago(6)},
        {"device_id": "dev-2", "temperature": 90, "ts": minutes_ago(6)},
    )
    happen({"device_id": "dev-2", "temperature": 70, "ts": minutes_ago(3)}, {"device_id": "dev-1", "type": "other"})
    matching.fire_due()

    assert [event(hot).reason, event(other).reason] == ["waiting", "waiting"]
    assert [event(each.event_id or "").device_id for each in told()] == ["dev-1"]


def test_nothing_is_missed_while_events_wait_that_may_bring_it() -> None:
    rule('when type == "beat" and absent over 5m then notify("slack:#a")')
    happen({"type": "beat", "ts": minutes_ago(10)})
    waiting = post({"type": "beat", "ts": minutes_ago(1)})
    execute("UPDATE events SET created_at = now() - interval '6 minutes' WHERE status = 'PENDING'")

    assert matching.fire_due() == 0
    matching.match(waiting)
    assert matching.fire_due() == 0
    assert told() == []


def test_a_rule_that_changed_or_went_meanwhile_says_nothing_more() -> None:
    gone = rule('when type == "beat" and absent over 5m then notify("slack:#a")')
    happen({"type": "beat", "ts": minutes_ago(10)})
    execute("DELETE FROM rules WHERE id = :id", id=gone)

    assert matching.fire_due() == 0
    assert told() == []


def minutes_ago(minutes: float) -> str:
    return (utc_now() - timedelta(minutes=minutes)).isoformat()
