"""What clients want done with sends in doubt: over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from sentinel.cli import cli
from sentinel.errors import NotFoundError
from tests.conftest import Configure
from tests.integration.calls import bearer, execute

AT_MOST_ONCE = {"ambiguous_policy": "at_most_once"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["policies", *arguments], catch_exceptions=False)


def held(api: FlaskClient, **options: Any) -> dict[str, tuple[str, str]]:
    """Which policy holds for each channel, and where it is set."""
    found = api.get("/delivery-policies", **options).get_json()
    return {each["channel"]: (each["ambiguous_policy"], each["set_by"]) for each in found}


def test_nothing_set_means_that_the_setting_holds_everywhere(api: FlaskClient) -> None:
    channels = ("*", "sms", "email", "slack", "webhook", "push", "inbox")

    assert held(api) == dict.fromkeys(channels, ("at_least_once", "default"))


def test_a_policy_for_all_channels_gives_way_to_one_of_a_channel(api: FlaskClient) -> None:
    for_all = api.put("/delivery-policies/*", json=AT_MOST_ONCE)
    for_mail = api.put("/delivery-policies/Email", json={"ambiguous_policy": "AT_LEAST_ONCE"})

    assert (for_all.status_code, for_mail.status_code) == (200, 200)
    assert for_mail.get_json()["updated_at"] is not None
    found = held(api)
    assert found["*"] == found["sms"] == ("at_most_once", "client")
    assert found["email"] == ("at_least_once", "channel")
    assert api.get("/delivery-policies/email").get_json() == for_mail.get_json()


def test_a_policy_may_be_set_again_and_unset(api: FlaskClient) -> None:
    api.put("/delivery-policies/sms", json=AT_MOST_ONCE)
    api.put("/delivery-policies/sms", json={"ambiguous_policy": "at_least_once"})
    assert held(api)["sms"] == ("at_least_once", "channel")

    assert api.delete("/delivery-policies/sms").status_code == 204

    assert held(api)["sms"] == ("at_least_once", "default")
    assert api.delete("/delivery-policies/sms").status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_channel_is_not_found(api: FlaskClient, method: str) -> None:
    body = AT_MOST_ONCE if method == "PUT" else None

    answer = api.open("/delivery-policies/fax", method=method, json=body)

    assert answer.status_code == 404
    assert "*, sms, email" in answer.get_json()["message"]


@pytest.mark.parametrize("body", [{}, {"ambiguous_policy": "maybe"}, {"ambiguous_policy": None}, {"policy": "x"}])
def test_an_unknown_policy_is_refused(api: FlaskClient, body: dict[str, Any]) -> None:
    answer = api.put("/delivery-policies/sms", json=body)

    assert answer.status_code == 422
    assert answer.get_json()["errors"]


def test_clients_have_policies_of_their_own(api: FlaskClient) -> None:
    shop, admin = bearer("shop"), bearer("boss", "admin", "endpoints:read", "endpoints:write")
    api.put("/delivery-policies/*", json=AT_MOST_ONCE, headers=shop)

    assert held(api, headers=shop)["sms"] == ("at_most_once", "client")
    assert held(api)["sms"] == ("at_least_once", "default")
    assert held(api, headers=admin, query_string={"client": "shop"})["sms"] == ("at_most_once", "client")
    assert api.delete("/delivery-policies/*?client=shop", headers=bearer("thief")).status_code == 403


def test_reading_takes_one_scope_and_writing_another(api: FlaskClient) -> None:
    reader = bearer("shop", "endpoints:read")

    assert api.get("/delivery-policies", headers=reader).status_code == 200
    assert api.put("/delivery-policies/sms", json=AT_MOST_ONCE, headers=reader).status_code == 403
    assert api.get("/delivery-policies", headers=bearer("shop", "rules:read")).status_code == 403


def test_the_list_of_the_command_line_is_that_of_the_api(api: FlaskClient, database: Configure) -> None:
    run("set", "at_most_once", "--channel", "sms")

    listed = orjson.loads(run("list", "--json").stdout)

    assert {each["channel"]: (each["ambiguous_policy"], each["set_by"]) for each in listed} == held(api)
    assert "at_most_once" in run("list").stdout


def test_the_command_line_sets_and_unsets_for_all_channels(database: Configure) -> None:
    execute("INSERT INTO clients (name, created_at) VALUES ('shop', now())")

    assert "shop, *: at_most_once" in run("set", "at_most_once", "--client", "shop").stdout
    assert "client" in run("list", "--client", "shop").stdout
    assert "shop, *: unset" in run("unset", "--client", "shop").stdout
    with pytest.raises(NotFoundError, match="no policy is set"):
        run("unset", "--client", "shop")


def test_an_unknown_client_is_an_error(database: Configure) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        run("list", "--client", "nobody")
