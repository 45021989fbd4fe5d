"""Silences with windows, ends of their own, and a reminder; each change of state happens once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event as listening

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.ids import new_id
from sentinel.queries.firing_alerts import Word
from sentinel.services.alerting import firing
from sentinel.services.muting import reminders, silence_sweep
from tests.integration.calls import execute, refused, send, stored
from tests.integration.meanwhile import held
from tests.integration.rules import client, endpoint, happen, rule, told

RULE = 'when event.type == "alert" then notify("sms:+14155552671")'
ALWAYS = {"zone": "UTC", "intervals": [{"times": ["00:00-24:00"]}]}
NAME = [{"name": "name", "value": "DiskFull"}]


def alert(status: str = "firing", **changes: Any) -> dict[str, Any]:
    return {"type": "alert", "status": status, "name": "DiskFull", "dedup_key": "d"} | changes


def at(seconds: float) -> str:
    return (utc_now() + timedelta(seconds=seconds)).isoformat()


def body(**changes: Any) -> dict[str, Any]:
    return {"matchers": NAME, "ends_at": at(7200)} | changes


def made(api: FlaskClient, **changes: Any) -> str:
    response = send(api, body(**changes), "/silences")
    assert response.status_code == 201, response.text
    found: str = response.get_json()["id"]
    return found


def shown(api: FlaskClient, silence_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/silences/{silence_id}").get_json()
    return found


def closed_window() -> dict[str, Any]:
    """A schedule whose window opens in some hours."""
    opens = utc_now() + timedelta(hours=12)
    return {"zone": "UTC", "intervals": [{"times": [f"{opens:%H}:00-{opens:%H}:59"]}]}


def sweep(*, later: str | None = None) -> int:
    """Let the sweeper look, and time pass before that."""
    if later is not None:
        moments = ("starts_at", "ends_at", "last_matched_at", "alert_matched_at", "next_look_at")
        moved = ", ".join(f"{name} = {name} - interval '{later}'" for name in moments)
        execute(f"UPDATE silences SET {moved}")
    return silence_sweep.sweep()


def test_a_silence_keeps_back_only_while_a_window_is_open(api: FlaskClient) -> None:
    rule(RULE)
    closed = made(api, windows=closed_window(), ends_at=at(86400))
    happen(alert())

    open_one = made(api, windows=ALWAYS)
    happen(alert(kind="second"))

    assert [row.silence_id for row in told()].count(open_one) == 1
    assert [row.silence_id for row in told()].count(None) == 1
    found = shown(api, closed)
    assert (found["state"], found["is_quiet_now"], found["quiet_until"]) == ("active", False, None)
    assert found["quiet_from"] is not None
    assert shown(api, open_one)["windows"] == {"zone": "UTC", "intervals": [{"times": ["00:00-24:00"]}]}
    assert shown(api, open_one)["is_quiet_now"] is True


def test_other_windows_make_another_silence_and_other_ends_do_not(api: FlaskClient) -> None:
    known = made(api, windows=ALWAYS)

    same = api.put(f"/silences/{known}", json=body(windows=ALWAYS, ends_when_resolved=True)).get_json()
    other = api.put(f"/silences/{known}", json=body()).get_json()

    assert (same["id"], same["ends_when_resolved"]) == (known, True)
    assert other["id"] != known
    assert shown(api, known)["ended_reason"] == "person"


def test_alertmanagers_clients_leave_manners_as_they_are(api: FlaskClient) -> None:
    endpoint("sms", "+14155552671", name="ops")
    known = made(api, windows=ALWAYS, ends_when_resolved=True, remind="ops", remind_before_seconds=600)
    silence = api.get(f"/api/v2/silence/{known}").get_json()

    changed = send(api, silence | {"comment": "longer", "endsAt": at(90000)}, "/api/v2/silences").get_json()
    other = send(api, silence | {"matchers": [silence["matchers"][0] | {"value": "x"}]}, "/api/v2/silences").get_json()

    assert changed["silenceID"] == known
    found = shown(api, other["silenceID"])
    assert (found["windows"], found["ends_when_resolved"], found["remind"]) == (ALWAYS, True, "ops")


def test_alertmanagers_clients_see_an_alert_as_suppressed_while_a_window_is_open(api: FlaskClient) -> None:
    named = [{"name": "alertname", "value": "DiskFull"}]
    send(api, [{"labels": {"alertname": "DiskFull"}}], "/api/v2/alerts")

    closed = made(api, matchers=named, windows=closed_window(), ends_at=at(86400))
    (before,) = api.get("/api/v2/alerts").get_json()
    open_one = made(api, matchers=named, windows=ALWAYS)
    (after,) = api.get("/api/v2/alerts").get_json()

    assert (before["status"]["state"], after["status"]["silencedBy"]) == ("active", [open_one])
    assert api.get(f"/api/v2/silence/{closed}").get_json()["status"] == {"state": "active"}


def test_what_it_held_back_is_counted(api: FlaskClient) -> None:
    rule(RULE)
    known = made(api)
    assert shown(api, known)["matched"] == 0

    happen(alert(), alert(kind="again"))
    happen({"type": "alert", "name": "Other"})

    found = shown(api, known)
    assert found["matched"] == 2
    assert found["last_matched_at"] is not None


def test_it_ends_when_all_alerts_that_it_matched_are_resolved(api: FlaskClient) -> None:
    rule(RULE)
    known = made(api, ends_when_resolved=True)
    sweep()
    happen(alert(), alert(dedup_key="e"))
    happen(alert("resolved", dedup_key="e"))
    sweep(later="1 minute")
    assert shown(api, known)["state"] == "active"

    happen(alert("resolved"))
    sweep(later="1 minute")

    found = shown(api, known)
    assert (found["state"], found["ended_reason"]) == ("expired", "resolved")
    assert sweep(later="1 minute") == 0


def test_an_alert_that_fired_before_the_silence_was_made_counts(api: FlaskClient) -> None:
    happen(alert())
    known = made(api, ends_when_resolved=True)
    sweep()
    happen(alert("resolved"))

    sweep(later="1 minute")

    assert shown(api, known)["ended_reason"] == "resolved"


def test_an_alert_that_fires_and_ends_between_two_looks_counts(api: FlaskClient) -> None:
    rule(RULE)
    known = made(api, ends_when_resolved=True)
    happen(alert(occurred_at=at(-60)), alert("resolved"))

    sweep()

    assert shown(api, known)["ended_reason"] == "resolved"


def test_it_does_not_end_while_it_has_matched_nothing(api: FlaskClient) -> None:
    known = made(api, ends_when_resolved=True)
    happen(alert(name="Other", dedup_key="o"))

    sweep()

    assert shown(api, known)["state"] == "active"


def test_an_end_that_was_held_back_is_no_alert_that_fired(api: FlaskClient) -> None:
    rule(RULE)
    known = made(api, ends_when_resolved=True)
    happen(alert("resolved", dedup_key="old"))

    sweep(later="1 minute")
    assert shown(api, known)["state"] == "active"

    happen(alert())
    happen(alert("resolved"))
    sweep(later="1 minute")
    assert shown(api, known)["ended_reason"] == "resolved"


def test_where_not_all_that_fires_is_read_nothing_ends_for_that(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(RULE)
    known = made(api, ends_when_resolved=True)
    happen(alert())
    sweep()
    happen(alert("resolved"), alert(name="Other", dedup_key="o"))
    monkeypatch.setattr(silence_sweep, "MOST_HEARD", 1)
    monkeypatch.setattr(firing, "heard", lambda *_: others_that_fire())

    sweep(later="1 minute")
    assert shown(api, known)["state"] == "active"

    monkeypatch.setattr(silence_sweep, "MOST_HEARD", 2)
    sweep(later="1 minute")
    assert shown(api, known)["ended_reason"] == "resolved"


def others_that_fire() -> list[Word]:
    now = utc_now()
    return [Word(client(), "o", new_id(now), True, False, None, {"name": "Other"}, now, now)]


def test_a_silence_that_somebody_holds_is_looked_at_later(api: FlaskClient) -> None:
    made(api, ends_when_resolved=True)

    with held("SELECT 1 FROM silences FOR UPDATE"):
        assert sweep() == 0
    assert sweep() == 1


def test_it_ends_when_nothing_has_matched_for_long(api: FlaskClient) -> None:
    rule(RULE)
    known = made(api, ends_after_quiet_seconds=600)
    happen({"type": "alert", "name": "DiskFull"})
    sweep()
    assert shown(api, known)["ended_reason"] is None

    sweep(later="11 minutes")

    assert shown(api, known)["ended_reason"] == "quiet"


def test_one_that_ends_by_the_clock_alone_is_never_looked_at(api: FlaskClient) -> None:
    known = made(api, windows=ALWAYS)

    assert sweep(later="1 day") == 0
    found = shown(api, known)
    assert (found["state"], found["ended_reason"]) == ("expired", "expired")


def test_an_endpoint_hears_once_that_a_silence_ends(api: FlaskClient) -> None:
    rule(RULE)
    endpoint("sms", "+14155552672", name="ops")
    known = made(api, remind="ops", remind_before_seconds=900)
    happen(alert())
    sweep()
    assert len(told()) == 1

    sweep(later="106 minutes")
    sweep(later="1 minute")

    reminder = next(row for row in told() if row.recipient == "+14155552672")
    assert len(told()) == 2
    assert "silence_ends_soon" in reminder.body
    assert reminder.details == {"ending_silence_id": known}
    assert shown(api, known)["reminded_at"] is not None


def test_sweepers_at_once_remind_once(api: FlaskClient) -> None:
    endpoint("sms", "+14155552672", name="ops")
    for _ in range(5):
        made(api, remind="ops", remind_before_seconds=900)
    execute("UPDATE silences SET ends_at = now() + interval '1 minute', next_look_at = now()")

    threads = [threading.Thread(target=silence_sweep.sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told()) == 5


def test_a_sweep_that_dies_reminds_nobody_and_the_next_one_does(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint("sms", "+14155552672", name="ops")
    made(api, remind="ops", remind_before_seconds=900)
    execute("UPDATE silences SET ends_at = now() + interval '1 minute', next_look_at = now()")

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sentinel.queries.sweeping.record_run", die)
        with pytest.raises(KeyboardInterrupt):
            silence_sweep.sweep()
    assert told() == []

    silence_sweep.sweep()
    assert len(told()) == 1


def test_our_own_mistake_with_one_silence_holds_up_no_other(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint("sms", "+14155552672", name="ops")
    bad, good = (made(api, remind="ops", remind_before_seconds=900) for _ in range(2))
    execute("UPDATE silences SET ends_at = now() + interval '1 minute', next_look_at = now()")
    send_really = reminders.send

    def fail_for_one(uow: Any, row: Any, *others: Any) -> None:
        send_really(uow, row, *others)
        if row.id == bad:
            raise RuntimeError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(reminders, "send", fail_for_one)
        silence_sweep.sweep()
    assert [row.details["ending_silence_id"] for row in told()] == [good]
    assert shown(api, bad)["reminded_at"] is None

    sweep(later="15 seconds")
    assert len(told()) == 2


def test_a_silence_that_is_extended_reminds_anew(api: FlaskClient) -> None:
    endpoint("sms", "+14155552672", name="ops")
    manners = {"remind": "ops", "remind_before_seconds": 900}
    known = made(api, **manners)
    sweep(later="106 minutes")

    assert api.put(f"/silences/{known}", json=body(ends_at=at(7200), **manners)).get_json()["id"] == known
    sweep()
    assert len(told()) == 1
    sweep(later="106 minutes")

    assert len(told()) == 2


def test_a_reminder_to_an_endpoint_that_is_gone_is_kept_with_its_reason(api: FlaskClient) -> None:
    endpoint("sms", "+14155552672", name="ops")
    made(api, remind="ops", remind_before_seconds=900)
    execute("DELETE FROM endpoints")

    sweep(later="106 minutes")

    (row,) = told()
    assert (row.channel, row.recipient, row.status, row.reason) == ("endpoint", "ops", "SUPPRESSED", "no_endpoint")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"windows": {"zone": "Mars/Base", "intervals": [{"times": ["22:00-06:00"]}]}}, "windows.zone"),
        ({"windows": {"intervals": [{"times": ["22-06"]}]}}, "windows.intervals.0.times.0"),
        ({"windows": {"intervals": [{"years": ["1999"]}]}}, "windows"),
        ({"windows": []}, "windows"),
        ({"ends_after_quiet_seconds": 5}, "ends_after_quiet_seconds"),
        ({"ends_when_resolved": "yes"}, "ends_when_resolved"),
        ({"remind": "ops"}, "remind_before_seconds"),
        ({"remind_before_seconds": 600}, "remind"),
        ({"remind": "nobody", "remind_before_seconds": 600}, "remind"),
        ({"remind": "ops", "remind_before_seconds": 86400}, "remind_before_seconds"),
    ],
)
def test_bad_manners_are_refused_by_the_field(change: dict[str, Any], field: str, api: FlaskClient) -> None:
    endpoint("sms", "+14155552672", name="ops")

    assert list(refused(send(api, body(**change), "/silences"))) == [field]

    assert stored("silences") == 0


def test_a_preview_shows_what_fires_what_was_heard_and_what_was_told(api: FlaskClient) -> None:
    rule(RULE)
    old, newer = happen(alert(labels={"host": "a"}), alert(dedup_key="e"))
    happen(alert(name="Other", dedup_key="o"))
    happen(alert("resolved"))

    found = send(api, {"matchers": NAME}, "/silences/preview").get_json()

    assert (found["firing"], found["events"], found["messages"], found["looked_at"]) == (1, 3, 3, 4)
    assert [each["event_id"] for each in found["alerts"]] == [newer]
    assert [each["id"] for each in found["newest"]][1:] == [newer, old]
    assert found["newest"][-1]["labels"]["host"] == "a"
    assert (found["is_quiet_now"], found["is_cut"], found["is_firing_cut"]) == (True, False, False)
    assert stored("silences") == 0


def test_a_preview_counts_within_windows_alone(api: FlaskClient) -> None:
    rule(RULE)
    happen(alert())

    asked = {"matchers": NAME, "windows": closed_window()}
    found = send(api, asked, "/silences/preview").get_json()

    assert (found["is_quiet_now"], found["firing"], found["events"], found["messages"]) == (False, 1, 0, 0)


def test_a_preview_of_what_matches_everything_is_refused(api: FlaskClient) -> None:
    asked = {"matchers": [{"name": "a", "value": "b", "is_equal": False}], "hours": 1}

    assert list(refused(send(api, asked, "/silences/preview"))) == ["matchers"]
    assert list(refused(send(api, {"matchers": NAME, "hours": 999}, "/silences/preview"))) == ["hours"]


def test_clients_without_any_pay_for_no_statement(api: FlaskClient) -> None:
    rule(RULE)
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    listening.listen(get_engine(), "before_cursor_execute", note)
    try:
        happen({"type": "alert", "name": "DiskFull"})
    finally:
        listening.remove(get_engine(), "before_cursor_execute", note)

    assert not [each for each in statements if "firing_alerts" in each or "UPDATE silences" in each]
