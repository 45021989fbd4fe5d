"""What does not work, in words: what, how much, since when, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel.queries.accounts import Standing
from sentinel.services.sending.breaker import Account
from sentinel.services.watching.curves import Curves, Step, Window
from sentinel.services.watching.situation import Facts, Level, troubles
from sentinel.stream_lag import Lag

NOW = datetime(2026, 11, 30, 14, 6, tzinfo=UTC)
SWEPT = ("sweep_waiting", "sweep_failover", "sweep_leases", "sweep_alerts", "sweep_silences", "sweep_heartbeats")
TOLD = ("sweep_drills", "sweep_self_tests", "sweep_receipts", "tell_statuses", "sweep_load_tests", "sweep_replays")
PERIODS = dict.fromkeys(SWEPT + TOLD, 2.0) | dict.fromkeys(("fire_due", "flush_groups", "sweep_escalations"), 1.0)
PERIODS |= {"sample_counters": 10.0, "prune": 60.0, "add_up_books": 60.0, "audit": 900.0}
"""As beat rings as it is shipped."""
QUIET = Facts(
    NOW,
    {
        ("part_up", "database"): 1.0,
        ("part_up", "broker"): 1.0,
        ("queue_length", "slack"): 0.0,
        **{("sweeper_last_success_age_seconds", name): 0.5 * period for name, period in PERIODS.items()},
    },
    [Account("slack", ("slack",), Standing())],
    {"slack": ("hooks-1",)},
    PERIODS,
)
REFUSED = Account(
    "slack",
    ("slack",),
    Standing(
        state="open",
        reason="token_revoked",
        hint="Make a new token.",
        opened_at=NOW - timedelta(minutes=4),
        paused_until=NOW + timedelta(minutes=1),
    ),
    {"slack": 37},
)


def with_gauges(gauges: Mapping[Any, float], facts: Facts = QUIET) -> Facts:
    return replace(facts, gauges={**facts.gauges, **gauges})


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    assert troubles(QUIET) == []


def test_a_refused_account_is_told_with_who_waits_since_when_and_what_to_do() -> None:
    [told] = troubles(replace(QUIET, accounts=[REFUSED]))

    assert (told.level, told.title) == (Level.STUCK, "slack is refused: token_revoked")
    assert told.text == "37 messages of slack wait for it. It began 4 min ago, at 14:02 UTC."
    assert told.remedy == "Make a new token. It is tried again by itself at 14:07:00 UTC."
    assert told.channels == ("slack",)


def test_an_account_for_which_nobody_waits_is_only_to_be_looked_at() -> None:
    [told] = troubles(replace(QUIET, accounts=[replace(REFUSED, parked_by_channel={})]))

    assert told.level is Level.LOOK
    assert told.text.startswith("No message of slack waits for it.")


def test_a_held_account_waits_for_whoever_holds_it() -> None:
    held = Standing(state="open", reason="number is being moved", opened_at=NOW, is_held=True)

    [told] = troubles(replace(QUIET, accounts=[Account("twilio", ("sms",), held, {"sms": 1})]))

    assert told.title == "twilio is held: number is being moved"
    assert told.text.startswith("1 message of sms waits for it.")


@pytest.mark.parametrize(
    ("gauges", "title"),
    [
        ({("part_up", "database"): 0.0}, "The database does not answer"),
        ({("part_up", "broker"): 0.0}, "The broker does not answer"),
        ({("notifications_oldest_due_seconds", "email"): 240.0}, "email is behind"),
        ({("events_oldest_pending_seconds",): 90.0, ("events_pending",): 4.0}, "Events are not evaluated"),
        ({("escalations_overdue_seconds",): 90.0}, "Escalations are late"),
        ({("self_test_failed",): 1.0}, "The self-test failed"),
    ],
)
def test_what_stops_messages_is_stuck(gauges: dict[tuple[str, ...], float], title: str) -> None:
    [told] = troubles(with_gauges(gauges))

    assert (told.level, told.title) == (Level.STUCK, title)


def test_waiting_that_is_explained_is_not_told_twice() -> None:
    facts = with_gauges({("notifications_oldest_due_seconds", "slack"): 240.0}, replace(QUIET, accounts=[REFUSED]))

    assert [told.title for told in troubles(facts)] == ["slack is refused: token_revoked"]


def test_one_message_that_waits_explains_neither_other_channels_nor_what_another_account_could_send() -> None:
    sandbox = Account("sandbox", ("sms", "email"), REFUSED.standing, {"sms": 1})
    behind = {("notifications_oldest_due_seconds", channel): 240.0 for channel in ("sms", "email")}

    told = troubles(with_gauges(behind, replace(QUIET, accounts=[sandbox])))
    assert [each.title for each in told] == ["sandbox is refused: token_revoked", "email is behind"]
    assert told[0].text.startswith("1 message of sms waits for it.")

    spare = Account("twilio", ("sms",), Standing(), {"sms": 1})
    told = troubles(with_gauges(behind, replace(QUIET, accounts=[sandbox, spare])))
    assert [each.title for each in told] == ["sms is behind", "email is behind", "sandbox is refused: token_revoked"]


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        (timedelta(minutes=-20), "Make a new token. It is tried with the next message."),
        (timedelta(hours=11), "Make a new token. It is tried again by itself at 2026-12-01 01:06:00 UTC."),
    ],
)
def test_when_an_account_is_tried_again_is_never_in_the_past(pause: timedelta, words: str) -> None:
    account = replace(REFUSED, standing=replace(REFUSED.standing, paused_until=NOW + pause))

    [told] = troubles(replace(QUIET, accounts=[account]))

    assert told.remedy == words


def test_what_waits_for_its_time_is_not_stuck_for_lack_of_a_worker() -> None:
    later = {("queue_length", "sms"): 0.0, ("notifications_in_flight", "sms", "PENDING"): 2.0}

    [calm] = troubles(with_gauges(later))
    [stuck] = troubles(with_gauges(later | {("notifications_oldest_due_seconds", "sms"): 9.0}))

    assert (calm.level, calm.text) == (Level.LOOK, "Nobody listens to sms; 2 messages wait for later.")
    assert (stuck.level, stuck.text) == (
        Level.STUCK,
        "Nobody listens to sms; the oldest message could have gone 9 s ago.",
    )


def test_what_a_slow_database_does_not_tell_is_not_nothing() -> None:
    facts = replace(QUIET, gauges={("part_up", "database"): 0.0, ("part_up", "broker"): 1.0})

    assert (facts.waiting("sms"), facts.of_channel("notifications_held", "sms")) == (None, None)
    assert [told.title for told in troubles(facts)] == ["The database does not answer"]


def test_a_broker_that_is_away_does_not_hide_redis() -> None:
    told = troubles(with_gauges({("part_up", "broker"): 0.0, ("part_up", "redis"): 0.0}))

    assert [each.title for each in told] == ["The broker does not answer", "Redis does not answer"]


def test_queues_without_a_worker_are_told_together() -> None:
    gauges = {("queue_length", "sms"): 0.0, ("queue_length", "sms.retry"): 0.0}

    [idle] = troubles(with_gauges(gauges))
    [stuck] = troubles(with_gauges(gauges | {("queue_length", "sms"): 3.0}))

    assert (idle.level, idle.title) == (Level.LOOK, "No worker serves sms")
    assert (stuck.level, stuck.remedy) == (Level.STUCK, "Run `sentinel worker --channel sms`.")
    assert stuck.text == "Nobody listens to sms and sms.retry; 3 jobs wait there."


def test_without_any_worker_it_is_said_once() -> None:
    [told] = troubles(replace(with_gauges({("queue_length", "sms"): 0.0}), served={}))

    assert (told.level, told.title) == (Level.STUCK, "No worker is running")


def test_while_redis_is_away_nobody_says_that_there_is_no_worker() -> None:
    [told] = troubles(replace(with_gauges({("part_up", "redis"): 0.0}), served=None))

    assert told.title == "Redis does not answer"


def test_a_silent_clock_is_stuck_and_a_silent_task_is_to_be_looked_at() -> None:
    # None of the rare ones is late after five minutes, and a name of an earlier release says nothing.
    ages = {("sweeper_last_success_age_seconds", name): 300.0 for name in PERIODS}

    [clock] = troubles(with_gauges(ages | {("sweeper_last_success_age_seconds", "sweep_of_old"): 1.0}))
    [task] = troubles(with_gauges({("sweeper_last_success_age_seconds", "sweep_waiting"): 300.0}))

    assert (clock.level, clock.title) == (Level.STUCK, "The clock stands still")
    assert clock.text.startswith("None of its tasks has run for 5 min:")
    assert (task.level, task.text) == (Level.LOOK, "sweep_waiting ran last 5 min ago; the others run.")


def test_a_clock_that_never_rang_stands_still_and_one_task_that_never_came_is_to_be_looked_at() -> None:
    never = {key: value for key, value in QUIET.gauges.items() if key[0] != "sweeper_last_success_age_seconds"}
    [clock] = troubles(replace(QUIET, gauges=never))
    [task] = troubles(
        replace(QUIET, gauges={key: value for key, value in QUIET.gauges.items() if "fire_due" not in key})
    )

    assert (clock.level, clock.title) == (Level.STUCK, "The clock stands still")
    assert clock.text.startswith("None of its tasks has ever run:")
    assert task.text == "fire_due never ran; the others run."


@pytest.mark.parametrize(
    ("sent", "failed", "is_told"), [(0, 0, False), (0, 2, False), (0, 3, True), (1000, 12, False), (100, 12, True)]
)
def test_many_failures_of_the_last_minutes_are_worth_a_look(sent: int, failed: int, is_told: bool) -> None:  # noqa: FBT001
    window = Window("15m", "15 minutes", 900.0, 10.0)
    curves = Curves(window, 0, 900, (Step(0, 10, (sent + failed, sent, 0, failed)),))

    told = troubles(replace(QUIET, curves=curves))

    assert [each.level for each in told] == [Level.LOOK] * is_told
    assert all(each.text.startswith("In the last 15 minutes, beside") for each in told)


def test_a_stream_that_nobody_reads_is_named() -> None:
    [told] = troubles(replace(QUIET, lags={("redis", "orders", "sentinel"): Lag(40, 700.0)}))

    assert told.title == "Nobody reads orders"
    assert told.text == "Group sentinel has not been heard of for 11 min; it had 40 to store."


def test_a_provider_that_is_missing_is_named_by_its_channel() -> None:
    [told] = troubles(replace(QUIET, problems=[("email", "email: no provider is configured, set it")]))

    assert (told.title, told.text) == ("email has no provider", "No provider is configured, set it.")


def test_a_provider_that_is_half_set_up_says_what_it_lacks() -> None:
    [told] = troubles(
        replace(QUIET, problems=[("sms", "SENTINEL_SMS_PROVIDER names twilio, but X is not set; set it")])
    )

    assert told.title == "sms's provider is half set up"
    assert told.text == "SENTINEL_SMS_PROVIDER names twilio, but X is not set; set it."


def test_the_worst_comes_first() -> None:
    facts = with_gauges({("audit_discrepancies",): 2.0, ("part_up", "broker"): 0.0})

    assert [told.level for told in troubles(facts)] == [Level.STUCK, Level.LOOK]
