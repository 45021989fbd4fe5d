"""POST /events/batch: an array or one event a line; one result per item, in order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sentinel.app import create_app
from sentinel.db import new_session
from sentinel.models import Event
from tests.conftest import Configure
from tests.integration.calls import at_once, refused, send, send_raw, stored

BATCH = "/events/batch"
NDJSON = "application/x-ndjson"


def lines(*values: Any) -> bytes:
    """One JSON value a line."""
    return b"\n".join(json.dumps(value).encode() for value in values)


def test_a_thousand_are_stored_in_their_order(api: FlaskClient) -> None:
    items = [{"event_id": f"e-{number % 7}-{number}", "number": number} for number in range(1000)]

    response = send(api, items, BATCH)

    results = response.get_json()
    assert response.status_code == 207
    assert [each["index"] for each in results] == list(range(1000))
    assert {each["status"] for each in results} == {202}
    assert [each["event"]["event_id"] for each in results] == [item["event_id"] for item in items]
    assert [each["event"]["status"] for each in results] == ["accepted"] * 1000
    with new_session() as session:
        kept = session.execute(select(Event.id, Event.body).order_by(Event.id)).all()
    assert [row.body for row in kept] == items
    assert [row.id for row in kept] == [each["event"]["id"] for each in results]


@pytest.mark.parametrize(
    ("body", "message"),
    [([], "has no items"), ({}, "is not an array"), (5, "is not an array"), ([{}] * 1001, "has too many items")],
)
def test_what_is_no_array_of_so_many_is_refused_whole(body: Any, message: str, api: FlaskClient) -> None:
    response = send(api, body, BATCH)

    assert response.status_code == 422
    assert refused(response) == {"request": message}
    assert stored("events") == 0


@pytest.mark.parametrize(("kind", "body"), [("application/json", b"[{}, {bad]"), (NDJSON, b"")])
def test_what_cannot_be_read_at_all_is_a_400(kind: str, body: bytes, api: FlaskClient) -> None:
    response = send_raw(api, body, BATCH, content_type=kind)

    assert response.status_code == 400
    assert refused(response) == {}


def test_good_items_are_stored_though_others_are_not(api: FlaskClient) -> None:
    items: list[Any] = [{}, [1], {"type": 5, "name": []}, None, {"ts": "soon"}, {"a": "\0"}, {"type": "order"}]

    results = send(api, items, BATCH).get_json()

    assert [each["status"] for each in results] == [202, 422, 422, 422, 422, 422, 202]
    assert [each["index"] for each in results] == list(range(7))
    assert all(("event" in each) != ("errors" in each) for each in results)
    assert [[error["field"] for error in each.get("errors", [])] for each in results] == [
        [],
        ["request"],
        ["type", "name"],
        ["request"],
        ["ts"],
        ["request"],
        [],
    ]
    assert stored("events") == 2


def test_a_batch_of_bad_items_stores_nothing_and_says_so_for_each(api: FlaskClient) -> None:
    results = send(api, [1, 2], BATCH).get_json()

    assert [each["status"] for each in results] == [422, 422]
    assert stored("events") == 0


def test_an_id_twice_in_one_batch_is_a_duplicate_of_the_first(api: FlaskClient) -> None:
    items = [{"event_id": "b", "n": 1}, {"event_id": "a", "n": 2}, {"alert_id": "b", "n": 3}]

    results = [each["event"] for each in send(api, items, BATCH).get_json()]

    assert [each["status"] for each in results] == ["accepted", "accepted", "duplicate"]
    assert results[2]["id"] == results[0]["id"]
    with new_session() as session:
        assert [each["n"] for each in session.scalars(select(Event.body).order_by(Event.id))] == [1, 2]


def test_ids_of_requests_before_are_duplicates_too(api: FlaskClient) -> None:
    first = send(api, {"event_id": "a, \"quoted\" 'é' {}"}, "/events").get_json()

    results = send(api, [{"event_id": "new"}, {"event_id": first["event_id"]}], BATCH).get_json()

    assert results[0]["event"]["status"] == "accepted"
    assert results[1]["event"] == first | {"status": "duplicate"}


def test_two_batches_with_the_same_events_in_another_order_wait_for_nobody(database: Configure) -> None:
    app = create_app()
    items = [{"event_id": f"e-{number}"} for number in range(300)]

    answers = at_once(6, lambda number: send(app.test_client(), items[:: 1 if number % 2 else -1], BATCH))

    results = [each["event"]["status"] for response in answers for each in response.get_json()]
    assert {each.status_code for each in answers} == {207}
    assert (results.count("accepted"), results.count("duplicate")) == (300, 1500)
    assert stored("events") == 300


def test_lines_are_events_too(api: FlaskClient) -> None:
    body = lines({"n": 1}) + b"\n\n  \r\n" + lines({"n": 2}, {"text": "a\nb"}) + b"\r\n"

    response = send_raw(api, body, BATCH, content_type=f"{NDJSON}; charset=utf-8")

    assert response.status_code == 207
    assert [(each["index"], each["status"]) for each in response.get_json()] == [(0, 202), (1, 202), (2, 202)]
    with new_session() as session:
        assert list(session.scalars(select(Event.body).order_by(Event.id))) == [{"n": 1}, {"n": 2}, {"text": "a\nb"}]


def test_a_bad_line_is_refused_by_its_number_and_the_others_are_stored(api: FlaskClient) -> None:
    deep = b'{"a":' * 70 + b"1" + b"}" * 70
    body = b"\n".join([b"{}", b"", b"{bad", b"[1]", deep, b'{"a": "\xff"}', b"{}"])

    results = send_raw(api, body, BATCH, content_type=NDJSON).get_json()

    assert [each["status"] for each in results] == [202, 422, 422, 422, 422, 202]
    errors = [each["errors"][0] for each in results if "errors" in each]
    assert [each["field"] for each in errors] == ["line 3", "request", "line 5", "line 6"]
    assert "is not valid JSON" in errors[0]["message"]
    assert "deeper than 64" in errors[2]["message"]
    assert stored("events") == 2


@pytest.mark.parametrize("body", [b"\n \n", lines(*[{}] * 1001)])
def test_no_line_and_too_many_lines_are_refused_whole(body: bytes, api: FlaskClient) -> None:
    response = send_raw(api, body, BATCH, content_type=NDJSON)

    assert response.status_code == 422
    assert set(refused(response)) == {"request"}
    assert stored("events") == 0


@pytest.mark.parametrize("path", ["/events", "/v1/alerts", "/notifications", "/notifications/batch"])
def test_lines_are_not_understood_elsewhere(path: str, api: FlaskClient) -> None:
    assert send_raw(api, b"{}", path, content_type=NDJSON).status_code == 415


def test_a_batch_is_repeated_whole(api: FlaskClient) -> None:
    body = lines({"n": 1}, [1]) + b"\n{bad"

    answers = [send_raw(api, body, BATCH, content_type=NDJSON, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert answers[0].data == answers[1].data
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert stored("events") == 1
