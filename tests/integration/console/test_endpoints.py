"""The screen Endpoints: what is shown, made, changed, tested and removed there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sentinel.models import Endpoint
from sentinel.queries.endpoints import Filter
from sentinel.security import is_webhook_secret
from sentinel.services import endpoints
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import client, endpoint, rule

LIST = "/console/endpoints"
MAIL: dict[str, str] = {"client": "default", "channel": "email", "target": "oncall@example.com", "is_enabled": "on"}


def stored() -> list[Endpoint]:
    with unit_of_work() as uow:
        return [each for each, _ in endpoints.listed(uow, Filter(), size=100)[0]]


def failed(text: str) -> str:
    """The words of the fields that were refused."""
    return " ".join(re.findall(r'class="invalid-feedback[^>]*>([^<]*)<', text))


def test_without_endpoints_the_list_says_what_one_is_and_who_may_make_one(visit: Visit, as_role: AsRole) -> None:
    assert "Make the first one" in visit.get(LIST).text
    assert "Make the first one" not in as_role("viewer").get(LIST).text
    assert "There are no endpoints yet" in as_role("viewer").get(LIST).text


def test_the_list_is_narrowed_and_goes_on_page_by_page(visit: Visit) -> None:
    for number in range(30):
        endpoint("sms", f"+141555526{number:02}", name=f"phone {number}")
    endpoint("email", "ops@example.com", of="shop", name="größte Not", is_enabled=False)

    first = visit.get(LIST, size="25").text
    assert "phone 24" in first
    assert "phone 25" not in first
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following is not None
    assert "phone 25" in visit.browser.get(following[1].replace("&amp;", "&")).text

    for arguments in ({"client": "shop"}, {"channel": "email"}, {"state": "off"}, {"q": "GRÖSSTE".replace("SS", "ß")}):
        page = visit.get(LIST, **arguments).text
        assert "größte Not" in page, arguments
        assert "phone 1" not in page, arguments
    assert "There is no client nobody" in visit.get(LIST, client="nobody").text
    assert "No endpoint is like that" in visit.get(LIST, q="nowhere\0").text


def test_the_list_finds_what_failed_today_and_says_why(
    visit: Visit, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    target = f"{provider.url}/hooks/open/shop"
    broken = endpoint("webhook", target, name="broken")
    endpoint("webhook", f"{provider.url}/hooks/open/other", name="quiet one")
    provider.script(refused(400))
    run_pipeline([accept(channel="webhook", recipient=target, endpoint_id=broken)], "webhook")

    page = visit.get(LIST, state="troubled").text

    assert "broken" in page
    assert "quiet one" not in page
    assert ">fails<" in page
    shown = visit.get(f"{LIST}/{broken}").text
    assert "400" in shown
    assert "0 went well, 1 did not" in shown
    assert visit.get(f"{LIST}/{broken}/health").text.strip().startswith("<p")


def test_an_endpoint_is_made_changed_switched_and_removed_and_each_is_written_down(visit: Visit) -> None:
    made = visit.send(LIST, **MAIL, name="on-call")
    (found,) = stored()
    address = f"{LIST}/{found.id}"
    assert made.headers["Location"] == address
    assert "Send a test to see" in visit.follow(made).text

    form = visit.get(f"{address}/edit").text
    assert 'value="oncall@example.com"' in form
    changed = visit.send(address, **MAIL | {"target": "ops@Example.com", "version": "1", "name": "on-call"})
    assert changed.status_code == 303, failed(changed.text)
    visit.send(f"{address}/switch", to="off")
    (found,) = stored()
    assert (found.target, found.is_enabled, found.version) == ("ops@example.com", False, 3)
    assert "This endpoint is off" in visit.get(address).text

    assert "is removed" in visit.follow(visit.send(f"{address}/delete")).text
    assert stored() == []
    assert [(action, who) for who, action, *_ in actions()] == [
        (f"endpoint.{verb}", "alice") for verb in ("create", "change", "disable", "delete")
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target": "nobody"}, "must have an @-sign"),
        ({"channel": "pigeon"}, "is not a channel"),
        ({"client": "nobody"}, "no client"),
        ({"name": "*"}, "means all endpoints"),
        ({"name": "x" * 101}, "has 101 characters"),
        ({"rule_id": "twelve"}, "is no number of a rule"),
        ({"rule_id": "99999999999999"}, "is no number of a rule"),
        ({"rule_id": "4711"}, "is no rule of this client"),
        ({"template": "nowhere"}, "is no template"),
        ({"secret": "whsec_short"}, "is not used by this channel"),
        ({"grouping": '{"group_bi": []}'}, "group_bi is not known"),
        ({"grouping": "["}, "is no JSON: line 1"),
        ({"quiet_windows": '{"zone": "Nowhere/Else"}'}, "windows.zone"),
        ({"quiet_windows": "[]"}, "is no JSON object"),
        ({"quiet_windows": "{}", "quiet_mode": "shout"}, "is not among the choices"),
        ({"failover-0-place": "sms", "failover-0-target": "123"}, "0.recipient"),
        ({"failover-0-place": "endpoint", "failover-0-target": "nobody"}, "is no enabled endpoint"),
        ({"failover-0-place": "pigeon", "failover-0-target": "x"}, "no such place"),
        ({"failover-0-place": "sms", "failover-0-target": "+14155552671", "failover-0-after": "soon"}, "no such time"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    fields: dict[str, str], words: str, visit: Visit
) -> None:
    sent = MAIL | {"user_id": "", "name": "keep me"} | fields

    answer = visit.send(LIST, **sent)

    assert answer.status_code == 422
    assert words in failed(answer.text).replace("&#39;", "'")
    assert fields.get("name", "keep me") in answer.text
    assert stored() == []
    assert actions() == []


def test_everything_that_an_endpoint_knows_comes_back_in_its_form(visit: Visit) -> None:
    full = MAIL | {
        "name": "Bereitschaft",
        "user_id": "user-17",
        "grouping": '{"group_by": ["labels.cluster"]}',
        "quiet_windows": '{"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-07:00"]}]}',
        "quiet_mode": "drop",
        "quiet_passes_from": "none",
        "failover-0-place": "sms",
        "failover-0-target": "+1 415 555 2671",
        "failover-0-after": "5m",
    }
    assert visit.send(LIST, **full).status_code == 303
    (found,) = stored()

    page = visit.get(f"{LIST}/{found.id}/edit").text

    assert found.quiet_hours is not None
    assert (found.quiet_hours["mode"], found.quiet_hours["passes_from"]) == ("drop", None)
    assert found.failover == [{"channel": "sms", "recipient": "+14155552671", "after_seconds": 300}]
    for words in ('value="5m"', "22:00-07:00", "labels.cluster", 'value="user-17"', "Bereitschaft"):
        assert words in page, words
    assert "after 5 min" in visit.get(f"{LIST}/{found.id}").text


def test_who_saves_what_has_changed_meanwhile_sees_both_and_loses_nothing(visit: Visit) -> None:
    visit.send(LIST, **MAIL, name="on-call")
    (found,) = stored()
    visit.send(f"{LIST}/{found.id}", **MAIL | {"target": "first@example.com", "version": "1", "name": "on-call"})

    late = visit.send(f"{LIST}/{found.id}", **MAIL | {"target": "late@example.com", "version": "1", "name": "on-call"})

    assert late.status_code == 409
    assert "Somebody else has changed" in late.text
    assert "first@example.com" in late.text
    assert 'value="late@example.com"' in late.text
    assert 'name="version" value="2"' in late.text
    assert stored()[0].target == "first@example.com"


def test_what_rules_name_is_removed_only_by_force(visit: Visit) -> None:
    endpoint_id = endpoint("sms", "+14155552671", name="ops")
    rule('when true then notify("endpoint:ops")', "page ops")

    page = visit.follow(visit.send(f"{LIST}/{endpoint_id}/delete"))

    assert "is named by the rules page ops" in page.text
    assert "Delete all the same" in page.text
    assert len(stored()) == 1
    visit.send(f"{LIST}/{endpoint_id}/delete", force="yes")
    assert stored() == []


def test_the_secret_of_a_webhook_is_shown_once_when_it_is_made_and_when_it_is_new(visit: Visit) -> None:
    made = visit.send(LIST, **MAIL | {"channel": "webhook", "target": "https://example.com/hook"})
    (found,) = stored()

    first, second = (
        re.search(r'id="secret">([^<]+)<', page.text) for page in (made, visit.send(f"{LIST}/{found.id}/rotate-secret"))
    )

    assert first is not None
    assert second is not None
    assert is_webhook_secret(first[1])
    assert is_webhook_secret(second[1])
    assert first[1] != second[1]
    assert "no-store" in made.headers["Cache-Control"]
    assert "whsec_" not in visit.get(f"{LIST}/{found.id}").text
    assert "whsec_" not in str(actions())


def test_a_test_goes_the_way_of_all_messages_and_its_page_follows_it(
    as_role: AsRole, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    endpoint_id = endpoint("webhook", f"{provider.url}/hooks/open/shop", name="shop")
    operator = as_role("operator")

    sent = operator.send(f"{LIST}/{endpoint_id}/test")
    page = operator.follow(sent).text
    live = re.search(rf'data-live="({LIST}/{endpoint_id}/tests/([^"]+))"', page)
    assert live is not None
    assert "On its way" in page
    run_pipeline([live[2]], "webhook")
    over = operator.get(live[1]).text

    assert "data-live-until-done" in over
    assert "The provider took it" in over
    assert provider.entries[0].body["data"]["subject"].startswith("[TEST]")
    assert actions()[0][:3] == ("operator-alice", "endpoint.test", f"endpoint {endpoint_id}")


def test_a_message_that_is_not_of_this_endpoint_is_not_its_test(visit: Visit, accept: Accept) -> None:
    endpoint_id, other = endpoint("sms", "+14155552671"), client("other")
    mine, foreign = accept(), accept(other)

    for notification_id in (mine, foreign):
        assert visit.get(f"{LIST}/{endpoint_id}/tests/{notification_id}").status_code == 404
    assert "Test</h2>" not in visit.get(f"{LIST}/{endpoint_id}", test="nonsense").text


def test_what_sentinel_switched_off_says_why(visit: Visit) -> None:
    endpoint_id = endpoint("webhook", "https://example.com/hook", is_enabled=False)
    execute("UPDATE endpoints SET disabled_reason = 'endpoint_gone'")

    page: Any = visit.get(f"{LIST}/{endpoint_id}").text

    assert "answered 410 Gone" in page


def test_a_viewer_sees_all_and_no_button_that_would_be_refused(as_role: AsRole) -> None:
    endpoint_id = endpoint("sms", "+14155552671", name="ops")
    viewer, operator = as_role("viewer").get(f"{LIST}/{endpoint_id}"), as_role("operator").get(f"{LIST}/{endpoint_id}")

    assert viewer.status_code == 200
    for words, is_operators in (("Send a test", True), (">Edit<", False), ("Switch off", False), (">Delete<", False)):
        assert words not in viewer.text
        assert (words in operator.text) == is_operators
    assert as_role("operator").get(f"{LIST}/new").status_code == 403


def test_what_was_written_for_a_deleted_endpoint_becomes_a_new_one(visit: Visit) -> None:
    answer = visit.send("/console/endpoints/999", channel="email", target="kept@example.com", version="1")

    assert answer.status_code == 409
    assert "Somebody else has deleted this" in answer.text
    assert 'value="kept@example.com"' in answer.text
    assert 'action="/console/endpoints"' in answer.text
