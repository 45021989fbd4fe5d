"""POST /notifications/batch: one result per item, in order."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sentinel.db import new_session
from sentinel.models import Notification
from tests.conftest import Configure
from tests.integration.calls import EMAIL, SMS, refused, send, stored

BATCH = "/notifications/batch"


def test_a_thousand_are_accepted_in_their_order(api: FlaskClient) -> None:
    items = [SMS | {"recipient": f"+1415555{number:04}"} for number in range(1000)]

    response = send(api, items, BATCH)

    results = response.get_json()
    assert response.status_code == 207
    assert [each["index"] for each in results] == list(range(1000))
    assert {each["status"] for each in results} == {202}
    assert [each["notification"]["recipient"] for each in results] == [item["recipient"] for item in items]
    with new_session() as session:
        kept = session.scalars(select(Notification.recipient).order_by(Notification.id)).all()
    assert list(kept) == [item["recipient"] for item in items]


def test_one_more_than_allowed_is_refused_whole(api: FlaskClient) -> None:
    response = send(api, [SMS] * 1001, BATCH)

    assert response.status_code == 422
    assert refused(response) == {"request": "has too many items"}
    assert "at most 1000" in response.get_json()["errors"][0]["remedy"]
    assert stored() == 0


def test_the_most_items_are_a_setting(database: Configure, api: FlaskClient) -> None:
    database(SENTINEL_MAX_BATCH_ITEMS="2")

    assert send(api, [SMS] * 2, BATCH).status_code == 207
    assert send(api, [SMS] * 3, BATCH).status_code == 422


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "has no items"),
        (SMS, "is not an array"),
        ({}, "is not an array"),
        ("text", "is not an array"),
        (5, "is not an array"),
    ],
)
def test_what_is_no_array_of_items_is_refused(body: Any, message: str, api: FlaskClient) -> None:
    response = send(api, body, BATCH)

    assert response.status_code == 422
    assert refused(response) == {"request": message}


def test_good_items_are_stored_though_others_are_not(api: FlaskClient) -> None:
    items: list[Any] = [
        SMS,
        SMS | {"recipient": "1"},
        EMAIL,
        None,
        "text",
        [],
        {},
        SMS | {"recipent": "x"},
        SMS | {"expires_at": "2020-01-01T00:00:00Z"},
        SMS | {"channel": "SMS"},
    ]

    results = send(api, items, BATCH).get_json()

    assert [each["status"] for each in results] == [202, 422, 202, 422, 422, 422, 422, 422, 422, 202]
    assert [each["index"] for each in results] == list(range(len(items)))
    assert all(("notification" in each) != ("errors" in each) for each in results)
    assert results[1]["errors"][0]["field"] == "recipient"
    assert results[3]["errors"][0]["field"] == "request"
    assert results[7]["errors"][0]["remedy"] == 'did you mean "recipient"?'
    assert {each["field"] for each in results[6]["errors"]} == {"channel", "recipient", "body"}
    assert stored() == 3


def test_a_batch_of_bad_items_stores_nothing_and_says_so_for_each(api: FlaskClient) -> None:
    results = send(api, [{}, {}], BATCH).get_json()

    assert [each["status"] for each in results] == [422, 422]
    assert stored() == 0


def test_each_notification_of_a_batch_can_be_looked_up(api: FlaskClient) -> None:
    results = send(api, [SMS, EMAIL], BATCH).get_json()

    for each in results:
        shown = each["notification"]
        assert api.get(f"/notifications/{shown['id']}").get_json() == shown
