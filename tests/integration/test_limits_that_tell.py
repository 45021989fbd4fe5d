"""Above a limit that digests, messages are held and told by one, when there is room again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.models import Notification
from sentinel.models.status import Status
from sentinel.queries import flushing
from sentinel.services import notifications
from sentinel.services.holding import flush
from sentinel.services.sending import sweeping
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.groups import fire, open_groups, sent, statements
from tests.integration.rules import client, rule, told
from tests.rows import row

LIMIT = {"scope": "target", "rate": "3/hour", "above": "digest"}


@pytest.fixture(autouse=True)
def limits(database: Configure) -> None:
    """Three messages of a client to a target in an hour."""
    database(SENTINEL_LIMITS=json.dumps([LIMIT]))


def held(ids: Sequence[str]) -> list[Notification]:
    """Those of `ids` that are held in a group."""
    return [found for each in ids if (found := row(each)).group_id is not None and found.status == Status.PENDING]


def room() -> None:
    """Let the groups of limits be due now."""
    execute("UPDATE message_groups SET next_flush_at = now() - interval '1 second'")
    flush.sweep()


def digests() -> list[Notification]:
    """Messages that tell others."""
    return [each for each in told() if "group" in each.details]


def test_what_is_above_the_limit_is_held_and_told_by_one_message(accept: Accept, run_pipeline: RunPipeline) -> None:
    severities = ["high"] * 5 + [None] * 35
    ids = [accept(body=f"Disk {number} full", severity=each) for number, each in enumerate(severities)]
    run_pipeline(ids)

    stopped = held(ids)
    assert [row(each).status for each in ids[:3]] == [Status.SENT] * 3
    assert {(each.status, each.reason, each.queue_at) for each in stopped} == {
        (Status.PENDING, "rate_limited", stopped[0].next_attempt_at)
    }
    assert [each.id for each in stopped] == ids[3:]
    (group,) = open_groups()
    assert utc_now() < group.next_flush_at < utc_now() + timedelta(hours=1, seconds=5)
    run_pipeline(ids)
    sweeping.sweep_waiting()
    assert len(held(ids)) == 37
    room()

    (digest,) = digests()
    assert (digest.channel, digest.recipient, digest.severity) == ("sms", "+14155552671", "high")
    assert digest.body.startswith("37 more: [EVENTS:37] Disk 3 full and 36 more; Disk 3 full; Disk 4 full")
    assert {(row(each).status, row(each).reason, row(each).told_by) for each in ids[3:]} == {
        (Status.SUPPRESSED, "grouped", digest.id)
    }
    assert open_groups() == []


def test_a_mail_says_how_many_there_are_of_each_severity(accept: Accept, run_pipeline: RunPipeline) -> None:
    severities = [None] * 3 + ["high", "low", "low", None]
    mail = {"channel": "email", "recipient": "a@example.com"}
    run_pipeline([accept(**mail, subject="Disk", body="full", severity=each) for each in severities], channel="email")
    room()

    assert digests()[0].body.splitlines()[0] == "4 more: 1 high, 2 low, 1 without severity"
    assert digests()[0].body.splitlines()[1].startswith("[HIGH] Disk (since ")


def test_a_digest_tells_in_the_order_of_time_however_it_is_read(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(9)]
    run_pipeline(ids)
    (group,) = open_groups()
    groups = [{"id": str(group.id), "passing": None}]
    fire("a")

    with unit_of_work() as uow:
        # A join that PostgreSQL makes by sorting comes to the messages in the order of their events.
        for statement in (
            """INSERT INTO events
            SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid()))).*
            FROM events e, generate_series(1, 9)""",
            """UPDATE notifications n SET event_id = theirs.id
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM notifications) mine
            JOIN (SELECT id, row_number() OVER (ORDER BY id DESC) AS number FROM events) theirs USING (number)
            WHERE n.id = mine.id""",
            "SET LOCAL enable_nestloop = off",
            "SET LOCAL enable_hashjoin = off",
        ):
            uow.session.execute(text(statement))
        shown = flushing.shown_singles(uow.session, groups, most=5, now=uow.now)

    assert [each.since for each in shown] == [row(each).created_at for each in ids[3:8]]


def test_a_digest_that_is_above_the_limit_waits_and_is_told_by_no_other(
    accept: Accept, run_pipeline: RunPipeline
) -> None:
    ids = [accept() for _ in range(6)]
    run_pipeline(ids)
    room()
    (digest,) = digests()

    run_pipeline([digest.id])

    found = row(digest.id)
    assert (found.status, found.reason, found.group_id) == (Status.PENDING, "rate_limited", None)
    assert found.next_attempt_at is not None
    assert open_groups() == []


def test_a_single_message_that_was_held_goes_as_it_is(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(4)]
    run_pipeline(ids)
    room()

    found = row(ids[3])
    assert (found.status, found.group_id, found.next_attempt_at) == (Status.PENDING, None, None)
    assert digests() == []


def test_what_is_too_old_by_then_and_what_was_tried_already_waits_by_itself(
    accept: Accept, run_pipeline: RunPipeline
) -> None:
    run_pipeline([accept() for _ in range(3)])
    short = accept(expires_at=utc_now() + timedelta(minutes=2))
    tried = accept()
    execute("UPDATE notifications SET attempts = 1 WHERE id = :id", id=tried)

    run_pipeline([short, tried])

    assert [(row(each).reason, row(each).group_id) for each in (short, tried)] == [("rate_limited", None)] * 2


def test_clients_and_recipients_are_told_apart(accept: Accept, run_pipeline: RunPipeline) -> None:
    mine = [accept() for _ in range(5)]
    other = [accept(recipient="+14155552672") for _ in range(5)]
    theirs = [accept(client("other")) for _ in range(5)]
    run_pipeline([*mine, *other, *theirs])

    assert len(held([*mine, *other, *theirs])) == 6
    room()

    told_by = {tuple(sorted(str(row(each).told_by) for each in ids[3:])) for ids in (mine, other, theirs)}
    assert len(told_by) == 3
    assert {each.client_id for each in digests()} == {1, client("other")}


def test_the_timeline_says_why_until_when_and_in_which_group(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(5)]
    run_pipeline(ids)
    (group,) = open_groups()

    with unit_of_work() as uow:
        items = notifications.timeline(uow, ids[4], client_id=None)

    (entry,) = [each for each in items if each.event == "held"]
    assert (entry.detail["reason"], entry.detail["group_id"]) == ("rate_limited", group.id)
    assert "until" in entry.detail


def test_who_was_told_in_a_digest_keeps_the_dedupe_key(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept(dedupe_key=f"k{number}") for number in range(6)]
    run_pipeline(ids)
    room()

    again = accept(dedupe_key="k5")
    run_pipeline([again])

    assert (row(again).status, row(again).reason, row(again).duplicate_of) == (Status.SUPPRESSED, "duplicate", ids[5])


def test_messages_that_no_limit_stops_open_no_group(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(4)]
    with statements() as asked:
        run_pipeline(ids[:3])
    assert open_groups() == []
    assert [each for each in asked if "message_groups" in each] == []

    run_pipeline(ids[3:])

    assert len(open_groups()) == 1


def test_a_message_that_was_held_in_a_group_and_that_a_limit_stops_is_told(
    accept: Accept, run_pipeline: RunPipeline
) -> None:
    run_pipeline([accept(channel="slack", recipient="#ops", client_id=client()) for _ in range(3)], channel="slack")
    rule('when event.type == "alert" group by labels.instance wait 0s then notify("slack:#ops")')
    fire("db-1", "db-2")
    flush.sweep()
    released = [each.id for each in sent()]
    assert len(released) == 2

    run_pipeline(released, channel="slack")
    assert len(held(released)) == 2
    room()

    (digest,) = digests()
    assert [(row(each).status, row(each).reason, row(each).told_by) for each in released] == [
        (Status.SUPPRESSED, "grouped", digest.id)
    ] * 2


def test_an_alert_that_its_group_does_not_know_is_told_as_a_message(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept() for _ in range(5)]
    run_pipeline(ids)
    execute("UPDATE notifications SET alert_key = 'unknown' WHERE group_id IS NOT NULL")
    room()

    assert [row(each).reason for each in ids[3:]] == ["grouped"] * 2


def test_what_has_expired_is_told_by_no_digest_and_a_digest_expires_with_the_last(
    accept: Accept, run_pipeline: RunPipeline
) -> None:
    run_pipeline([accept() for _ in range(3)])
    first, last = utc_now() + timedelta(hours=2), utc_now() + timedelta(hours=3)
    ids = [accept(body=f"code {number}", expires_at=first if number else last) for number in range(4)]
    run_pipeline(ids)
    execute("UPDATE notifications SET expires_at = now() - interval '1 minute' WHERE id = :id", id=ids[3])
    room()

    (digest,) = digests()
    assert "code 3" not in digest.body
    assert digest.body.startswith("3 more")
    assert digest.expires_at == last
    assert [row(each).reason for each in ids] == ["grouped"] * 3 + ["expired"]


def test_what_somebody_waits_for_is_told_by_no_digest(
    database: Configure, accept: Accept, run_pipeline: RunPipeline
) -> None:
    database(SENTINEL_LIMITS=json.dumps([{"scope": "provider", "rate": "1/hour", "above": "digest"}]))
    ids = [accept(), accept(), accept(metadata={"self_test": "1"}), accept(metadata={"drill_run": "1"})]
    execute("UPDATE notifications SET ticket_message_id = 1 WHERE id = :id", id=ids[1])

    run_pipeline(ids)

    assert [(row(each).reason, row(each).group_id) for each in ids[1:]] == [("rate_limited", None)] * 3


def test_a_callers_own_metadata_makes_no_digest_of_a_message(accept: Accept, run_pipeline: RunPipeline) -> None:
    ids = [accept(metadata={"group": "billing"}) for _ in range(5)]
    run_pipeline(ids)

    assert len(held(ids)) == 2
