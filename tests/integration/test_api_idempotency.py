"""Idempotency-Key: the same request gets the original answer, whoever else works at the same time."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.app import create_app
from sentinel.queries import idempotency
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.integration.calls import SMS, bearer, execute, refused, send, send_raw, stored
from tests.integration.conftest import DEFAULT_CLIENT_ID


def test_the_same_request_again_gets_the_original_answer(api: FlaskClient) -> None:
    first = send(api, Idempotency_Key="order-4711")
    execute("UPDATE notifications SET status = 'CANCELLED', queue_at = NULL")
    second = send(api, Idempotency_Key="order-4711")

    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert stored() == 1


def test_another_spelling_of_the_same_json_is_the_same_request(api: FlaskClient) -> None:
    shuffled = dict(reversed((SMS | {"metadata": {"a": 1, "b": 2}}).items()))
    send(api, SMS | {"metadata": {"b": 2, "a": 1}}, Idempotency_Key="k")

    response = send_raw(api, json.dumps(shuffled, indent=4).encode(), headers={"Idempotency-Key": "k"})

    assert response.headers["Idempotent-Replayed"] == "true"
    assert stored() == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (SMS | {"body": "other"}, "/notifications"),
        (SMS | {"metadata": {"a": None}}, "/notifications"),
        ([SMS], "/notifications/batch"),
    ],
)
def test_another_request_under_the_same_key_is_refused(body: Any, path: str, api: FlaskClient) -> None:
    send(api, Idempotency_Key="k")

    response = send(api, body, path, Idempotency_Key="k")

    assert response.status_code == 422
    assert refused(response) == {"Idempotency-Key": "was already used for a different request"}
    assert stored() == 1


def test_the_same_key_of_another_client_is_another_key(api: FlaskClient) -> None:
    mine = send(api, Idempotency_Key="k", **bearer("mine"))
    theirs = send(api, Idempotency_Key="k", **bearer("theirs"))

    assert mine.get_json()["id"] != theirs.get_json()["id"]
    assert "Idempotent-Replayed" not in theirs.headers


def test_while_another_transaction_works_under_the_key_the_answer_is_409(api: FlaskClient) -> None:
    with unit_of_work() as uow:
        assert idempotency.try_lock(uow.session, DEFAULT_CLIENT_ID, "k")
        busy = send(api, Idempotency_Key="k")
    free = send(api, Idempotency_Key="k")

    assert busy.status_code == 409
    assert refused(busy) == {}
    assert busy.headers["Retry-After"] == "1"
    assert free.status_code == 202


def test_twenty_at_once_store_one_row(database: Configure) -> None:
    app = create_app()
    start = threading.Barrier(20)
    answers: list[TestResponse] = []

    def work() -> None:
        client = app.test_client()
        start.wait()
        answers.append(send(client, Idempotency_Key="k"))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    accepted = [each for each in answers if each.status_code == 202]
    assert len(answers) == 20
    assert stored() == 1
    assert {each.status_code for each in answers} <= {202, 409}
    assert len({each.data for each in accepted}) == 1
    assert sum("Idempotent-Replayed" not in each.headers for each in accepted) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "a\x7fb"])
def test_a_key_that_cannot_be_used_is_refused(key: str, api: FlaskClient) -> None:
    response = send(api, Idempotency_Key=key)

    assert response.status_code == 422
    assert refused(response) == {"Idempotency-Key": "cannot be used as a key"}
    assert stored() == 0


@pytest.mark.parametrize("key", ["x" * 255, "a b", "ü", "'; DROP TABLE notifications; --", "{}"])
def test_any_printable_key_will_do(key: str, api: FlaskClient) -> None:
    send(api, Idempotency_Key=key)

    assert send(api, Idempotency_Key=key).headers["Idempotent-Replayed"] == "true"


def test_a_refusal_is_not_remembered(api: FlaskClient) -> None:
    wrong = send(api, SMS | {"recipient": "+1415"}, Idempotency_Key="k")
    right = send(api, Idempotency_Key="k")

    assert (wrong.status_code, right.status_code) == (422, 202)
    assert "Idempotent-Replayed" not in right.headers


def test_a_batch_is_repeated_whole(api: FlaskClient) -> None:
    items = [SMS, SMS | {"recipient": "1"}, SMS]

    first = send(api, items, "/notifications/batch", Idempotency_Key="k")
    second = send(api, items, "/notifications/batch", Idempotency_Key="k")

    assert (first.status_code, second.status_code) == (207, 207)
    assert first.data == second.data
    assert second.headers["Idempotent-Replayed"] == "true"
    assert stored() == 2


def test_a_key_is_forgotten_after_its_time(api: FlaskClient) -> None:
    send(api, Idempotency_Key="k")
    execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")

    again = send(api, SMS | {"body": "other"}, Idempotency_Key="k")

    assert again.status_code == 202
    assert stored() == 2


def test_without_a_key_every_request_is_a_new_one(api: FlaskClient) -> None:
    send(api)
    send(api)

    assert (stored(), stored("idempotency_keys")) == (2, 0)
