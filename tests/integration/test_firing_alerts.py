"""Which alerts fire is known of all senders, by what happened last and not by what came last."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.models import Event, FiringAlert
from sentinel.services.access.clients import SCOPES, Caller
from sentinel.services.alerting import alerts, firing
from sentinel.services.bookkeeping import retention
from sentinel.services.matching import matching
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute, stored
from tests.integration.rules import client, event, happen, post, rule

BEGIN = utc_now() - timedelta(hours=2)


def said(status: str, minutes: float = 0, **changes: Any) -> dict[str, Any]:
    at = (BEGIN + timedelta(minutes=minutes)).isoformat()
    return {"status": status, "dedup_key": "disk", "name": "DiskFull", "occurred_at": at} | changes


def known() -> list[FiringAlert]:
    with new_session() as session:
        return list(session.scalars(select(FiringAlert).order_by(FiringAlert.key)))


def heard(client_id: int | None = None) -> list[str]:
    """Names of the alerts that fire and that a client hears of, the longest first."""
    with unit_of_work() as uow:
        found = firing.heard(uow, [client_id or client()], [{}])
        mine = [word for word in found if firing.is_heard_by(word, client_id or client())]
        return [word.labels["name"] for word in mine]


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def test_an_event_that_says_that_an_alert_fires_is_kept_with_all_that_matchers_ask() -> None:
    [known_event] = happen(said("firing", severity="HIGH", labels={"host": "db-1", "n": 3}, context={"a": 1}))

    (row,) = known()
    assert (row.event_id, row.is_firing, row.severity, row.since) == (known_event, True, "high", at(0))
    assert row.labels.items() >= {"host": "db-1", "n": "3", "name": "DiskFull", "severity": "HIGH"}.items()
    assert "context" not in row.labels
    assert heard() == ["DiskFull"]


def test_an_alert_that_is_resolved_fires_no_more() -> None:
    happen(said("firing"))
    happen(said("resolved", 5))

    assert heard() == []
    assert [(row.is_firing, row.since) for row in known()] == [(False, at(5))]


def test_news_of_an_alert_that_fires_keeps_its_beginning() -> None:
    happen(said("firing", severity="low"))
    happen(said("firing", 5, severity="high"))

    assert [(row.since, row.changed_at, row.severity) for row in known()] == [(at(0), at(5), "high")]


def test_an_event_that_comes_late_turns_nothing_back() -> None:
    happen(said("resolved", 5))
    happen(said("firing"))

    assert heard() == []


def test_an_event_from_the_future_does_not_outlast_the_end_of_its_alert() -> None:
    happen(said("firing", occurred_at=(utc_now() + timedelta(hours=20)).isoformat()))
    happen(said("resolved", occurred_at=utc_now().isoformat()))

    assert heard() == []


def test_events_that_speak_of_no_alert_cost_no_statement_and_no_row() -> None:
    happen({"type": "order", "status": "paid"}, {"status": "firing"})

    assert stored("firing_alerts") == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.integers(0, 30), st.sampled_from(["firing", "resolved"]), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_in_whatever_batches_events_come_the_one_that_happened_last_counts(
    history: dict[int, str], chance: Any
) -> None:
    bodies = [said(status, minute) for minute, status in history.items()]
    chance.shuffle(bodies)
    size = chance.randint(1, 3)
    execute("DELETE FROM firing_alerts")

    for start in range(0, len(bodies), size):
        happen(*bodies[start : start + size])

    assert bool(heard()) is (history[max(history)] == "firing")


def test_batches_at_once_with_the_same_alerts_wait_for_each_other_and_lose_nothing() -> None:
    bodies = [said("firing", number % 7, dedup_key=f"k{number % 5}") for number in range(40)]
    batches = [post(*bodies[start::2]) for start in (0, 1)]

    threads = [threading.Thread(target=matching.match, args=(ids,)) for ids in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stored("firing_alerts") == 5
    assert {row.changed_at for row in known()} == {at(6)}


def test_broadcasts_are_heard_by_all_clients_and_other_alerts_by_their_own() -> None:
    happen(said("firing", name="Mine"))
    happen(said("firing", name="Everyone", dedup_key="b"), of="acme", is_broadcast=True)
    happen(said("firing", name="Theirs", dedup_key="c"), of="acme")

    assert sorted(heard()) == ["Everyone", "Mine"]
    assert sorted(heard(client("acme"))) == ["Everyone", "Theirs"]


def test_what_falls_due_without_an_event_does_not_open_an_alert_again() -> None:
    rule('when status == "firing" and absent over 5m by name then notify("sms:+14155552671")')
    happen(said("firing", name="Here"))
    happen(said("resolved", 1, name="Here"))

    assert matching.fire_due() == 1

    assert stored("events") == 3
    assert heard() == []


def report(*items: Any) -> None:
    with unit_of_work() as uow:
        alerts.report(uow, Caller(client(), "default", frozenset(SCOPES)), items)
    with new_session() as session:
        ids = [str(each) for each in session.scalars(select(Event.id)).all()]
    matching.match(ids)


def test_an_alert_of_prometheus_that_comes_back_with_its_old_start_fires_again_and_can_end() -> None:
    labels, begin = {"alertname": "DiskFull"}, at(0).isoformat()
    for end in (utc_now() + timedelta(minutes=5), at(60)):
        report({"labels": labels, "startsAt": begin, "endsAt": end.isoformat()})
    assert heard() == []

    report({"labels": labels, "startsAt": begin, "endsAt": (utc_now() + timedelta(minutes=5)).isoformat()})
    assert heard() == ["DiskFull"]

    report({"labels": labels, "startsAt": begin, "endsAt": at(70).isoformat()})
    assert heard() == []


def test_an_alert_is_forgotten_without_news_but_not_while_prometheus_reports_it() -> None:
    happen(said("firing", name="Silent"))
    report({"labels": {"alertname": "Reported"}, "startsAt": at(0).isoformat()})
    execute("UPDATE firing_alerts SET forget_at = now()")

    retention.prune()

    assert heard() == ["Reported"]


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_an_alert_is_known_in_the_moment_in_which_its_event_ends(status: str) -> None:
    [known_event] = happen(said(status))

    assert event(known_event).status == "UNMATCHED"
    assert [row.is_firing for row in known()] == [status == "firing"]
