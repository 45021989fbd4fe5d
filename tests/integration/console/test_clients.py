"""The screen Clients: who sends, with which keys, and what holds for all of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from sentinel.models import Action, ApiKey, Client
from sentinel.services import integrations
from sentinel.services.access import clients
from sentinel.services.sending import chains, policies
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.conftest import Accept
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.rules import client, endpoint

LIST = "/console/clients"


def stored() -> dict[str, Client]:
    with unit_of_work() as uow:
        return {each.name: each for each in clients.page(uow, after=0, size=100)[0]}


def keys_of(client_id: int) -> list[ApiKey]:
    with unit_of_work() as uow:
        return list(clients.keys_page(uow, client_id, after=0, size=100)[0])


def details(action: str) -> list[dict[str, Any]]:
    with unit_of_work() as uow:
        found = uow.session.scalars(select(Action.detail).where(Action.action == action).order_by(Action.id))
        return list(found)


def verbs() -> list[str]:
    return [action for _, action, *_ in actions()]


def test_clients_are_listed_with_what_they_have_and_found_by_their_names(visit: Visit, accept: Accept) -> None:
    shop = client("Läden & Söhne")
    endpoint("sms", "+14155552671", of="Läden & Söhne")
    accept(shop)

    page = visit.get(LIST).text

    assert "Läden &amp; Söhne" in page
    assert visit.get(LIST, q="SÖHNE").text.count("/console/clients/") < page.count("/console/clients/")
    assert "No client is called that" in visit.get(LIST, q="nobody").text
    shown = visit.get(f"{LIST}/{shop}").text
    assert "Accepted today" in shown
    assert re.search(r'>1</span> <span class="tile-words">endpoints<', shown)


def test_a_client_is_made_renamed_switched_and_removed_and_each_is_written_down(visit: Visit) -> None:
    made = visit.send(LIST, name="shop")
    shop = stored()["shop"].id
    assert made.headers["Location"] == f"{LIST}/{shop}/keys"

    visit.send(f"{LIST}/{shop}/rename", name="store")
    assert actions()[-1] == ("alice", "client.rename", f"client {shop}", "shop")
    assert details("client.rename") == [{"name": "store"}]
    visit.send(f"{LIST}/{shop}/rename", name="store")
    assert "is on already" in visit.follow(visit.send(f"{LIST}/{shop}/switch", to="on")).text
    visit.send(f"{LIST}/{shop}/switch", to="off")
    assert not stored()["store"].is_active
    assert "This client is off" in visit.get(f"{LIST}/{shop}").text
    visit.send(f"{LIST}/{shop}/switch", to="on")
    assert stored()["store"].is_active

    assert "is removed" in visit.follow(visit.send(f"{LIST}/{shop}/delete")).text
    assert "store" not in stored()
    assert verbs() == [f"client.{verb}" for verb in ("create", "rename", "disable", "enable", "delete")]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("", 422, "is empty"), ("x" * 101, 422, "has 101 characters"), ("default", 409, "already"), ("a\0", 422, "NUL")],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(name: str, status: int, words: str, visit: Visit) -> None:
    shop = client("shop")

    for answer in (visit.send(LIST, name=name), visit.send(f"{LIST}/{shop}/rename", name=name)):
        assert (answer.status_code, words in answer.text) == (status, True)
    assert set(stored()) == {"default", "shop"}
    assert actions() == []


def test_what_is_kept_of_a_client_forbids_to_remove_it_and_the_page_says_so(visit: Visit, accept: Accept) -> None:
    shop = client("shop")
    accept(shop)

    page = visit.follow(visit.send(f"{LIST}/{shop}/delete"))

    assert "until SENTINEL_RETENTION_DAYS are over" in page.text
    assert "shop" in stored()
    assert "cannot be removed" in visit.follow(visit.send(f"{LIST}/{stored()['default'].id}/delete")).text


def test_a_key_is_shown_once_works_and_is_revoked(visit: Visit) -> None:
    shop = client("shop")

    made = visit.send(
        f"{LIST}/{shop}/keys",
        MultiDict([("name", "CI"), ("days", "30"), ("scopes", "events:write"), ("scopes", "events:read")]),
    )

    found = re.search(r'id="key">([^<]+)<', made.text)
    assert found is not None
    with unit_of_work() as uow:
        caller = clients.caller_of_key(uow, found[1])
    assert (caller.client_name, caller.scopes) == ("shop", frozenset({"events:write", "events:read"}))
    (key,) = keys_of(shop)
    assert key.expires_at is not None
    assert "no-store" in made.headers["Cache-Control"]
    page = visit.get(f"{LIST}/{shop}/keys").text
    assert found[1] not in page
    assert key.prefix in page

    visit.send(f"{LIST}/{shop}/keys/{key.id}/revoke")
    assert keys_of(shop)[0].revoked_at is not None
    assert "there was nothing to revoke" in visit.follow(visit.send(f"{LIST}/{shop}/keys/{key.id}/revoke")).text
    assert verbs() == ["key.create", "key.revoke"]
    assert found[1] not in str(actions())


def test_a_page_that_shows_a_key_makes_no_other_when_it_is_loaded_again(visit: Visit) -> None:
    path = f"{LIST}/{client('shop')}/keys"
    form_id = re.search(r'name="form_id" value="([^"]+)"', visit.get(path).text)
    assert form_id is not None
    fields = {"name": "CI", "days": "", "form_id": form_id[1]}
    assert visit.send(path, **fields | {"name": ""}).status_code == 422
    assert visit.send(path, **fields).status_code == 200

    again = visit.send(path, **fields)

    assert again.headers["Location"] == path
    assert "This form was sent before" in visit.follow(again).text
    assert verbs() == ["key.create"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "is empty"),
        ({"name": "CI", "days": "31"}, "is not among the choices"),
        ({"name": "CI", "scopes": "everything"}, "unknown scope"),
    ],
)
def test_a_key_that_cannot_be_is_refused_at_its_field(fields: dict[str, str], words: str, visit: Visit) -> None:
    shop = client("shop")

    answer = visit.send(f"{LIST}/{shop}/keys", **{"days": ""} | fields)

    assert (answer.status_code, words in answer.text) == (422, True)
    assert keys_of(shop) == []


def test_keys_of_another_client_are_not_revoked_by_this_ones_page(visit: Visit) -> None:
    shop, other = client("shop"), client("other")
    visit.send(f"{LIST}/{other}/keys", name="CI", days="")
    (key,) = keys_of(other)

    assert visit.send(f"{LIST}/{shop}/keys/{key.id}/revoke").status_code == 404
    assert keys_of(other)[0].revoked_at is None


def test_what_is_done_with_sends_in_doubt_is_set_for_all_channels_and_for_each(visit: Visit) -> None:
    shop = client("shop")

    answer = visit.send(
        f"{LIST}/{shop}/policies", MultiDict({"policy-*": "at_least_once", "policy-sms": "at_most_once"})
    )

    assert answer.status_code == 303
    with unit_of_work() as uow:
        found = {each.channel: (each.ambiguous_policy, each.set_by) for each in policies.overview(uow, shop)}
    assert (found["*"], found["sms"]) == (("at_least_once", "client"), ("at_most_once", "channel"))
    assert found["email"] == ("at_least_once", "client")
    visit.send(f"{LIST}/{shop}/policies", MultiDict({"policy-*": ""}))
    with unit_of_work() as uow:
        assert {each.set_by for each in policies.overview(uow, shop)} == {"default"}
    assert visit.send(f"{LIST}/{shop}/policies", MultiDict({"policy-sms": "never"})).status_code == 422
    same = visit.send(f"{LIST}/{shop}/policies", MultiDict({"policy-*": ""}))
    assert "nothing was changed" in visit.follow(same).text
    assert verbs() == ["delivery_policy.set"] * 2
    assert details("delivery_policy.set") == [
        {"policies": {"*": "at_least_once", "sms": "at_most_once"}},
        {"policies": {"*": "inherited", "sms": "inherited"}},
    ]


def test_a_chain_is_set_shown_changed_and_removed(visit: Visit) -> None:
    shop = client("shop")
    row = {"failover-0-place": "email", "failover-0-target": "ops@example.com", "failover-0-after": "5m"}

    assert visit.send(f"{LIST}/{shop}/chain", channel="sms", **row).status_code == 303

    with unit_of_work() as uow:
        assert chains.get(uow, shop, "sms").targets == [
            {"channel": "email", "recipient": "ops@example.com", "after_seconds": 300}
        ]
    assert "after 5 min" in visit.get(f"{LIST}/{shop}/delivery").text
    assert 'value="ops@example.com"' in visit.get(f"{LIST}/{shop}/delivery", chain="sms").text
    wrong = visit.send(f"{LIST}/{shop}/chain", channel="sms", **row | {"failover-0-target": "nobody"})
    assert wrong.status_code == 422
    assert 'value="nobody"' in wrong.text
    assert visit.send(f"{LIST}/{shop}/chain", channel="sms").status_code == 422
    visit.send(f"{LIST}/{shop}/chain/remove", channel="sms")
    assert "There was no chain" in visit.follow(visit.send(f"{LIST}/{shop}/chain/remove", channel="sms")).text
    assert verbs() == ["failover_chain.set", "failover_chain.unset"]


def test_an_integration_is_made_switched_and_removed_and_its_secret_shown_once(visit: Visit, as_role: AsRole) -> None:
    shop = client("shop")

    made = visit.send(f"{LIST}/{shop}/integrations", kind="github", name="GitHub of acme")

    found = re.search(r'id="secret">([^<]+)<', made.text)
    address = re.search(r"/integrations/github/([0-9a-f-]{36})", made.text)
    assert found is not None
    assert address is not None
    page = visit.get(f"{LIST}/{shop}/integrations").text
    assert address[1] in page
    assert found[1] not in page
    assert address[1] not in as_role("operator").get(f"{LIST}/{shop}/integrations").text
    visit.send(f"{LIST}/{shop}/integrations/{address[1]}/switch", to="off")
    with unit_of_work() as uow:
        assert not integrations.get(uow, address[1], client_id=shop).is_enabled
    visit.send(f"{LIST}/{shop}/integrations/{address[1]}/delete")
    assert "This client has no integration" in visit.get(f"{LIST}/{shop}/integrations").text
    assert verbs() == [f"integration.{verb}" for verb in ("create", "disable", "delete")]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "pigeon", "name": "x"}, "is not known"),
        ({"kind": "sns", "name": ""}, "is empty"),
        ({"kind": "github", "name": "x", "topic_arn": "arn:aws:sns:a:1:b"}, "is not used by github"),
        ({"kind": "sns", "name": "x", "topic_arn": "a\0"}, "is no ARN of an SNS topic"),
        ({"kind": "sns", "name": "x", "topic_arn": "arn:aws:sns:a:1:" + "b" * 512}, "is no ARN of an SNS topic"),
    ],
)
def test_an_integration_that_cannot_be_is_refused_at_its_field(
    fields: dict[str, str], words: str, visit: Visit
) -> None:
    answer = visit.send(f"{LIST}/{client('shop')}/integrations", **fields)

    assert (answer.status_code, words in answer.text) == (422, True)


def test_a_viewer_sees_all_and_no_button_that_would_be_refused(as_role: AsRole, visit: Visit) -> None:
    shop = client("shop")
    visit.send(f"{LIST}/{shop}/keys", name="CI", days="")
    execute("UPDATE clients SET is_active = true")
    viewer = as_role("viewer")

    for path in ("", "/keys", "/delivery", "/integrations"):
        page = viewer.get(f"{LIST}/{shop}{path}")
        assert page.status_code == 200
        assert 'method="post"' not in page.text.replace('method="post" action="/logout"', "").replace(
            f'method="post" action="{LIST}/{shop}/policies"', ""
        )
    assert viewer.get(f"{LIST}/new").status_code == 403
