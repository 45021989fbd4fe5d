"""Rules on the console: found, written, tried, changed by those who may, and what is written down of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from sentinel.db import new_session
from sentinel.models import Rule
from sentinel.rules.packs import load_pack
from tests.integration.calls import execute, stored
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import client, endpoint, happen, post, rule

TEXT = 'when type == "order" and amount > 500 then notify("slack:#big-orders")'
OTHER = 'when type == "refund" then notify("email:ops@example.com")'


def form(**fields: str) -> MultiDict[str, str]:
    return MultiDict(
        {"form": "language", "client": "default", "name": "Big orders", "rule": TEXT, "notify": "endpoint:*"} | fields
    )


def stored_rule(rule_id: int) -> Rule:
    with new_session() as session:
        found = session.get(Rule, rule_id)
        assert found is not None
        return found


def live(visit: Visit, path: str, **fields: str) -> TestResponse:
    """What our script asks for."""
    return visit.browser.post(path, data=form(**fields), headers={"X-Part": "1", "X-CSRFToken": visit._token})


def test_an_empty_list_says_what_to_do(visit: Visit) -> None:
    page = visit.get("/console/rules").text

    assert "No rules yet" in page
    assert "Write the first rule" in page


def test_the_list_shows_what_each_rule_waits_for_whom_it_tells_and_when_it_spoke(visit: Visit) -> None:
    rule(TEXT, "Big orders")
    rule(OTHER, "退款 refunds", of="acme", is_enabled=False)
    happen({"type": "order", "amount": 750})

    page = visit.get("/console/rules").text

    assert all(word in page for word in ("Big orders", "退款 refunds", "acme", "slack #big-orders", "not lately"))
    assert '<span class="rl-field">amount</span> <span class="rl-operator">&gt;</span>' in page
    assert " ago</time>" in page or "now</time>" in page


def test_the_list_is_narrowed_to_a_client_a_state_and_a_part_of_the_text(visit: Visit) -> None:
    rule(TEXT, "Big orders")
    rule(OTHER, "Refunds", of="acme")
    rule(OTHER, "Old refunds", of="acme", is_enabled=False)

    def names(**wanted: str) -> list[str]:
        page = visit.get("/console/rules", **wanted).text
        return [name for name in ("Big orders", ">Refunds", "Old refunds") if name in page]

    assert names(client="acme") == [">Refunds", "Old refunds"]
    assert names(client="acme", state="on") == [">Refunds"]
    assert names(state="off") == ["Old refunds"]
    assert names(q="AMOUNT") == ["Big orders"]
    assert "There is no client “nobody”" in visit.get("/console/rules", client="nobody").text
    assert "No rule fits" in visit.get("/console/rules", q="%").text


def test_long_lists_come_in_pages(visit: Visit) -> None:
    for number in range(30):
        rule(TEXT, f"Rule {number:02}")

    first = visit.get("/console/rules", size="25").text
    following = first.split('rel="next" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    second = visit.browser.get(following).text

    assert ("Rule 24" in first, "Rule 25" in first) == (True, False)
    assert ("Rule 24" in second, "Rule 29" in second, "First page" in second) == (False, True, True)


def test_a_rule_is_shown_with_its_text_its_endpoints_and_how_it_is_understood(visit: Visit) -> None:
    known = rule('when status != "ok" then notify("endpoint:*")', "Not ok", is_scanned=True)
    endpoint("email", "desk@example.com", rule_id=known, name="desk")

    page = visit.get(f"/console/rules/{known}").text

    assert "is also true when status is missing" in page
    assert "every event asks it" in page
    assert "desk" in page
    assert "Its endpoint goes with it." in page


def test_a_new_rule_is_stored_and_written_down(visit: Visit) -> None:
    client("acme")

    answer = visit.send("/console/rules/new", form(client="acme", is_enabled="on"))

    page = visit.follow(answer).text
    assert "“Big orders” is stored" in page
    assert actions()[-1][:2] == ("alice", "rule.create")
    assert actions()[-1][3] == "acme"
    assert visit.get(f"{answer.headers['Location']}/history").text.count("<strong>alice</strong>") == 0


def test_a_mistake_stands_at_its_place_and_nothing_of_the_form_is_lost(visit: Visit) -> None:
    answer = visit.send("/console/rules/new", form(rule="when type = 1 then suppress()", name="Mine"))

    assert answer.status_code == 422
    assert "line 1, column 11" in answer.text
    assert "use &#39;==&#39; to compare" in answer.text
    assert "when type = 1 then suppress()" in answer.text
    assert 'value="Mine"' in answer.text
    assert stored("rules") == 0
    assert actions() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "use 1 to 200 printable characters"),
        ({"client": "nobody"}, "there is no client"),
        ({"rule": 'when a == 1 then notify("endpoint:on-call")'}, "there is no endpoint"),
        ({"form": "short", "severity": "urgent"}, "is no severity"),
        ({"form": "short", "source": "x" * 2000}, "is empty or too long"),
        ({"form": "short", "notify": "pigeon"}, "is no target"),
        ({"form": "short", "notify": ""}, "names nobody"),
    ],
)
def test_what_cannot_be_stored_is_said_with_its_remedy(fields: dict[str, str], said: str, visit: Visit) -> None:
    answer = visit.send("/console/rules/new", form(**fields))

    assert answer.status_code == 422
    assert said in answer.text
    assert stored("rules") == 0


def test_a_name_that_is_taken_is_said_at_the_name(visit: Visit) -> None:
    rule(OTHER, "Big orders")

    answer = visit.send("/console/rules/new", form())

    assert answer.status_code == 409
    assert "has a rule of this name already" in answer.text
    assert "amount &gt; 500" in answer.text


def test_severity_source_and_name_become_a_rule(visit: Visit) -> None:
    visit.send(
        "/console/rules/new",
        form(form="short", name="", severity="high", source="api", alert="*", notify="slack:#ops", is_enabled="on"),
    )

    with new_session() as session:
        found = session.query(Rule).one()
    assert (found.name, found.is_enabled) == ("HIGH/api/*", True)
    assert found.text == 'when lower(severity) == "high" and source == "api" then notify("slack:#ops")'


def test_the_short_form_goes_on_in_the_rule_language(visit: Visit) -> None:
    page = visit.send(
        "/console/rules/write-out",
        form(form="short", severity="high", source="*", alert="timeout", notify="slack:#ops"),
    ).text

    assert "when lower(severity) == &#34;high&#34; and name == &#34;timeout&#34;" in page
    assert 'name="form" value="language"' in page


def test_an_edited_rule_is_a_new_version(visit: Visit) -> None:
    known = rule(OTHER, "Refunds")
    page = visit.get(f"/console/rules/{known}/edit").text
    assert "when type == &#34;refund&#34;" in page

    answer = visit.send(f"/console/rules/{known}/edit", form(name="Refunds", version="1", is_enabled="on"))

    assert "is saved" in visit.follow(answer).text
    assert (stored_rule(known).text, stored_rule(known).version) == (TEXT, 2)
    assert actions()[-1] == ("alice", "rule.change", f"rule {known}", "default")


def test_who_has_read_an_older_version_sees_theirs_beside_his_own(visit: Visit) -> None:
    known = rule(OTHER, "Refunds")
    visit.send(f"/console/rules/{known}/edit", form(name="Refunds", version="1", is_enabled="on"))

    mine = 'when type == "mine" then suppress()'
    answer = visit.send(f"/console/rules/{known}/edit", form(name="Refunds", version="1", rule=mine))

    assert answer.status_code == 409
    assert "Somebody else has changed this rule" in answer.text
    assert "Theirs, version 2" in answer.text
    assert "when type == &#34;mine&#34; then suppress()" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert stored_rule(known).text == TEXT


def test_what_was_written_for_a_rule_that_is_gone_becomes_a_new_one(visit: Visit) -> None:
    known = rule(OTHER, "Refunds")
    visit.send(f"/console/rules/{known}/delete")

    answer = visit.send(f"/console/rules/{known}/edit", form(version="1"))

    assert answer.status_code == 409
    assert "was deleted meanwhile" in answer.text
    assert 'action="/console/rules/new"' in answer.text


def test_a_rule_is_switched_from_the_list_and_one_comes_back_to_the_same_page(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")

    answer = visit.send(f"/console/rules/{known}/switch", state="off", next="/console/rules?state=on&size=25")

    assert answer.headers["Location"].endswith("/console/rules?state=on&size=25")
    assert not stored_rule(known).is_enabled
    visit.send(f"/console/rules/{known}/switch", state="on")
    assert stored_rule(known).is_enabled
    assert [each[1] for each in actions()] == ["rule.disable", "rule.enable"]


def test_a_rule_that_every_event_would_ask_stays_off_above_their_limit(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.rules.limits.SCANNED_RULES", 0)
    known = rule("when a != 1 then suppress()", "All", is_enabled=False, is_scanned=True)

    answer = visit.send(f"/console/rules/{known}/switch", state="on")

    assert "stays off" in visit.follow(answer).text
    assert actions() == []


def test_a_deleted_rule_takes_its_endpoints_along_and_can_be_made_again(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")
    endpoint("email", "desk@example.com", rule_id=known)

    page = visit.follow(visit.send(f"/console/rules/{known}/delete")).text

    assert (stored("rules"), stored("endpoints")) == (0, 0)
    assert "This rule was deleted by alice" in page
    assert actions()[-1][:3] == ("alice", "rule.delete", f"rule {known}")
    again = visit.get("/console/rules/new", copy=str(known), version="2").text
    assert 'value="Big orders"' in again
    assert "amount &gt; 500" in again


def test_a_copy_has_another_name(visit: Visit) -> None:
    known = rule(TEXT, "Big orders", of="acme")

    page = visit.get("/console/rules/new", copy=str(known)).text

    assert 'value="Big orders (copy)"' in page
    assert 'value="acme"' in page


def test_history_shows_what_differs_and_an_earlier_version_comes_back(visit: Visit) -> None:
    known = rule(OTHER, "Refunds")
    visit.send(f"/console/rules/{known}/edit", form(name="Refunds", version="1", is_enabled="on"))

    page = visit.get(f"/console/rules/{known}/history").text
    assert "From version 1 to 2" in page
    assert "<del>" in page
    assert "<ins>" in page

    visit.send(f"/console/rules/{known}/restore", version="1")
    assert (stored_rule(known).text, stored_rule(known).version) == (OTHER, 3)
    assert actions()[-1][1] == "rule.restore"
    chosen = visit.get(f"/console/rules/{known}/history", old="1", new="3").text
    assert "The text is the same." in chosen


def test_an_earlier_version_that_names_what_is_gone_opens_in_the_editor(visit: Visit) -> None:
    endpoint("email", "desk@example.com", name="desk")
    visit.send("/console/rules/new", form(rule='when a == 1 then notify("endpoint:desk")'))
    with new_session() as session:
        known = session.query(Rule.id).scalar()
    visit.send(f"/console/rules/{known}/edit", form(version="1"))
    execute("DELETE FROM endpoints")

    answer = visit.send(f"/console/rules/{known}/restore", version="1")

    assert answer.status_code == 422
    assert "there is no endpoint &#39;desk&#39;" in answer.text
    assert stored_rule(known).version == 2


def test_the_check_says_where_the_error_is_or_how_the_rule_is_understood(visit: Visit) -> None:
    wrong = live(visit, "/console/rules/check", rule="when type == order\r\nthen suppress()").get_json()
    right = live(visit, "/console/rules/check").get_json()

    assert {name: wrong["problem"][name] for name in ("line", "column", "length")} == {
        "line": 1,
        "column": 14,
        "length": 5,
    }
    assert "text values need quotes" in wrong["html"]
    assert right["problem"] is None
    assert right["opinion"]["index"] == "indexed on type"
    assert stored("rules") == 0


def test_places_are_those_of_the_text_as_it_was_written(visit: Visit) -> None:
    indented = live(visit, "/console/rules/check", rule="\n\n  when type = 1 then suppress()").get_json()["problem"]
    below = live(visit, "/console/rules/check", rule="\n  when type == 1\nand").get_json()["problem"]

    assert (indented["line"], indented["column"]) == (3, 13)
    assert (below["line"], below["column"]) == (3, 4)


def test_words_that_fit_are_offered(visit: Visit) -> None:
    endpoint("email", "desk@example.com", name="desk")
    post({"type": "order", "customer": {"region": "emea"}})

    def offered(before: str) -> list[str]:
        found: dict[str, Any] = live(visit, "/console/rules/complete", before=before).get_json()
        return [each["text"] for each in found["words"]]

    assert offered("when cust") == ["customer.region"]
    assert offered('when customer.region == "') == ["emea"]
    assert "endpoint:desk" in offered('when a == 1 then notify("')
    assert live(visit, "/console/rules/complete", client="nobody", before="when ").status_code == 200


def test_a_rule_is_tried_on_a_pasted_event_and_nothing_is_stored(visit: Visit) -> None:
    found = live(visit, "/console/rules/try", event=json.dumps({"type": "order", "amount": 750}))

    assert "It speaks" in found.text
    assert "#big-orders" in found.text
    assert "<h1" not in found.text
    assert (stored("rules"), stored("events"), stored("notifications"), actions()) == (0, 0, 0, [])


def test_what_failed_is_said_with_the_value_it_saw(visit: Visit) -> None:
    page = live(visit, "/console/rules/try", event='{"type": "order", "amount": "750"}').text

    assert "It does not speak" in page
    assert 'saw "750", which is of another type' in page


def test_without_our_script_the_whole_page_comes_with_the_result(visit: Visit) -> None:
    page = visit.send("/console/rules/try", form(event='{"type": "order", "amount": 750}')).text

    assert "<h1" in page
    assert "It speaks" in page
    assert "amount &gt; 500" in page


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("", "there is no event yet"),
        ('{"type": "order",\n "amount" 5}', "line 2, column 11: this is not JSON"),
        ("[1]", "is not an object"),
        ('{"ts": "yesterday"}', "ts is not a time"),
        ('{"name": 5}', "name is not a text"),
        ('{"a": ' * 200 + "1" + "}" * 200, "is nested deeper than"),
    ],
)
def test_an_event_that_is_none_is_said_at_its_field(event: str, said: str, visit: Visit) -> None:
    answer = live(visit, "/console/rules/try", event=event)

    assert answer.status_code == 422
    assert said in answer.text


def test_a_rule_with_an_error_cannot_be_tried_and_says_why(visit: Visit) -> None:
    tried = live(visit, "/console/rules/try", rule="when", event="{}")
    replayed = live(visit, "/console/rules/replay", rule="when")

    assert (tried.status_code, replayed.status_code) == (422, 422)
    assert "The rule has an error in line 1" in tried.text
    assert "The rule has an error in line 1" in replayed.text


def test_a_stored_event_is_taken_by_its_id(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")
    event_id = post({"type": "order", "amount": 750, "note": "größer"})[0]

    assert "größer" in visit.get(f"/console/rules/{known}/edit", event=event_id).text
    used = live(visit, "/console/rules/try", picked=event_id, use="1", event="").text
    assert "It speaks" in used
    assert "größer" in used
    assert live(visit, "/console/rules/try", picked="nothing", use="1").status_code == 422
    assert visit.get(f"/console/rules/{known}/edit", event="nothing").status_code == 404


def test_events_of_another_client_are_offered_once_it_is_chosen(visit: Visit) -> None:
    client("acme")
    post({"type": "shipment"}, of="acme")

    page = live(visit, "/console/rules/try", client="acme", look="1").text

    assert "shipment" in page
    assert "there is no event yet" not in page
    assert live(visit, "/console/rules/try", client="nobody", look="1").status_code == 200


def test_the_past_is_asked_with_what_is_written(visit: Visit) -> None:
    post({"type": "order", "amount": 750}, {"type": "order", "amount": 1}, {"type": "refund"})

    page = live(visit, "/console/rules/replay", hours="1").text

    assert "It would have spoken 1 time" in page
    assert '<svg class="bars"' in page
    assert "<style" not in page
    assert "#big-orders" in page
    assert "The newest it would have spoken of" in page


def test_shipped_rules_are_shown_and_taken_over_once(visit: Visit) -> None:
    count = len(load_pack("device_health"))
    rule(TEXT, "Device offline")
    assert f"Take over {count - 1} for default" in visit.get("/console/rules/packs").text

    page = visit.follow(visit.send("/console/rules/packs/device_health", client="default")).text

    assert f"{count - 1} rules are new for default. 1 of these names were there already" in page
    assert actions()[-1][1] == "rule_pack.install"
    assert "default has them all" in visit.get("/console/rules/packs").text
    assert "There is no client" in visit.get("/console/rules/packs", client="nobody").text


def test_a_viewer_looks_and_tries_and_changes_nothing(as_role: AsRole) -> None:
    known = rule(TEXT, "Big orders")
    viewer = as_role("viewer")

    assert 'role="switch"' not in viewer.get("/console/rules").text
    assert "New rule" not in viewer.get("/console/rules").text
    page = viewer.get(f"/console/rules/{known}").text
    assert ("Delete" in page, "Try it" in page) == (False, True)
    editor = viewer.get(f"/console/rules/{known}/edit").text
    assert "An admin may save it; you may try it." in editor
    assert "Restore" not in viewer.get(f"/console/rules/{known}/history").text
    assert viewer.send("/console/rules/try", form(event='{"type": "order", "amount": 750}')).status_code == 200
    for path in ("/new", f"/{known}/edit", f"/{known}/switch", f"/{known}/delete", f"/{known}/restore"):
        assert viewer.send(f"/console/rules{path}", form()).status_code == 403, path


def test_a_rule_that_never_was_is_said_so(visit: Visit) -> None:
    assert visit.get("/console/rules/new", copy="999999").status_code == 404
    for path in ("999999", "999999/edit", "999999/history", str(2**40)):
        assert visit.get(f"/console/rules/{path}").status_code == 404, path


def test_a_refusal_that_is_about_no_place_in_the_text_is_shown(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.rules.limits.SCANNED_RULES", 0)

    answer = visit.send("/console/rules/new", form(rule="when a != 1 then suppress()", is_enabled="on"))

    assert answer.status_code == 422
    assert "no field narrows this rule down" in answer.text


def test_where_nothing_is_different_nothing_is_noted(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")

    saved = visit.follow(visit.send(f"/console/rules/{known}/edit", form(version="1", is_enabled="on"))).text
    switched = visit.follow(visit.send(f"/console/rules/{known}/switch", state="on")).text
    restored = visit.follow(visit.send(f"/console/rules/{known}/restore", version="1")).text

    assert "nothing is different" in saved
    assert "is on already" in switched
    assert "version 1 already" in restored
    assert actions() == []


def test_a_link_to_a_rule_that_is_gone_leads_to_its_history(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")
    visit.send(f"/console/rules/{known}/delete")

    assert "deleted by alice" in visit.follow(visit.get(f"/console/rules/{known}")).text
    assert visit.get("/console/rules/999999").status_code == 404


@pytest.mark.parametrize("number", ["²", "9" * 5000, "0", "x"])
def test_what_is_no_number_is_no_version(visit: Visit, number: str) -> None:
    known = rule(TEXT, "Big orders")

    assert visit.send(f"/console/rules/{known}/restore", version=number).status_code == 404
    assert visit.get("/console/rules/new", copy=number).status_code == 200
    assert visit.get("/console/tickets/list", cursor=number).status_code == 200


def test_the_copy_of_a_rule_that_is_begins_off(visit: Visit) -> None:
    known = rule(TEXT, "Big orders")

    assert 'name="is_enabled" value="on">' in visit.get("/console/rules/new", copy=str(known)).text
