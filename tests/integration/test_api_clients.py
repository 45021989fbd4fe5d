"""`/clients` as operators meet them: made, listed, renamed, switched off, removed."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.models import Base
from sentinel.queries import clients
from sentinel.services.access.clients import SCOPES
from tests.integration.calls import SMS, bearer, execute, refused, send, stored
from tests.integration.rules import endpoint, happen, rule

EVERYTHING = (
    "clients",
    "rules",
    "rule_versions",
    "endpoints",
    "templates",
    "tickets",
    "api_keys",
    "idempotency_keys",
    "dedupe_claims",
)


def make(api: FlaskClient, name: str = "shop") -> dict[str, Any]:
    """A client that is accepted."""
    response = send(api, {"name": name}, "/clients")
    assert response.status_code == 201, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def test_a_client_is_made_listed_and_shown(api: FlaskClient) -> None:
    response = send(api, {"name": "shop"}, "/clients")

    made = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/clients/{made['id']}"
    assert (made["name"], made["is_active"]) == ("shop", True)
    assert api.get(f"/clients/{made['id']}").get_json() == made
    assert [each["name"] for each in api.get("/clients").get_json()] == ["default", "shop"]


def test_clients_are_listed_by_pages(api: FlaskClient) -> None:
    for name in ("a", "b"):
        make(api, name)

    first = api.get("/clients?limit=2")
    second = api.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    assert [each["name"] for each in first.get_json() + second.get_json()] == ["default", "a", "b"]
    assert "Link" not in second.headers


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a", "id": 1}, "id"),
    ],
)
def test_what_is_wrong_with_a_client_is_told_by_field(body: dict[str, Any], field: str, api: FlaskClient) -> None:
    assert list(refused(send(api, body, "/clients"))) == [field]
    assert stored("clients") == 1


def test_a_name_is_taken_once(api: FlaskClient) -> None:
    make(api)
    other = make(api, "other")

    assert send(api, {"name": "shop"}, "/clients").status_code == 409
    assert api.patch(f"/clients/{other['id']}", json={"name": "shop"}).status_code == 409
    assert api.get(f"/clients/{other['id']}").get_json()["name"] == "other"


def test_a_client_is_renamed_and_its_keys_still_work(api: FlaskClient) -> None:
    headers = bearer("shop", "notifications:write")
    found = api.get("/clients").get_json()[1]

    renamed = api.patch(f"/clients/{found['id']}", json={"name": "store"})

    assert renamed.get_json()["name"] == "store"
    assert api.post("/notifications", json=SMS, headers=headers).get_json()["client"] == "store"


def test_the_keys_of_a_client_that_is_switched_off_do_not_work_until_it_is_on_again(api: FlaskClient) -> None:
    headers = bearer("shop")
    path = f"/clients/{api.get('/clients').get_json()[-1]['id']}"

    assert api.patch(path, json={"is_active": False}).get_json()["is_active"] is False
    assert api.get("/notifications", headers=headers).status_code == 401

    assert api.patch(path, json={"is_active": True}).get_json()["is_active"] is True
    assert api.get("/notifications", headers=headers).status_code == 200
    assert api.patch(path, json={}).status_code == 200


def test_the_client_of_open_mode_stays(api: FlaskClient) -> None:
    path = f"/clients/{api.get('/clients').get_json()[0]['id']}"

    for response in (api.delete(path), api.patch(path, json={"name": "other"})):
        assert response.status_code == 409
        assert "client `default` cannot be" in response.get_json()["message"]
    assert api.patch(path, json={"name": "default"}).status_code == 200


def test_a_client_goes_with_all_that_belongs_to_it(api: FlaskClient) -> None:
    before = [stored(table) for table in EVERYTHING]
    headers = bearer("shop")
    rule_id = rule('when true then notify("endpoint:*")', "mine", of="shop")
    endpoint("email", "a@example.com", of="shop", rule_id=rule_id)
    api.post("/templates", json={"name": "a", "body": "b"}, headers=headers)
    api.post("/notifications", json=SMS, headers=headers | {"Idempotency-Key": "k"})
    found = api.get("/clients").get_json()[-1]
    execute("DELETE FROM notifications")
    happened = happen({"type": "x"}, of="shop")
    execute("DELETE FROM notifications")
    execute("DELETE FROM events")

    assert happened
    assert api.delete(f"/clients/{found['id']}").status_code == 204
    assert api.delete(f"/clients/{found['id']}").status_code == 404
    assert [stored(table) for table in EVERYTHING] == before
    assert api.get("/notifications", headers=headers).status_code == 401


def test_every_table_of_clients_goes_with_them_or_holds_them_back() -> None:
    of_clients = {
        table.name
        for table in Base.metadata.tables.values()
        if any(key.column.table.name == "clients" for key in table.foreign_keys)
    }

    assert {kind.__tablename__ for kind in (*clients.BELONGINGS, *clients.RECORDS)} == of_clients


@pytest.mark.parametrize("record", ["notification", "event"])
def test_a_client_with_records_is_not_removed_but_may_be_switched_off(record: str, api: FlaskClient) -> None:
    headers = bearer("shop")
    if record == "notification":
        api.post("/notifications", json=SMS, headers=headers)
    else:
        api.post("/events", json={"type": "x"}, headers=headers)
    path = f"/clients/{api.get('/clients').get_json()[-1]['id']}"

    response = api.delete(path)

    assert response.status_code == 409
    assert '{"is_active": false}' in response.get_json()["message"]
    assert api.get(path).status_code == 200


def test_only_operators_manage_clients(api: FlaskClient) -> None:
    path = f"/clients/{make(api)['id']}"
    headers = bearer("shop", *(scope for scope in SCOPES if scope != "admin"))

    for response in (
        api.get("/clients", headers=headers),
        api.post("/clients", json={"name": "x"}, headers=headers),
        api.get(path, headers=headers),
        api.patch(path, json={"is_active": False}, headers=headers),
        api.delete(path, headers=headers),
    ):
        assert response.status_code == 403
    assert api.get(path, headers=bearer("default", "admin")).status_code == 200


def test_an_id_that_cannot_be_one_is_not_found(api: FlaskClient) -> None:
    assert api.get(f"/clients/{2**40}").status_code == 404
    assert api.delete("/clients/999999").status_code == 404
