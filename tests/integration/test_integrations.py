"""`/integrations` and `sentinel integrations`: addresses are made, shown, changed and removed, each client its own."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.cli import cli
from sentinel.db import get_engine
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from sentinel.integrations import KINDS
from sentinel.sealing import new_secret_key, unseal
from tests.conftest import SECRET_KEY, Configure
from tests.integration.calls import bearer, execute, refused, stored

SHOP = "shop"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
GITHUB = {"kind": "github", "name": "GitHub of acme"}


def make(api: FlaskClient, **body: Any) -> dict[str, Any]:
    response = api.post("/integrations", json=GITHUB | body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.get_json()
    return made


def secret_in_the_row(integration_id: str) -> str:
    with get_engine().connect() as connection:
        statement = text("SELECT secret FROM integrations WHERE id = :id")
        return str(connection.scalar(statement, {"id": integration_id}))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_an_integration_has_an_address_and_github_a_secret_that_is_shown_once(
    api: FlaskClient, database: Configure
) -> None:
    database(PUBLIC_BASE_URL="https://alerts.example.com/sentinel")

    made = make(api)

    assert made["address"] == f"https://alerts.example.com/sentinel/integrations/github/{made['id']}"
    assert len(made["secret"]) >= 32
    shown = api.get(f"/integrations/{made['id']}").get_json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown["has_secret"] is True
    assert secret_in_the_row(made["id"]).startswith("sealed:")
    assert unseal(secret_in_the_row(made["id"])) == made["secret"]


def test_without_a_public_address_it_is_that_of_this_machine(api: FlaskClient) -> None:
    assert make(api)["address"].startswith("http://127.0.0.1:8000/integrations/github/")


def test_no_bit_of_an_address_can_be_guessed(api: FlaskClient) -> None:
    values = [UUID(make(api, name=str(number))["id"]).int for number in range(40)]

    for bit in range(128):
        assert len({value >> bit & 1 for value in values}) == 2, bit


@pytest.mark.parametrize("kind", KINDS)
def test_only_github_has_a_secret_and_only_sns_a_topic(api: FlaskClient, kind: str) -> None:
    assert (make(api, kind=kind, name="plain")["secret"] is not None) == (kind == "github")

    with_secret = api.post("/integrations", json={"kind": kind, "name": "s", "secret": "long-enough"})
    with_topic = api.post("/integrations", json={"kind": kind, "name": "t", "topic_arn": TOPIC})

    assert with_secret.status_code == (201 if kind == "github" else 422)
    assert with_topic.status_code == (201 if kind == "sns" else 422)
    if kind != "github":
        assert refused(with_secret) == {"secret": f"is not used by {kind}"}
        assert "long-enough" not in with_secret.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "nagios"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": None}, "name"),
        ({"secret": "short"}, "secret"),
        ({"kind": "sns", "topic_arn": "alarms"}, "topic_arn"),
        ({"is_enabled": "yes"}, "is_enabled"),
        ({"adress": "x"}, "adress"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(api: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert set(refused(api.post("/integrations", json=GITHUB | body))) == {field}
    assert stored("integrations") == 0


def test_a_name_is_taken_once_per_client(api: FlaskClient) -> None:
    made, other = make(api), make(api, name="other")

    assert api.post("/integrations", json=GITHUB).status_code == 409
    assert api.patch(f"/integrations/{other['id']}", json={"name": made["name"]}).status_code == 409
    assert api.post("/integrations", json=GITHUB, headers=bearer(SHOP)).status_code == 201


def test_integrations_are_listed_by_name_page_by_page(api: FlaskClient) -> None:
    for name, kind in (("c", "sns"), ("a", "github"), ("b", "grafana")):
        make(api, name=name, kind=kind)

    first = api.get("/integrations?limit=2")
    second = api.get(first.headers["Link"].split(">")[0].lstrip("<"))

    assert [each["name"] for each in first.get_json()] == ["a", "b"]
    assert [each["name"] for each in second.get_json()] == ["c"]
    assert "Link" not in second.headers
    assert [each["name"] for each in api.get("/integrations?kind=SNS").get_json()] == ["c"]
    assert api.get("/integrations?is_enabled=false").get_json() == []


def test_a_change_leaves_the_address_and_what_is_not_named(api: FlaskClient) -> None:
    made = make(api, kind="sns", topic_arn=TOPIC)

    changed = api.patch(f"/integrations/{made['id']}", json={"name": "new"}).get_json()
    opened = api.patch(f"/integrations/{made['id']}", json={"topic_arn": None, "is_enabled": False}).get_json()

    assert (changed["name"], changed["topic_arn"], changed["address"]) == ("new", TOPIC, made["address"])
    assert (opened["topic_arn"], opened["is_enabled"], opened["name"]) == (None, False, "new")
    assert opened["updated_at"] > made["updated_at"]


def test_what_is_removed_is_gone(api: FlaskClient) -> None:
    made = make(api)

    assert api.delete(f"/integrations/{made['id']}").status_code == 204
    for answer in (api.delete(f"/integrations/{made['id']}"), api.get(f"/integrations/{made['id']}")):
        assert answer.status_code == 404
    assert stored("integrations") == 0


def test_a_key_that_may_not_write_events_cannot_open_a_way_for_them(api: FlaskClient) -> None:
    answer = api.post("/integrations", json=GITHUB, headers=bearer(SHOP, "integrations:write"))

    assert (answer.status_code, stored("integrations")) == (403, 0)
    assert "events:write" in answer.get_json()["message"]


@pytest.mark.parametrize("scope", ["integrations:read", "integrations:write", "events:write"])
def test_a_key_that_may_not_send_to_an_address_neither_sees_nor_changes_it(api: FlaskClient, scope: str) -> None:
    made = api.post("/integrations", json=GITHUB, headers=bearer(SHOP)).get_json()
    path, key = f"/integrations/{made['id']}", bearer(SHOP, scope)

    answers = [
        api.get("/integrations", headers=key),
        api.get(path, headers=key),
        api.patch(path, json={"secret": "known-to-me"}, headers=key),
    ]

    assert [each.status_code for each in answers] == [403] * 3
    assert all(made["id"] not in each.text for each in answers)
    assert unseal(secret_in_the_row(made["id"])) == made["secret"]


def test_a_key_that_may_send_sees_its_addresses_and_with_writing_changes_them(api: FlaskClient) -> None:
    made = api.post("/integrations", json=GITHUB, headers=bearer(SHOP)).get_json()
    path = f"/integrations/{made['id']}"
    reads, writes = (bearer(SHOP, f"integrations:{verb}", "events:write") for verb in ("read", "write"))

    assert api.get("/integrations", headers=reads).get_json()[0]["address"] == made["address"]
    assert api.get(path, headers=reads).get_json()["address"] == made["address"]
    assert api.patch(path, json={"name": "new"}, headers=reads).status_code == 403
    assert api.patch(path, json={"name": "new"}, headers=writes).status_code == 200


def test_an_admin_that_may_send_reads_and_changes_for_a_client(api: FlaskClient) -> None:
    made = api.post("/integrations", json=GITHUB, headers=bearer(SHOP)).get_json()
    path = f"/integrations/{made['id']}?client={SHOP}"
    scopes = ("admin", "integrations:read", "integrations:write")
    sends, does_not = bearer("ops", *scopes, "events:write"), bearer("ops", *scopes)

    assert [api.get(path, headers=key).status_code for key in (sends, does_not)] == [200, 403]
    assert [api.patch(path, json={"name": "new"}, headers=key).status_code for key in (sends, does_not)] == [200, 403]


def test_what_nobody_may_send_to_any_more_is_removed_without_the_right_to_send(api: FlaskClient) -> None:
    made = api.post("/integrations", json=GITHUB, headers=bearer(SHOP)).get_json()

    assert api.delete(f"/integrations/{made['id']}", headers=bearer(SHOP, "integrations:write")).status_code == 204


def test_a_client_goes_with_its_integrations(api: FlaskClient) -> None:
    api.post("/integrations", json=GITHUB, headers=bearer(SHOP))
    shop = next(each["id"] for each in api.get("/clients").get_json() if each["name"] == SHOP)

    assert api.delete(f"/clients/{shop}").status_code == 204
    assert stored("integrations") == 0


def test_without_a_key_to_seal_with_only_what_has_a_secret_is_refused(api: FlaskClient, database: Configure) -> None:
    database(SENTINEL_SECRET_KEYS="")

    assert api.post("/integrations", json=GITHUB).status_code == 409
    assert api.post("/integrations", json={"kind": "grafana", "name": "g"}).status_code == 201


def test_secrets_of_integrations_are_rotated_and_checked_with_those_of_webhooks(
    api: FlaskClient, database: Configure
) -> None:
    made = make(api)
    api.post("/endpoints", json={"channel": "webhook", "target": "https://example.com/hooks/1"})
    new = new_secret_key()
    database(SENTINEL_SECRET_KEYS=f"{new},{SECRET_KEY}")

    assert run("secrets", "check").output.startswith("0 secrets are sealed with the first key, 2 with another")
    assert run("secrets", "rotate").output.startswith("2 secrets are sealed anew")
    database(SENTINEL_SECRET_KEYS=new)
    assert unseal(secret_in_the_row(made["id"])) == made["secret"]
    database(SENTINEL_SECRET_KEYS=new_secret_key())
    assert f"integration {made['id']}" in run("secrets", "check").stderr


def test_the_command_line_makes_lists_and_removes_integrations(api: FlaskClient) -> None:
    bearer(SHOP)
    said = run("integrations", "add", "--kind", "github", "--name", "acme", "--client", SHOP).stdout
    run("integrations", "add", "--kind", "sns", "--name", "alarms", "--topic-arn", TOPIC)

    [shops] = json.loads(run("integrations", "list", "--client", SHOP, "--json").stdout)

    assert shops["address"] in said
    assert unseal(secret_in_the_row(shops["id"])) in said
    assert "secret" not in run("integrations", "list").stdout
    assert [each["name"] for each in json.loads(run("integrations", "list", "--json").stdout)] == ["acme", "alarms"]
    assert "more than these 1" in run("integrations", "list", "--limit", "1").stderr
    assert (
        run("integrations", "remove", shops["id"]).stdout == f"Integration {shops['id']} (github, acme) is removed.\n"
    )
    assert stored("integrations") == 1


def test_the_command_line_says_what_it_cannot_do(api: FlaskClient) -> None:
    run("integrations", "add", "--kind", "sns", "--name", "alarms")

    with pytest.raises(ConflictError, match="already"):
        run("integrations", "add", "--kind", "sns", "--name", "alarms")
    with pytest.raises(InvalidInputError, match="topic_arn"):
        run("integrations", "add", "--kind", "github", "--name", "g", "--topic-arn", TOPIC)
    with pytest.raises(NotFoundError, match="keys create"):
        run("integrations", "add", "--kind", "sns", "--name", "x", "--client", "nobody")
    with pytest.raises(NotFoundError, match="GET /integrations"):
        run("integrations", "remove", "nonsense")


def test_a_switched_off_integration_is_listed_as_such(api: FlaskClient) -> None:
    make(api)
    execute("UPDATE integrations SET is_enabled = false")

    assert [each["name"] for each in api.get("/integrations?is_enabled=false").get_json()] == [GITHUB["name"]]
