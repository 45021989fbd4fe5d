"""`/silences`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.app import create_app
from sentinel.clock import utc_now
from tests.conftest import Configure
from tests.integration.calls import bearer, refused, send, stored


def at(seconds: float) -> str:
    return (utc_now() + timedelta(seconds=seconds)).isoformat()


def wanted(**changes: Any) -> dict[str, Any]:
    body = {"matchers": [{"name": "alertname", "value": "DiskFull"}], "ends_at": at(3600), "comment": "new disks"}
    return body | changes


def made(api: FlaskClient, **changes: Any) -> dict[str, Any]:
    response = send(api, wanted(**changes), "/silences")
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.get_json()
    return found


def put(api: FlaskClient, known: str, **changes: Any) -> TestResponse:
    return api.put(f"/silences/{known}", json=wanted(**changes))


def test_a_silence_is_made_and_shown(api: FlaskClient) -> None:
    response = send(api, wanted(created_by="ann"), "/silences")

    found = response.get_json()
    assert response.status_code == 201
    assert api.get(response.headers["Location"]).get_json() == found
    assert (found["state"], found["client"], found["created_by"]) == ("active", "default", "ann")
    assert found["matchers"] == [{"name": "alertname", "value": "DiskFull", "is_regex": False, "is_equal": True}]
    assert found["starts_at"] == found["created_at"] == found["updated_at"]


def test_who_made_it_is_the_key_unless_said(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    key = bearer("default", "silences:write")

    found = create_app().test_client().post("/silences", json=wanted(), headers=key).get_json()

    assert found["created_by"].startswith("sntl_")
    assert found["created_by"] in key["Authorization"]


def test_silences_are_listed_newest_first_by_state_and_page(api: FlaskClient) -> None:
    over, active, pending = made(api), made(api), made(api, starts_at=at(60))
    assert api.delete(f"/silences/{over['id']}").status_code == 204

    def listed(**query: Any) -> list[str]:
        return [each["id"] for each in api.get("/silences", query_string=query).get_json()]

    assert listed() == [pending["id"], active["id"], over["id"]]
    states = {"pending": pending, "active": active, "expired": over}
    assert all(listed(state=state) == [row["id"]] for state, row in states.items())
    first = api.get("/silences?limit=2")
    assert [each["id"] for each in api.get(first.headers["Link"][1:].partition(">")[0]).get_json()] == [over["id"]]
    assert "state" in refused(api.get("/silences?state=loud"))


def test_a_change_keeps_the_id_and_the_start(api: FlaskClient) -> None:
    known = made(api)

    found = put(api, known["id"], ends_at=at(9000), comment="more disks").get_json()

    assert (found["id"], found["starts_at"], found["comment"]) == (known["id"], known["starts_at"], "more disks")
    assert found["ends_at"] > known["ends_at"]


def test_other_matchers_make_another_silence(api: FlaskClient) -> None:
    known = made(api)

    found = put(api, known["id"], matchers=[{"name": "alertname", "value": "Other"}]).get_json()

    assert found["id"] != known["id"]
    assert api.get(f"/silences/{known['id']}").get_json()["state"] == "expired"


def test_a_silence_that_is_over_or_unknown_is_said_so(api: FlaskClient) -> None:
    known = made(api)["id"]
    api.delete(f"/silences/{known}")

    assert api.delete(f"/silences/{known}").status_code == 409
    assert api.delete("/silences/x").status_code == api.get("/silences/x").status_code == 404
    assert put(api, "x").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"name": "a"}]}, "matchers.0.value"),
        ({"matchers": [{"name": "a", "value": "(", "is_regex": True}]}, "matchers.0.value"),
        ({"matchers": [{"name": "a", "value": "b", "isRegex": True}]}, "matchers.0.isRegex"),
        ({"matchers": [{"name": "a", "value": "b", "is_equal": False}]}, "matchers"),
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": "2026-11-20T18:00:00"}, "ends_at"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "9000-01-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "2099-01-01T00:00:00Z"}, "ends_at"),
        ({"comment": "x" * 1001}, "comment"),
        ({"begin": 1}, "begin"),
    ],
)
def test_a_bad_silence_is_refused_by_the_field(change: dict[str, Any], field: str, api: FlaskClient) -> None:
    assert list(refused(send(api, wanted(**change), "/silences"))) == [field]

    assert stored("silences") == 0
