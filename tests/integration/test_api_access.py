"""Who may call: API keys, scopes, clients among themselves, and open mode on this machine only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.errors import ConfigurationError
from sentinel.services.access import clients
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import SMS, bearer, execute, refused, stored
from tests.integration.conftest import application


@pytest.fixture
def closed(database: Configure) -> Flask:
    """The API as it is in production: no key, no answer."""
    database(SENTINEL_OPEN_MODE="false")
    return application()


def test_who_has_no_key_is_told_how_to_get_one(closed: Flask) -> None:
    response = closed.test_client().get("/notifications")

    assert response.status_code == 401
    assert "sentinel keys create" in response.get_json()["message"]


def test_a_stranger_learns_nothing_about_the_shape_of_requests(closed: Flask) -> None:
    api = closed.test_client()

    assert api.post("/notifications", json={"channel": "fax"}).status_code == 401
    assert api.post("/notifications", data=b"{", content_type="application/json").status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "sntl_x",
        "Basic c250bDp4",
        "Token sntl_x",
        "Bearer sntl_",
        "Bearer nope",
        "Bearer sntl_ü",
        "Bearer sntl_x sntl_y",
        "Bearer sntl_" + "x" * 5000,
        "Bearer sntl_' OR true --",
    ],
)
@pytest.mark.parametrize("mode", ["true", "false"])
def test_a_key_that_is_none_is_refused_in_open_mode_too(authorization: str, mode: str, database: Configure) -> None:
    database(SENTINEL_OPEN_MODE=mode)

    response = application().test_client().get("/notifications", headers={"Authorization": authorization})

    assert response.status_code == 401
    assert refused(response) == {}
    assert authorization.partition(" ")[2].strip()[5:] in ("", "ü") or "x" * 100 not in response.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(scheme: str, closed: Flask) -> None:
    key = bearer("mine")["Authorization"].removeprefix("Bearer ")

    response = closed.test_client().get("/notifications", headers={"Authorization": f"{scheme}  {key} "})

    assert response.status_code == 200


def test_a_revoked_key_stops_at_once(closed: Flask) -> None:
    with unit_of_work() as uow:
        stored_key, key = clients.create_key(uow, "mine", "test")
    headers = {"Authorization": f"Bearer {key}"}
    assert closed.test_client().get("/notifications", headers=headers).status_code == 200

    with unit_of_work() as uow:
        clients.revoke_key(uow, stored_key.id)

    assert closed.test_client().get("/notifications", headers=headers).status_code == 401


def test_an_expired_key_does_not_work(closed: Flask) -> None:
    over, valid = (bearer("mine", expires_at=utc_now() + timedelta(seconds=seconds)) for seconds in (-1, 60))

    assert closed.test_client().get("/notifications", headers=over).status_code == 401
    assert closed.test_client().get("/notifications", headers=valid).status_code == 200


def test_the_keys_of_a_disabled_client_do_not_work(closed: Flask) -> None:
    headers = bearer("mine")
    execute("UPDATE clients SET is_active = false WHERE name = 'mine'")

    assert closed.test_client().get("/notifications", headers=headers).status_code == 401


def test_several_keys_of_a_client_work_side_by_side(closed: Flask) -> None:
    first, second = bearer("mine"), bearer("mine")
    made = closed.test_client().post("/notifications", json=SMS, headers=first).get_json()["id"]

    assert closed.test_client().get(f"/notifications/{made}", headers=second).get_json()["client"] == "mine"


def test_a_key_without_the_scope_is_told_which_it_lacks(closed: Flask) -> None:
    reading, writing = bearer("mine", "notifications:read"), bearer("mine", "notifications:write")
    api = closed.test_client()

    for response, scope in (
        (api.post("/notifications", json=SMS, headers=reading), "notifications:write"),
        (api.get("/notifications", headers=writing), "notifications:read"),
    ):
        assert response.status_code == 403
        assert refused(response) == {}
        assert f"lacks the scope {scope};" in response.get_json()["message"]


def test_the_key_itself_is_nowhere_in_the_database(closed: Flask) -> None:
    with unit_of_work() as uow:
        found, key = clients.create_key(uow, "mine", "test")

    assert found.prefix == key[:12]
    assert key.encode() not in found.key_hash
    assert len(found.key_hash) == 32


def test_open_mode_answers_as_client_default(api: FlaskClient) -> None:
    assert api.post("/notifications", json=SMS).get_json()["client"] == "default"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost", "localhost:8000", "[::1]", "[::1]:8000"])
def test_open_mode_knows_this_machine_by_its_own_names(host: str, api: FlaskClient) -> None:
    assert api.get("/notifications", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "sentinel.example.com"},
        {"Host": "127.0.0.1.example.com"},
        {"Host": "192.168.1.10:8000"},
        {"Host": "localhost.example.com"},
        {"Host": "a b"},
        {"Host": ""},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-Proto": "http"},
        {"X-Real-IP": "127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_open_mode_is_refused_to_whoever_may_come_from_elsewhere(headers: dict[str, str], api: FlaskClient) -> None:
    for response in (api.get("/notifications", headers=headers), api.post("/notifications", json=SMS, headers=headers)):
        assert response.status_code == 401
        assert refused(response) == {}
    assert stored() == 0


@pytest.mark.parametrize("address", ["192.168.1.10", "10.0.0.1", "2001:db8::1", ""])
def test_open_mode_is_refused_to_an_address_of_another_machine(address: str, api: FlaskClient) -> None:
    response = api.get("/notifications", environ_overrides={"REMOTE_ADDR": address})

    assert response.status_code == 401


def test_a_key_works_from_anywhere(api: FlaskClient) -> None:
    headers = bearer("mine") | {"Host": "sentinel.example.com", "X-Forwarded-For": "203.0.113.1"}

    response = api.get("/notifications", headers=headers, environ_overrides={"REMOTE_ADDR": "203.0.113.1"})

    assert response.status_code == 200


def test_the_browsers_own_pages_may_use_open_mode(api: FlaskClient) -> None:
    for site in ("same-origin", "none"):
        assert api.get("/notifications", headers={"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize(
    "variables",
    [{"SENTINEL_API_HOST": "0.0.0.0"}, {"SENTINEL_ENV": "production"}, {"SENTINEL_API_HOST": "::"}],
    ids=str,
)
def test_open_mode_is_off_by_itself_beyond_loopback_and_in_production(
    variables: dict[str, str], database: Configure
) -> None:
    database(**variables)

    assert application().test_client().get("/notifications").status_code == 401


def test_open_mode_beyond_loopback_is_refused_at_start(database: Configure) -> None:
    with pytest.raises(ConfigurationError, match=r"SENTINEL_OPEN_MODE is on, but SENTINEL_API_HOST=0\.0\.0\.0"):
        database(SENTINEL_OPEN_MODE="true", SENTINEL_API_HOST="0.0.0.0")
