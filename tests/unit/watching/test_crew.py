"""The crew: who works, who is gone, and what each has done."""

from __future__ import annotations

from dataclasses import replace

from sentinel.presence import Node
from sentinel.services.watching.crew import NOTHING, Presence, crew, served

NOW = 1_800_000_000.0
ALICE = Node("alice@one", ("sms", "sms.retry"), 4, "thread", 17, NOW - 7200, NOW - 5)


def test_a_worker_that_tells_of_itself_is_online_since_it_began() -> None:
    [member] = crew([ALICE], [], now=NOW)

    assert (member.label, member.presence, member.since) == ("alice", Presence.ONLINE, NOW - 7200)
    assert (member.serves, member.slots, member.done) == (("sms + retry",), 4, NOTHING)


def test_one_that_says_nothing_any_more_is_lost_since_its_last_word() -> None:
    [member] = crew([replace(ALICE, seen_at=NOW - 100)], [], now=NOW)

    assert (member.presence, member.since, member.online) == (Presence.LOST, NOW - 100, 0)


def test_one_that_took_leave_is_stopped_however_short_ago() -> None:
    [member] = crew([replace(ALICE, stopped_at=NOW - 5)], [], now=NOW)

    assert member.presence is Presence.STOPPED


def test_workers_of_one_name_are_one_member_and_a_lost_one_is_missed_for_an_hour() -> None:
    other = replace(ALICE, name="alice@two", started_at=NOW - 60)
    lately = replace(ALICE, name="alice@three", seen_at=NOW - 600)
    long_ago = replace(ALICE, name="alice@four", seen_at=NOW - 7200)
    ended = replace(ALICE, name="alice@five", stopped_at=NOW - 5)

    [member] = crew([ALICE, other, lately, long_ago, ended], [], now=NOW)

    assert (member.presence, member.online, member.since) == (Presence.ONLINE, 2, NOW - 7200)
    assert [node.host for node in member.nodes] == ["one", "two", "three"]
    assert member.lost == 1
    assert member.slots == 8, "those of the lost one run nothing"


def test_a_queue_without_its_other_half_is_named_as_it_is() -> None:
    [member] = crew([replace(ALICE, queues=("email.retry", "pipeline", "sms", "sms.retry"))], [], now=NOW)

    assert member.serves == ("email.retry", "pipeline", "sms + retry")


def test_those_that_are_lost_come_first() -> None:
    gone = replace(ALICE, name="zoe@one", seen_at=NOW - 100)

    assert [member.label for member in crew([ALICE, gone], [], now=NOW)] == ["zoe", "alice"]


def test_what_a_worker_did_is_what_came_between_the_looks() -> None:
    works = [
        (NOW - 120, {"alice": [100.0, 50.0, 900.0, 0.0]}),
        (NOW - 60, {"alice": [160.0, 62.0, 990.0, 1.0], "bob": [5.0, 1.0, 0.0, 0.0]}),
        (NOW, {"alice": [220.0, 80.0, 1080.0, 1.0], "bob": [5.0, 1.0, 0.0, 0.0]}),
    ]

    done = crew([ALICE], works, now=NOW)[0].done

    assert (done.tasks, done.per_minute, done.errors, done.rings) == (120, 60.0, 1, 180)
    assert done.mean_seconds == 0.25
    assert done.trend == (60.0, 60.0)


def test_counters_that_began_anew_say_nothing_of_that_time() -> None:
    works = [(NOW - 120, {"alice": [100.0, 50.0, 9.0, 0.0]}), (NOW - 60, {"alice": [2.0, 1.0, 0.0, 0.0]})]

    assert crew([ALICE], works, now=NOW)[0].done is NOTHING


def test_only_the_last_minutes_count_and_no_gap_between_two_looks() -> None:
    works = [(NOW - age, {"alice": [done, 0.0, 0.0, 0.0]}) for age, done in ((50_000, 0), (49_940, 500), (60, 9000))]

    done = crew([ALICE], [*works, (NOW, {"alice": [9030.0, 0.0, 0.0, 0.0]})], now=NOW)[0].done

    assert (done.tasks, done.seconds) == (30, 60)
    assert crew([ALICE], [(NOW - 600, {}), (NOW, {"alice": [9.0, 0.0, 0.0, 0.0]})], now=NOW)[0].done is NOTHING


def test_queues_are_served_by_those_that_are_online() -> None:
    bob = replace(ALICE, name="bob@one", queues=("sms.retry",))
    gone = replace(ALICE, name="carol@one", seen_at=NOW - 100)

    assert served([ALICE, bob, gone], now=NOW) == {"sms": ("alice",), "sms.retry": ("alice", "bob")}
