"""Messages are held in their groups and told together, as Alertmanager would."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy.event import listen

from sentinel.db import get_engine
from sentinel.rules.matchers import parse
from sentinel.services import notifications
from sentinel.services.bookkeeping import audit
from sentinel.services.holding import flush, groups
from sentinel.services.matching import matching
from sentinel.services.muting import silences
from sentinel.services.muting.silence_checks import Wanted
from sentinel.services.sending import pipeline, sweeping
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.conftest import RunPipeline
from tests.integration.groups import Clock, alert, fire, group_alerts, open_groups, resolve, sent, subjects
from tests.integration.rules import client, endpoint, happen, post, rule, told

RULE = 'when event.type == "alert" then notify("endpoint:ops")'


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def grouping_endpoint(**grouping: object) -> int:
    return endpoint(
        "slack", "#ops", name="ops", grouping=orjson.dumps({"group_by": ["labels.cluster"], **grouping}).decode()
    )


def ends() -> Counter[tuple[str, str | None]]:
    return Counter((row.status, row.reason) for row in told() if row.event_id is not None)


def test_a_message_waits_for_others_of_its_group_and_all_are_told_in_one(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1", "db-2")
    clock.now = clock.now.replace(second=20)
    fire("db-3")
    assert clock.flush_after(9) == 0
    assert subjects() == []
    assert clock.flush_after(1) == 1

    assert subjects() == ["[FIRING:3] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 3}
    assert {row.told_by for row in told() if row.event_id} == {sent()[0].id}


def test_one_message_alone_goes_as_it_is(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1")
    clock.flush_after(30)

    (row,) = told()
    assert (row.status, row.group_id, row.subject) == ("PENDING", None, "FIRING alert")


def test_a_change_is_told_with_all_that_fires_and_no_sooner_than_the_interval(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)

    resolve("db-1")
    fire("db-3")
    clock.flush_after(299)
    assert len(sent()) == 1
    clock.flush_after(1)

    assert subjects() == ["[FIRING:2] cluster=a", "[FIRING:2 RESOLVED:1] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 4}


def test_what_still_fires_is_told_again_after_the_repeat_interval(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)

    assert clock.flush_after(4 * 3600 - 1) == 0
    assert clock.flush_after(1) == 1

    assert subjects() == ["[FIRING:2] cluster=a"] * 2
    assert sent()[1].details["group"]["is_repeated"] is True


def test_what_is_over_before_it_was_told_is_told_to_nobody(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    fire("db-1")
    resolve("db-1")
    clock.flush_after(30)

    assert subjects() == []
    assert ends() == {("SUPPRESSED", "outdated"): 2}


def test_a_group_with_nothing_left_to_say_is_gone(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    clock.flush_after(30)
    resolve("db-1", "db-2")
    clock.flush_after(300)
    assert subjects() == ["[FIRING:2] cluster=a", "[RESOLVED:2] cluster=a"]

    assert open_groups()[0].began_at is None
    clock.flush_after(900)

    assert (list(open_groups()), list(group_alerts())) == ([], [])


def test_events_that_are_no_alerts_are_told_once(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    happen(*({"type": "alert", "name": name, "labels": {"cluster": "a"}} for name in "abc"), alert())
    clock.flush_after(30)
    clock.flush_after(4 * 3600)

    assert subjects() == ["[FIRING:1 EVENTS:3] cluster=a", "[FIRING:1] cluster=a"]
    assert ends() == {("SUPPRESSED", "grouped"): 4}


def test_the_rule_has_its_way_before_the_endpoint(clock: Clock) -> None:
    grouping_endpoint(group_wait_seconds=5)
    rule('when event.type == "alert" group by labels.alertname wait 10s then notify("endpoint:ops")')

    fire("db-1", "db-2")
    clock.flush_after(9)
    assert subjects() == []
    clock.flush_after(1)

    assert subjects() == ["[FIRING:2] DiskFull"]
    assert open_groups()[0].scope == "rule"


def test_each_alert_by_itself_goes_as_it_is_and_is_repeated(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group by * wait 0s repeat 1h then notify("endpoint:ops")')

    fire("db-1", "db-2")
    clock.flush_after(0)
    resolve("db-1")
    clock.flush_after(3600)

    assert subjects() == ["FIRING alert", "FIRING alert", "RESOLVED alert", "[FIRING:1] alert"]


def test_an_alert_that_is_over_within_the_pause_is_told_to_nobody(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group wait 0s pause 1m then notify("endpoint:ops")')

    fire("db-1", "db-2")
    clock.flush_after(0)
    assert clock.flush_after(59) == 0
    resolve("db-1")
    clock.flush_after(1)

    assert [row.alert_key for row in sent()] == [told()[1].alert_key]
    assert ends()["SUPPRESSED", "outdated"] == 2


def test_a_flapping_alert_is_said_once(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group wait 0s interval 1m flapping 3 within 10m then notify("endpoint:ops")')

    for _ in range(6):
        fire("db-1")
        clock.flush_after(30)
        resolve("db-1")
        clock.flush_after(30)
    fire("db-1")
    clock.flush_after(60)
    assert "flapping" in {row.reason for row in told()}
    clock.flush_after(3600)

    assert [subject for subject in subjects() if subject and "FLAPPING" in subject] == ["[FLAPPING:1] alert"]
    assert subjects()[-1] == "[FIRING:1] alert"


def test_resolved_notices_can_be_switched_off(clock: Clock) -> None:
    grouping_endpoint(send_resolved=False)
    rule(RULE)
    fire("db-1")
    clock.flush_after(30)

    resolve("db-1")
    clock.flush_after(300)

    assert subjects() == ["FIRING alert"]
    assert ends()["SUPPRESSED", "resolved_off"] == 1


def test_an_event_that_was_accepted_before_changes_nothing(clock: Clock) -> None:
    """Workers overtake each other."""
    grouping_endpoint()
    rule(RULE)
    fired, resolved = post(alert()), post(alert(status="resolved"))

    matching.match(resolved)
    matching.match(fired)
    clock.flush_after(30)

    assert subjects() == []


def test_several_changes_in_one_batch_count_one_by_one(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)

    happen(*(alert(status=status) for status in ("firing", "resolved", "firing", "firing")))

    (found,) = group_alerts()
    assert (found.status, len(found.changes)) == ("firing", 3)
    happen(*(alert(status=status) for status in ("firing", "resolved", "firing")))
    assert len(group_alerts()[0].changes) == 5


def test_a_cancelled_message_is_told_by_no_other(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2", "db-3")

    with unit_of_work() as uow:
        notifications.cancel(uow, told()[0].id, client_id=None)
    clock.flush_after(30)

    assert subjects() == ["[FIRING:2] cluster=a"]
    assert ends() == {("CANCELLED", None): 1, ("SUPPRESSED", "grouped"): 2}


def test_no_worker_touches_what_is_held(clock: Clock, run_pipeline: RunPipeline) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    (held,) = told()

    clock.now += timedelta(hours=1)
    with unit_of_work() as uow:
        assert pipeline.prepare(uow, [held.id]) == []
    run_pipeline([held.id], "slack")
    sweeping.sweep_waiting()

    (after,) = told()
    assert (after.status, after.queue_at, after.attempts) == ("PENDING", held.queue_at, 0)


def test_what_is_held_past_its_time_is_found_by_the_audit(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")

    clock.now += timedelta(seconds=149)
    assert audit.audit(since=clock.now).found == []
    clock.now += timedelta(seconds=2)

    assert [each.kind for each in audit.audit(since=clock.now).found] == ["held_overdue"]


def test_a_flush_that_fails_has_moved_nothing_and_the_next_one_tells(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    before = [(row.status, row.group_id) for row in told()]
    with monkeypatch.context() as patch:
        patch.setattr("sentinel.queries.flushing.go_on", _die)
        with pytest.raises(SystemExit):
            clock.flush_after(30)
    assert [(row.status, row.group_id) for row in told()] == before

    assert clock.flush_after(1) == 1

    assert subjects() == ["[FIRING:2] cluster=a"]


def _die(*_: object) -> None:
    raise SystemExit


def test_two_flushes_at_once_tell_a_group_once(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group by labels.instance wait 0s then notify("endpoint:ops")')
    for number in range(40):
        happen(alert("DiskFull", f"db-{number}"), alert("CpuHigh", f"db-{number}"))

    with ThreadPoolExecutor(4) as pool:
        flushed = list(pool.map(lambda _: flush.sweep(), range(4)))

    assert sum(flushed) == 40
    assert Counter(subjects()) == {f"[FIRING:2] instance=db-{number}": 1 for number in range(40)}


def test_messages_join_a_group_while_it_is_flushed(clock: Clock) -> None:
    """Who joins waits for the flush, and is told by the next one."""
    grouping_endpoint(group_wait_seconds=0, group_interval_seconds=1)
    rule(RULE)
    stop = threading.Event()

    def flush_on() -> None:
        while not stop.is_set():
            flush.sweep()

    with ThreadPoolExecutor(3) as pool:
        flushing = [pool.submit(flush_on) for _ in range(2)]
        for number in range(20):
            fire(f"db-{number}")
            clock.now += timedelta(seconds=1)
        stop.set()
        for each in flushing:
            each.result()
    clock.flush_after(10)

    assert {row.status for row in told() if row.event_id and row.group_id} <= {"SUPPRESSED"}
    assert {each.told for each in group_alerts()} == {"firing"}
    assert len(group_alerts()) == 20


def test_a_storm_of_alerts_is_one_message_and_few_statements(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    for batch in range(4):
        fire(*(f"db-{batch}-{number}" for number in range(500)))
    statements: list[str] = []
    listen(get_engine(), "before_cursor_execute", lambda *given: statements.append(given[2]))

    clock.flush_after(30)

    assert subjects() == ["[FIRING:2000] cluster=a"]
    body = sent()[0].body
    assert body.endswith("more")
    assert ends() == {("SUPPRESSED", "grouped"): 2000}
    assert len(statements) < 25
    assert len(sent()[0].details["group"]["event_ids"]) == 100


def test_the_timelines_say_who_was_held_and_who_told_it(clock: Clock, api: FlaskClient) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1", "db-2")
    (group,) = open_groups()
    clock.flush_after(30)
    first, second, digest = sorted(told(), key=lambda row: row.id)

    of_first = api.get(f"/notifications/{first.id}/timeline").get_json()
    of_digest = api.get(f"/notifications/{digest.id}/timeline").get_json()

    assert [each["event"] for each in of_first] == ["accepted", "held", "suppressed"]
    assert of_first[1]["detail"] == {"group_id": group.id}
    assert of_first[2]["detail"] == {"reason": "grouped", "told_by": digest.id}
    assert of_digest[1]["detail"] == {"group_id": group.id, "tells": [first.id, second.id]}


def test_one_that_was_held_and_goes_as_it_is_says_so(clock: Clock, api: FlaskClient) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    clock.flush_after(30)

    found = api.get(f"/notifications/{told()[0].id}/timeline").get_json()

    assert [each["event"] for each in found] == ["accepted", "scheduled", "released"]


def test_the_other_targets_take_over_for_what_was_told_together(clock: Clock) -> None:
    failover = '[{"channel": "sms", "recipient": "+14155552671", "after_seconds": 60}]'
    endpoint("slack", "#ops", name="ops", grouping="{}", failover=failover)
    rule(RULE)

    fire("db-1", "db-2")
    clock.flush_after(30)

    (digest,) = sent()
    assert [each["channel"] for each in digest.failover or ()] == ["sms"]
    assert digest.failover_at == clock.now + timedelta(seconds=60)
    assert [row.failover for row in told() if row.event_id] == [None, None]


def test_an_alert_that_was_silenced_as_it_fired_is_told_when_the_silence_is_over(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    quiet = silence("instance=db-1", of_clock=clock)

    fire("db-1", "db-2")
    clock.flush_after(30)
    assert [(row.reason, row.silence_id) for row in told() if row.reason] == [("silenced", quiet)]
    assert subjects() == ["FIRING alert"]
    execute("UPDATE silences SET ends_at = :now", now=clock.now)
    clock.flush_after(300)

    assert subjects() == ["FIRING alert", "[FIRING:2] cluster=a"]


def test_what_was_held_before_the_silence_began_ends_with_its_reason(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    quiet = silence("instance=db-1", of_clock=clock)

    clock.flush_after(30)

    assert [(row.reason, row.silence_id) for row in told()] == [("silenced", quiet)]


def silence(matcher: str, *, of_clock: Clock) -> str:
    with unit_of_work() as uow:
        wanted = Wanted((parse(matcher),), of_clock.now, of_clock.now + timedelta(hours=1), "ann")
        return silences.add(uow, client(), wanted).id


def test_a_rule_that_is_gone_has_its_group_told_once_more(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    number = rule('when event.type == "alert" group then notify("endpoint:ops")')
    fire("db-1", "db-2")

    execute("UPDATE rules SET is_enabled = false WHERE id = :id", id=number)
    clock.flush_after(30)

    assert (subjects(), list(open_groups())) == (["[FIRING:2] alert and 1 more"], [])


def test_messages_to_others_are_in_groups_of_their_own(clock: Clock) -> None:
    rule('when event.type == "alert" group then notify("slack:#ops"), notify("slack:#dev")')
    rule('when event.type == "alert" group then notify("slack:#ops")', of="shop")
    fire("db-1", "db-2")
    happen(alert(instance="db-1"), alert(instance="db-2"), of="shop")

    clock.flush_after(30)

    told_where = sorted((row.client_id, row.recipient) for row in sent())
    assert told_where == [(client(), "#dev"), (client(), "#ops"), (client("shop"), "#ops")]


def test_a_repetition_is_a_duplicate_though_the_first_was_told_with_others(clock: Clock) -> None:
    rule('when event.type == "order" group wait 10s dedupe 1h by id then notify("slack:#ops")')

    happen({"type": "order", "id": 1}, {"type": "order", "id": 1}, {"type": "order", "id": 2})
    clock.flush_after(10)
    happen({"type": "order", "id": 1})

    assert subjects() == ["[EVENTS:2] order and 1 more"]
    assert ends() == {("SUPPRESSED", "grouped"): 2, ("SUPPRESSED", "duplicate"): 2}


def test_what_was_held_is_no_duplicate_when_it_goes_though_its_key_has_another_holder(
    clock: Clock, run_pipeline: RunPipeline
) -> None:
    rule('when event.type == "x" group by host wait 8h dedupe 1h by name then notify("slack:#ops")')
    happen({"type": "x", "name": "n", "host": "a"})
    clock.now += timedelta(hours=2)
    happen({"type": "x", "name": "n", "host": "b"})

    clock.flush_after(9 * 3600)
    ids = [each.id for each in sent()]
    assert len(ids) == 2
    with unit_of_work() as uow:
        assert sorted(pipeline.prepare(uow, ids)) == sorted(ids)


def test_an_alert_whose_message_is_a_duplicate_is_held_back(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group by * wait 1s dedupe 1h by labels.alertname then notify("endpoint:ops")')
    fire("db-1")
    clock.flush_after(30)

    fire("db-2")
    clock.flush_after(30)
    clock.flush_after(5 * 3600)

    assert [each for each in ends() if each[1] == "duplicate"] == [("SUPPRESSED", "duplicate")]
    assert len(group_alerts()) == 1


def test_the_end_of_an_alert_is_told_though_its_message_is_a_duplicate(clock: Clock) -> None:
    endpoint("slack", "#ops", name="ops")
    rule('when event.type == "alert" group wait 1s dedupe 1h by labels.alertname then notify("endpoint:ops")')
    fire("db-1")
    clock.flush_after(30)

    resolve("db-1")
    clock.flush_after(300)

    assert subjects() == ["FIRING alert", "[RESOLVED:1] alert"]


def test_two_batches_that_hold_messages_of_two_channels_do_not_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'when event.type == "{}" group by labels.instance dedupe 1h by name then notify("{}"), notify("{}")'
    rule(text.format("one", "slack:#ops", "sms:+14155552671"), name="one")
    rule(text.format("two", "sms:+14155552671", "slack:#ops"), name="two")
    ways = ([("one", "h1"), ("two", "h2")], [("two", "h3"), ("one", "h4")])
    batches = [post(*(alert(instance=each) | {"type": kind, "name": "n"} for kind, each in of)) for of in ways]
    barrier, original, waited = threading.Barrier(2, timeout=2), pipeline.dedupe, threading.local()

    def together(*given: Any) -> Any:
        found = original(*given)
        if not hasattr(waited, "once"):
            waited.once = True
            with suppress(threading.BrokenBarrierError):
                barrier.wait()
        return found

    monkeypatch.setattr(pipeline, "dedupe", together)
    with ThreadPoolExecutor(2) as pool:
        assert [each.exception() for each in [pool.submit(matching.match, ids) for ids in batches]] == [None, None]


def test_when_the_later_of_two_messages_is_cancelled_the_earlier_one_speaks_for_the_alert(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    fire("db-1")
    earlier, later = sorted(told(), key=lambda each: each.id)

    with unit_of_work() as uow:
        notifications.cancel(uow, later.id, client_id=None)
    clock.flush_after(31)

    assert [each.id for each in sent()] == [earlier.id]


def test_a_group_that_is_dropped_leaves_no_reason_of_its_wait(clock: Clock) -> None:
    grouping_endpoint()
    rule(RULE)
    fire("db-1")
    execute("UPDATE notifications SET reason = 'quiet_hours'")

    with unit_of_work() as uow:
        groups.drop(uow, open_groups()[0].id, client_id=None)

    assert ends() == {("CANCELLED", None): 1}
