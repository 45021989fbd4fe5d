"""`/api-keys` as clients meet them: made within what their maker may do, listed, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.services.access.clients import OWN_SCOPES
from tests.integration.calls import SMS, bearer, execute, refused, send, stored


def auth(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_made_shown_once_and_works(api: FlaskClient) -> None:
    response = send(api, {"name": "CI", "scopes": ["notifications:write"]}, "/api-keys")

    made = response.get_json()
    key = made.pop("key")
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api-keys/{made['id']}"
    assert (made["client"], made["name"], made["state"]) == ("default", "CI", "active")
    assert (made["scopes"], made["prefix"], made["expires_at"]) == (["notifications:write"], key[:12], None)
    assert api.get(response.headers["Location"]).get_json() == made
    assert api.get("/api-keys").get_json() == [made]
    assert key not in api.get("/api-keys").text
    assert api.post("/notifications", json=SMS, headers=auth(key)).status_code == 202
    assert api.get("/notifications", headers=auth(key)).status_code == 403


def test_a_key_without_scopes_may_do_what_keys_of_a_client_usually_may(api: FlaskClient) -> None:
    assert send(api, {"name": "CI"}, "/api-keys").get_json()["scopes"] == list(OWN_SCOPES)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a", "scopes": ["everything"]}, "scopes.0"),
        ({"name": "a", "scopes": "admin"}, "scopes"),
        ({"name": "a", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "expires_at": "9999-12-31T23:59:59-10:00"}, "expires_at"),
        ({"name": "a", "client": "b"}, "client"),
    ],
)
def test_what_is_wrong_with_a_key_is_told_by_field(body: dict[str, Any], field: str, api: FlaskClient) -> None:
    assert list(refused(send(api, body, "/api-keys"))) == [field]
    assert stored("api_keys") == 0


def test_a_key_cannot_grant_what_it_lacks(api: FlaskClient) -> None:
    headers = bearer("shop", "keys:write", "notifications:read")

    within = api.post("/api-keys", json={"name": "a", "scopes": ["notifications:read"]}, headers=headers)
    beyond = api.post("/api-keys", json={"name": "b", "scopes": ["rules:write", "admin"]}, headers=headers)
    unsaid = api.post("/api-keys", json={"name": "c"}, headers=headers)

    assert (within.status_code, within.get_json()["client"]) == (201, "shop")
    assert beyond.status_code == 403
    assert "cannot grant what it lacks itself: rules:write, admin" in beyond.get_json()["message"]
    assert unsaid.get_json()["scopes"] == ["notifications:read"]


def test_a_key_that_could_grant_nothing_is_told_so(api: FlaskClient) -> None:
    response = api.post("/api-keys", json={"name": "a"}, headers=bearer("shop", "keys:write"))

    assert refused(response) == {"scopes": "would be none"}


def test_an_operator_makes_keys_for_any_client(api: FlaskClient) -> None:
    api.post("/clients", json={"name": "shop"})
    operator = bearer("default", "admin")

    made = api.post("/api-keys?client=shop", json={"name": "first"}, headers=operator)

    assert made.status_code == 201
    assert made.get_json()["client"] == "shop"
    sent = api.post("/notifications", json=SMS, headers=auth(made.get_json()["key"]))
    assert sent.get_json()["client"] == "shop"
    assert api.post("/api-keys?client=nobody", json={"name": "x"}, headers=operator).status_code == 404
    assert (
        api.post("/api-keys?client=default", json={"name": "x"}, headers=bearer("shop", "keys:write")).status_code
        == 403
    )


def test_an_ordinary_key_makes_none(api: FlaskClient) -> None:
    headers = bearer("shop")

    assert api.post("/api-keys", json={"name": "a"}, headers=headers).status_code == 403
    assert api.get("/api-keys", headers=headers).status_code == 403


@pytest.mark.parametrize("scope", ["keys:read", "keys:write"])
def test_each_call_takes_its_scope(scope: str, api: FlaskClient) -> None:
    headers = bearer("shop", scope, "rules:read")
    path = f"/api-keys/{api.get('/api-keys?client=shop').get_json()[0]['id']}"

    reads = [api.get("/api-keys", headers=headers), api.get(path, headers=headers)]
    writes = [api.post("/api-keys", json={"name": "a"}, headers=headers), api.delete(path, headers=headers)]

    assert {each.status_code == 403 for each in reads} == {scope == "keys:write"}
    assert {each.status_code == 403 for each in writes} == {scope == "keys:read"}


def test_a_revoked_key_stops_and_stays_in_the_list(api: FlaskClient) -> None:
    made = send(api, {"name": "CI"}, "/api-keys").get_json()
    path = f"/api-keys/{made['id']}"

    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404
    assert api.get("/notifications", headers=auth(made["key"])).status_code == 401
    assert (api.get(path).get_json()["state"], api.get(path).get_json()["revoked_at"] is None) == ("revoked", False)


def test_an_expired_key_is_said_to_be_expired(api: FlaskClient) -> None:
    soon = (utc_now() + timedelta(hours=1)).isoformat()
    made = send(api, {"name": "CI", "expires_at": soon}, "/api-keys").get_json()
    assert made["state"] == "active"

    execute("UPDATE api_keys SET expires_at = now() - interval '1 second'")

    assert api.get(f"/api-keys/{made['id']}").get_json()["state"] == "expired"


def test_the_keys_of_others_cannot_be_told_from_none(api: FlaskClient) -> None:
    made = send(api, {"name": "CI"}, "/api-keys").get_json()
    headers = bearer("shop", "keys:read", "keys:write")

    assert [each["client"] for each in api.get("/api-keys", headers=headers).get_json()] == ["shop"]
    assert api.get(f"/api-keys/{made['id']}", headers=headers).status_code == 404
    assert api.delete(f"/api-keys/{made['id']}", headers=headers).status_code == 404
    assert api.delete(f"/api-keys/{2**40}").status_code == 404
    assert api.get("/notifications", headers=auth(made["key"])).status_code == 200


def test_keys_are_listed_by_pages(api: FlaskClient) -> None:
    assert api.get("/api-keys").get_json() == []
    for name in ("a", "b", "c"):
        send(api, {"name": name}, "/api-keys")

    first = api.get("/api-keys?limit=2")
    second = api.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    assert [each["name"] for each in first.get_json() + second.get_json()] == ["a", "b", "c"]
