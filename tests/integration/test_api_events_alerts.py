"""POST /v1/alerts: an event that is told to the user it names."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sentinel.db import new_session
from sentinel.models import Event
from tests.integration.calls import bearer, refused, send, send_raw, stored

ALERTS = "/v1/alerts"
ALERT: dict[str, Any] = {"user_id": "user-17", "type": "card_declined", "payload": {"amount": 12.5}}


def kept() -> Event:
    """The one row there is."""
    with new_session() as session:
        return session.scalars(select(Event)).one()


def test_an_alert_is_an_event_addressed_to_its_user(api: FlaskClient) -> None:
    response = send(api, ALERT, ALERTS)

    row = kept()
    assert response.status_code == 202
    assert response.get_json() == {"status": "accepted", "event_id": row.id}
    assert response.headers["Location"] == f"/events/{row.id}"
    assert (row.user_id, row.type, row.body, row.status) == ("user-17", "card_declined", ALERT, "PENDING")
    assert (row.is_addressed, row.is_broadcast) == (True, False)


def test_only_the_client_that_posts_it_hears_it_whatever_its_key_allows(api: FlaskClient) -> None:
    send(api, ALERT, ALERTS, **bearer("mine", "events:write", "events:broadcast", "admin"))

    assert not kept().is_broadcast


@pytest.mark.parametrize("payload", [None, [], "text", 5, {"a": [1]}])
def test_the_payload_is_any_json(payload: Any, api: FlaskClient) -> None:
    assert send(api, {"user_id": "u", "payload": payload}, ALERTS).status_code == 202

    assert kept().body["payload"] == payload


@pytest.mark.parametrize("body", [{}, {"user_id": None}, {"user_id": ""}, {"type": "x", "payload": {}}])
def test_without_a_user_it_is_refused(body: dict[str, Any], api: FlaskClient) -> None:
    response = send(api, body, ALERTS)

    assert response.status_code == 422
    assert set(refused(response)) == {"user_id"}
    assert stored("events") == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"user_id": 5}, {"user_id"}),
        ({"user_id": "u", "type": 5}, {"type"}),
        ({"user_id": "x" * 256}, {"user_id"}),
        ([ALERT], {"request"}),
    ],
)
def test_fields_of_another_kind_are_refused_by_name(body: Any, fields: set[str], api: FlaskClient) -> None:
    response = send(api, body, ALERTS)

    assert response.status_code == 422
    assert set(refused(response)) == fields


def test_bad_json_is_a_400(api: FlaskClient) -> None:
    assert send_raw(api, b"{bad", ALERTS).status_code == 400


def test_six_identical_alerts_are_six_events(api: FlaskClient) -> None:
    assert [send(api, ALERT, ALERTS).get_json()["status"] for _ in range(6)] == ["accepted"] * 6
    assert stored("events") == 6


def test_an_explicit_id_is_taken_in_once(api: FlaskClient) -> None:
    answers = [send(api, ALERT | {"event_id": "a-1"}, ALERTS) for _ in range(2)]

    assert [each.get_json() for each in answers] == [
        {"status": "accepted", "event_id": "a-1"},
        {"status": "duplicate", "event_id": "a-1"},
    ]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert stored("events") == 1


def test_a_repeated_request_gets_the_original_answer(api: FlaskClient) -> None:
    first, again = (send(api, ALERT, ALERTS, Idempotency_Key="k") for _ in range(2))

    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stored("events") == 1
