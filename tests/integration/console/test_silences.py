"""The pages of silences: what is quiet, what fires, a form that says what it matches, and what people do with each."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from sentinel.db import new_session
from sentinel.models import Silence
from tests.integration.calls import execute
from tests.integration.console.conftest import AsRole
from tests.integration.console.on_call_story import MAINTENANCE, PLANT, SHOP, quiet, silence
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import client, endpoint, happen, rule
from tests.integration.test_firing_standing import fires

DISKS: dict[str, str] = {"client": "default", "matchers": 'alertname=DiskFull\r\ninstance=~"db-.*"', "ends_at": "2h"}


def form(changes: dict[str, str] | None = None) -> MultiDict[str, str]:
    """The form of a silence, with other values in some fields."""
    return MultiDict(DISKS | (changes or {}))


def stored() -> list[Silence]:
    with new_session() as session:
        return list(session.scalars(select(Silence).order_by(Silence.id)))


def test_without_silences_and_alerts_the_page_says_so(visit: Visit) -> None:
    shown = visit.get("/console/silences").text

    assert "No silence holds now" in shown
    assert "No alert fires" in shown
    assert "No silence is like this" in visit.get("/console/silences", state="expired").text


def test_silences_are_shown_by_their_state(visit: Visit) -> None:
    quiet()

    shown = {
        state: visit.get("/console/silences/rows", state=state).text for state in ("active", "pending", "expired", "")
    }

    assert "New disks are being fitted" in shown["active"]
    assert MAINTENANCE[:60] in shown["pending"]
    assert "its time came" in shown["expired"]
    assert all(each in shown[""] for each in ("New disks are being fitted", "Too much noise"))
    assert MAINTENANCE[:60] not in visit.get("/console/silences", state="", client=SHOP).text
    assert "There is no client nobody." in visit.get("/console/silences", client="nobody").text


def test_what_fires_is_shown_with_what_mutes_it(visit: Visit) -> None:
    quiet()

    for path in ("/console/silences", "/console/silences/firing"):
        shown = visit.get(path, client=SHOP).text

        assert "2 of them are muted" in shown
        assert "muted by inhibition datacentre" in shown
        assert re.search(r'muted by <a href="/console/silences/[0-9a-f-]{36}">a silence</a>', shown)
        assert "/console/silences/new?client=shop&amp;matcher=alertname%3D%22CertificateExpiresSoon%22" in shown


def test_a_link_fills_the_form_and_the_page_says_what_it_matches(visit: Visit) -> None:
    fires("DiskFull", instance="db-1")
    fires("DiskFull", instance="web-1")
    matchers = MultiDict([("client", "default"), ("matcher", "alertname=DiskFull"), ("matcher", 'instance=~"db-.*"')])

    shown = visit.browser.get("/console/silences/new", query_string=matchers).text

    assert "alertname=DiskFull\ninstance=~&#34;db-.*&#34;</textarea>" in shown
    assert re.search(r"<dt>alert now</dt><dd[^>]*>1</dd>", shown)


def test_a_silence_is_stored_with_all_its_manners(as_role: AsRole) -> None:
    endpoint("email", "ops@example.com", name="ops")
    operator = as_role("operator")

    answer = operator.send(
        "/console/silences",
        form(
            {"ends_at": "7d", "comment": "new disks", "windows": "monday:sunday 00:00-24:00", "zone": "Europe/Berlin"}
        ),
        ends_when_resolved="on",
        ends_after_quiet_seconds="3h",
        remind="ops",
        remind_before_seconds="15m",
    )

    shown = operator.follow(answer).text
    [row] = stored()
    assert "The silence is stored" in shown
    assert [each["name"] for each in row.matchers] == ["alertname", "instance"]
    assert (row.created_by, row.comment, row.remind, row.remind_before_seconds) == (
        "operator-alice",
        "new disks",
        "ops",
        900,
    )
    assert (row.ends_when_resolved, row.ends_after_quiet_seconds) == (True, 10_800)
    assert row.windows is not None
    assert row.windows["zone"] == "Europe/Berlin"
    assert round((row.ends_at - row.starts_at).total_seconds()) == 7 * 86_400
    assert actions() == [("operator-alice", "silence.create", f"silence {row.id}", "default")]


def test_it_lasts_from_its_beginning_and_times_are_utc(visit: Visit) -> None:
    visit.send("/console/silences", form({"starts_at": "1d", "ends_at": "2h"}))
    visit.send("/console/silences", form({"starts_at": "2099-12-24 18:00", "ends_at": "2099-12-24T20:00+01:00"}))

    assert [round((row.ends_at - row.starts_at).total_seconds()) for row in stored()] == [7200, 3600]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"matchers": "alertname=DiskFull\nnonsense"}, "nonsense in line 2 is no matcher; write it like"),
        ({"matchers": ""}, "are too few or too many"),
        ({"matchers": "severity!=low"}, "would silence every event without these labels"),
        ({"ends_at": "sometime"}, "sometime is no time"),
        ({"ends_at": ""}, "is missing"),
        ({"ends_at": "2001-01-01"}, "2001-01-01T00:00:00+00:00 lies in the past; choose a time to come"),
        ({"windows": "someday"}, "someday is not understood"),
        ({"windows": "monday", "zone": "Mars"}, "Mars is no time zone"),
        ({"remind": "nobody", "remind_before_seconds": "15m"}, "is no endpoint of this client"),
        ({"remind_before_seconds": "soon"}, "soon is no length of time"),
        ({"ends_after_quiet_seconds": "1s"}, "is too short or too long"),
        ({"client": "nobody"}, "nobody is no client"),
        ({"comment": "x" * 1001}, "has 1001 characters"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_is_kept(wrong: dict[str, str], says: str, visit: Visit) -> None:
    answer = visit.send("/console/silences", form({"comment": "why"} | wrong))

    assert answer.status_code == 422
    assert says in answer.text
    assert f'value="{wrong.get("ends_at", "2h")}"' in answer.text
    assert "why" in answer.text or "comment" in wrong
    assert (stored(), actions()) == ([], [])


def test_all_that_is_wrong_is_said_at_once(visit: Visit) -> None:
    answer = visit.send("/console/silences", client="default", matchers="x", ends_at="y", windows="z")

    assert answer.text.count('class="invalid-feedback"') == 3


def test_a_preview_says_what_would_be_held_back_and_stores_nothing(visit: Visit) -> None:
    rule('when event.type == "alert" then notify("sms:+14155552671")')
    fires("DiskFull", instance="db-1")
    happen({"type": "alert", "labels": {"alertname": "Other"}})

    whole = visit.send("/console/silences/preview", form())
    part = visit.browser.post(
        "/console/silences/preview", data={"csrf_token": visit._token} | DISKS, headers={"X-Part": "1"}
    )

    for answer in (whole, part):
        assert re.search(r"<dt>event</dt><dd[^>]*>1</dd>", answer.text)
        assert re.search(r"<dt>message</dt><dd[^>]*>1</dd>", answer.text)
    assert ("<html" in whole.text, "<html" in part.text) == (True, False)
    assert "It matches nothing of late" in visit.send("/console/silences/preview", form({"matchers": "a=b"})).text
    assert "in line 1 is no matcher" in visit.send("/console/silences/preview", form({"matchers": "a"})).text
    assert (
        "everything this client has heard"
        in visit.send("/console/silences/preview", form({"matchers": "type=alert"})).text
    )
    assert "nobody is no client" in visit.send("/console/silences/preview", form({"client": "nobody"})).text
    assert (stored(), actions()) == ([], [])


def test_a_copy_begins_now_and_has_the_manners_of_the_first(visit: Visit) -> None:
    quiet()
    first = next(each for each in stored() if each.windows)

    shown = visit.get("/console/silences/new", copy=first.id).text

    for kept in (
        "Load tests every night",
        "monday:friday 03:00-04:00",
        "Europe/Berlin",
        'value="1w"',
        'value="1h"',
        'value="ops"',
    ):
        assert kept in shown
    assert visit.get("/console/silences/new", copy="nothing").status_code == 404


def test_a_silence_shows_when_it_holds_and_what_it_matches(visit: Visit) -> None:
    quiet()
    for row in stored():
        for part in ("", "/standing"):
            shown = visit.get(f"/console/silences/{row.id}{part}")
            assert (shown.status_code, "What it matches" in shown.text) == (200, True)


def test_a_silence_is_extended_and_ended(visit: Visit) -> None:
    silence_id = silence("alertname=DiskFull", of=PLANT)
    [before] = stored()

    assert "ends later" in visit.follow(visit.send(f"/console/silences/{silence_id}/extend", minutes="240")).text
    [longer] = stored()
    assert (
        "is over" in visit.follow(visit.send(f"/console/silences/{silence_id}/expire", next="/console/silences")).text
    )
    [over] = stored()

    assert (longer.ends_at - before.ends_at).total_seconds() == 14_400
    assert over.ended_reason == "person"
    assert actions() == [
        ("alice", "silence.extend", f"silence {silence_id}", PLANT),
        ("alice", "silence.expire", f"silence {silence_id}", PLANT),
    ]


@pytest.mark.parametrize(
    ("verb", "fields"), [("expire", {}), ("extend", {"minutes": "60"}), ("extend", {"minutes": "7"})]
)
def test_what_is_over_is_said_kindly(verb: str, fields: dict[str, str], visit: Visit) -> None:
    silence_id = silence("alertname=DiskFull", of=PLANT)
    execute("UPDATE silences SET starts_at = now() - interval '2 h', ends_at = now() - interval '1 h'")

    shown = visit.follow(visit.send(f"/console/silences/{silence_id}/{verb}", MultiDict(fields))).text

    assert "Nothing was done:" in shown
    assert actions() == []


def test_a_viewer_looks_and_asks_but_does_nothing(as_role: AsRole) -> None:
    quiet()
    viewer, row = as_role("viewer"), stored()[0]

    for path in ("/console/silences", f"/console/silences/{row.id}"):
        assert 'method="post"' not in viewer.get(path).text.partition("<main")[2]
    assert "takes the role operator" in viewer.get("/console/silences/new").text
    assert viewer.send("/console/silences/preview", form()).status_code == 200
    assert viewer.send("/console/silences", form()).status_code == 403
    assert viewer.send(f"/console/silences/{row.id}/expire").status_code == 403
    assert len(stored()) == 4


def test_labels_cannot_write_into_the_page(visit: Visit) -> None:
    client(SHOP)
    fires("<script>alert(1)</script>", instance="<b>")

    assert "<script>alert" not in visit.get("/console/silences").text
    assert "<script>alert" not in visit.get("/console/silences/new", matcher="type=alert").text
