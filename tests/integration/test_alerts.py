"""Alerts as Prometheus reports them: a change is an event, a repetition is none, silence is an end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as listening
from sqlalchemy import select

from sentinel.clock import utc_now, written
from sentinel.db import get_engine, new_session
from sentinel.models import Alert, Event
from sentinel.services.access.clients import SCOPES, Caller
from sentinel.services.alerting import alerts
from sentinel.services.matching import matching
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import execute, stored
from tests.integration.rules import client, rule, told

LABELS = {"alertname": "DiskFull", "job": "node", "severity": "Page", "instance": "db-1"}


def reported(**changes: Any) -> dict[str, Any]:
    """An alert as Prometheus sends it."""
    return {"labels": LABELS, "annotations": {"summary": "99 %"}, "generatorURL": "http://prometheus/graph"} | changes


def at(seconds: float) -> str:
    """A moment so many seconds from now, as Prometheus writes it."""
    return written(utc_now() + timedelta(seconds=seconds))


def report(*items: Any, of: str = "default") -> list[str]:
    """Report alerts; returns the fields that were refused."""
    with unit_of_work() as uow:
        errors = alerts.report(uow, Caller(client(of), of, frozenset(SCOPES)), items)
    return [each.field for each in errors]


def events() -> list[Event]:
    with new_session() as session:
        return list(session.scalars(select(Event).order_by(Event.id)))


def statuses() -> list[str]:
    return [each.body["status"] for each in events()]


def alert() -> Alert:
    with new_session() as session:
        return session.scalars(select(Alert)).one()


def test_an_alert_that_begins_to_fire_is_an_event() -> None:
    begin = at(-60)

    assert report(reported(startsAt=begin, endsAt=at(240))) == []

    (event,) = events()
    assert event.event_id == f"alert:{alert().fingerprint}:{begin}:firing"
    assert (event.type, event.name, event.source, event.severity) == ("alert", "DiskFull", "node", "page")
    assert written(event.occurred_at) == begin
    assert event.body == {
        "type": "alert",
        "status": "firing",
        "name": "DiskFull",
        "severity": "Page",
        "source": "node",
        "fingerprint": alert().fingerprint,
        "labels": LABELS,
        "annotations": {"summary": "99 %"},
        "starts_at": begin,
        "ends_at": None,
        "generator_url": "http://prometheus/graph",
    }


def test_repetitions_are_no_events() -> None:
    begin = at(-60)

    for end in (200, 260, 320):
        report(reported(startsAt=begin, endsAt=at(end)))

    assert statuses() == ["firing"]


def test_a_resolved_alert_is_an_event_once() -> None:
    begin, end = at(-60), at(-1)
    report(reported(startsAt=begin, endsAt=at(240)))

    for _ in range(3):
        report(reported(startsAt=begin, endsAt=end))

    assert statuses() == ["firing", "resolved"]
    assert events()[1].body["ends_at"] == end
    assert written(events()[1].occurred_at) == end


def test_an_alert_that_comes_back_with_a_start_of_before_is_told_again() -> None:
    """One of a pair of Prometheus servers was away, and has the alert under an earlier start than the other."""
    first, second = (at(-600), at(-400)), (at(-300), at(-200))

    for begin, end in (first, second, first):
        report(reported(startsAt=begin, endsAt=at(240)))
        report(reported(startsAt=begin, endsAt=end))

    assert statuses() == ["firing", "resolved"] * 3
    assert len({each.event_id for each in events()}) == 6


def test_the_end_of_an_alert_that_nobody_saw_firing_is_no_event() -> None:
    for _ in range(2):
        report(reported(startsAt=at(-60), endsAt=at(-1)))

    assert events() == []
    assert stored("alerts") == 1


def test_an_alert_that_fires_anew_is_another_event() -> None:
    report(reported(startsAt=at(-60), endsAt=at(240)))
    report(reported(startsAt=at(-60), endsAt=at(-30)))

    report(reported(startsAt=at(-10), endsAt=at(240)))

    assert statuses() == ["firing", "resolved", "firing"]


def test_an_alert_that_nobody_reports_any_more_is_resolved_by_the_sweeper() -> None:
    report(reported(startsAt=at(-60), endsAt=at(240)))
    assert alerts.sweep() == 0
    execute("UPDATE alerts SET ends_at = now()")

    assert [alerts.sweep(), alerts.sweep()] == [1, 0]

    assert statuses() == ["firing", "resolved"]
    assert alert().status == "resolved"


def test_one_that_comes_back_with_the_same_start_is_told_again_each_time() -> None:
    """Prometheus could not be reached for a while: people were told that it is over."""
    begin = at(-60)
    for _ in range(3):
        report(reported(startsAt=begin, endsAt=at(240)))
        execute("UPDATE alerts SET ends_at = now()")
        alerts.sweep()

    assert statuses() == ["firing", "resolved"] * 3
    assert len({each.event_id for each in events()}) == 6


def test_an_alert_without_times_fires_now_and_is_resolved_when_it_is_silent(database: Configure) -> None:
    database(SENTINEL_ALERT_RESOLVE_SECONDS="60")
    before = utc_now()

    report(reported(startsAt="0001-01-01T00:00:00Z", endsAt=None))

    found = alert()
    assert before <= found.starts_at <= utc_now()
    assert found.ends_at == found.starts_at + timedelta(seconds=60)
    assert found.is_open_ended


def test_an_end_alone_is_also_the_start() -> None:
    end = at(-5)

    report(reported(endsAt=end))

    assert written(alert().starts_at) == written(alert().ends_at) == end


def test_of_two_starts_the_earlier_and_of_two_ends_the_one_said_on_purpose_counts() -> None:
    begin, end = at(-60), at(7200)
    report(reported(startsAt=begin, endsAt=end))

    report(reported(startsAt=at(-30)))

    assert (written(alert().starts_at), written(alert().ends_at)) == (begin, end)
    assert not alert().is_open_ended
    assert statuses() == ["firing"]


def test_an_alert_twice_in_one_report_is_read_in_order() -> None:
    begin = at(-60)

    report(reported(startsAt=begin, endsAt=at(240)), reported(startsAt=begin, endsAt=at(-1)))

    assert statuses() == ["firing", "resolved"]


def test_alerts_of_other_clients_are_other_alerts() -> None:
    for name in ("default", "shop"):
        report(reported(startsAt=at(-60), endsAt=at(240)), of=name)

    assert {each.client_id for each in events()} == {client(), client("shop")}
    assert stored("alerts") == 2


def test_empty_labels_do_not_count() -> None:
    report(reported(labels=LABELS | {"zone": ""}))
    report(reported(labels=LABELS))

    assert statuses() == ["firing"]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (5, "alerts.1"),
        ({}, "alerts.1.labels"),
        ({"labels": {"a": ""}}, "alerts.1.labels"),
        ({"labels": {"a": 5}}, "alerts.1.labels.a"),
        ({"labels": {"a": "b\0"}}, "alerts.1.labels.a"),
        ({"labels": ["a"]}, "alerts.1.labels"),
        ({"labels": {"a": "b"}, "annotations": {"": "x"}}, "alerts.1.annotations."),
        ({"labels": {"a": "b"}, "startsAt": "yesterday"}, "alerts.1.startsAt"),
        ({"labels": {"a": "b"}, "startsAt": "2026-11-20T18:00:00"}, "alerts.1.startsAt"),
        ({"labels": {"a": "b"}, "endsAt": "9999-12-31T23:59:59-12:00"}, "alerts.1.endsAt"),
        (
            {"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"},
            "alerts.1.endsAt",
        ),
        ({"labels": {"a": "b"}, "generatorURL": 5}, "alerts.1.generatorURL"),
    ],
)
def test_a_bad_alert_is_named_and_the_others_are_stored(item: Any, field: str) -> None:
    assert [each.rstrip(".") for each in report(reported(), item)] == [field.rstrip(".")]

    assert statuses() == ["firing"]


def test_long_labels_are_kept_and_cut_only_where_they_are_columns() -> None:
    report(reported(labels={"alertname": "x" * 5000}))

    (event,) = events()
    assert (len(event.name or ""), len(event.body["labels"]["alertname"])) == (255, 5000)
    assert event.source == "prometheus"


def test_many_reports_of_one_new_alert_at_once_are_one_event() -> None:
    begin = at(-60)
    start = threading.Barrier(8)

    def work(number: int) -> list[str]:
        start.wait()
        return report(reported(startsAt=begin, endsAt=at(200 + number)))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [[]] * 8

    assert statuses() == ["firing"]


@dataclass(frozen=True, slots=True)
class Known:
    """What Alertmanager would know of an alert."""

    starts_at: datetime
    ends_at: datetime
    is_open_ended: bool

    def is_over(self, now: datetime) -> bool:
        return self.ends_at <= now

    def overlaps(self, new: Known) -> bool:
        within = self.starts_at < new.ends_at < self.ends_at
        return within or self.starts_at < new.starts_at < self.ends_at

    def merged(self, new: Known, now: datetime) -> Known:
        """As Alertmanager merges the older, this one, with the newer."""
        if not self.overlaps(new):
            return new
        begin = min(self.starts_at, new.starts_at)
        keeps = self.is_over(now) if new.is_over(now) else not self.is_open_ended
        if keeps and self.ends_at > new.ends_at:
            return Known(begin, self.ends_at, self.is_open_ended)
        return Known(begin, new.ends_at, new.is_open_ended)


OFFSETS = st.integers(-300, 300).filter(bool)
REPORTS = st.lists(st.tuples(OFFSETS, OFFSETS | st.none()), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(reports=REPORTS)
def test_times_are_merged_as_alertmanager_merges_them(reports: list[tuple[int, int | None]]) -> None:
    execute("DELETE FROM alerts")
    execute("DELETE FROM events")
    caller = Caller(client(), "default", frozenset(SCOPES))
    known, fired = None, False
    expected = []
    for begin, end in reports:
        with unit_of_work() as uow:
            now = uow.now = uow.now.replace(microsecond=0)
            first, last = sorted((begin, begin if end is None else end))
            new = Known(
                now + timedelta(seconds=begin if end is None else first),
                now + timedelta(seconds=300 if end is None else last),
                is_open_ended=end is None,
            )
            item = reported(startsAt=written(new.starts_at), endsAt=None if end is None else written(new.ends_at))
            assert alerts.report(uow, caller, [item]) == []
            known = known.merged(new, now) if known else new
            is_firing = not known.is_over(now)
            if is_firing != fired:
                expected.append("firing" if is_firing else "resolved")
            fired = is_firing

    found = alert()
    assert known == Known(found.starts_at, found.ends_at, found.is_open_ended)
    assert statuses() == expected


def test_a_repetition_costs_one_statement() -> None:
    begin = at(-60)
    batch = [
        reported(labels=LABELS | {"instance": f"db-{number}"}, startsAt=begin, endsAt=at(240)) for number in range(64)
    ]
    report(*batch)
    owner = client()
    said: list[str] = []

    def listen(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        said.append(sql)

    listening.listen(get_engine(), "before_cursor_execute", listen)
    try:
        with unit_of_work() as uow:
            alerts.report(uow, Caller(owner, "default", frozenset()), batch)
    finally:
        listening.remove(get_engine(), "before_cursor_execute", listen)

    assert len(said) == 1
    assert stored("events") == 64


def test_a_rule_tells_that_it_fires_and_that_it_is_resolved() -> None:
    rule('when event.type == "alert" then notify("email:ops@example.com"), notify("sms:+14155552671")')
    report(reported(startsAt=at(-60), endsAt=at(240)))
    report(reported(startsAt=at(-60), endsAt=at(-1)))

    matching.match([each.id for each in events()])

    subjects = {row.subject for row in told() if row.channel == "email"}
    assert subjects == {"FIRING node/DiskFull", "RESOLVED node/DiskFull"}
    texts = sorted(row.body for row in told() if row.channel == "sms")
    assert texts[0].startswith("FIRING node/DiskFull - annotations.summary=99 %")
    assert texts[1].startswith("RESOLVED node/DiskFull")
