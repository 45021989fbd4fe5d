"""Requests that share a statement: each is stored for whom its key speaks now, and nobody pays for another's row."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.services import intake
from sentinel.services.bookkeeping import audit
from tests.conftest import Configure
from tests.integration.calls import SMS, at_once, bearer, execute, send, stored
from tests.integration.conftest import application

FIRST_FOUR = "SELECT id FROM clients WHERE name < 'client 4' AND name LIKE 'client %'"


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API as it is in production: who calls is known by a key alone."""
    database(SENTINEL_OPEN_MODE="false")
    return application().test_client()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each shared statement was given."""
    found: list[int] = []

    def noting(work: Callable[[list[intake.Arrival]], list[bool]]) -> Callable[[list[intake.Arrival]], list[bool]]:
        def noted(arrivals: list[intake.Arrival]) -> list[bool]:
            found.append(len(arrivals))
            return work(arrivals)

        return noted

    for group in (intake._notifications, intake._events):
        monkeypatch.setattr(group, "_work", noting(group._work))
    return found


def test_who_has_called_before_is_not_looked_up_again(api: FlaskClient, turns: list[int]) -> None:
    key = bearer("mine")

    answers = [send(api, **key) for _ in range(3)]

    assert [each.status_code for each in answers] == [202, 202, 202]
    assert [each.get_json()["client"] for each in answers] == ["mine"] * 3
    assert turns == [1, 1, 1]
    assert stored() == 3


def test_the_open_mode_has_one_caller_and_remembers_it(database: Configure, turns: list[int]) -> None:
    api = application().test_client()

    assert [send(api).get_json()["client"] for _ in range(3)] == ["default"] * 3
    assert len(turns) >= 2


@pytest.mark.parametrize(
    ("change", "status", "client"),
    [
        ("UPDATE api_keys SET revoked_at = now()", 401, None),
        ("UPDATE api_keys SET expires_at = now() - interval '1 second'", 401, None),
        ("UPDATE clients SET is_active = false WHERE name = 'mine'", 401, None),
        ("DELETE FROM api_keys", 401, None),
        ("UPDATE api_keys SET scopes = '{notifications:read}'", 403, None),
        ("UPDATE api_keys SET scopes = '{notifications:write,admin}'", 202, "mine"),
        ("UPDATE clients SET name = 'ours' WHERE name = 'mine'", 202, "ours"),
        ("UPDATE api_keys SET client_id = 1", 202, "default"),
    ],
)
def test_what_is_remembered_of_a_caller_never_counts_against_what_is(
    change: str, status: int, client: str | None, api: FlaskClient
) -> None:
    key = bearer("mine")
    assert send(api, **key).status_code == 202
    before = stored()

    execute(change)
    answer = send(api, **key)

    assert (answer.status_code, answer.get_json().get("client")) == (status, client)
    assert stored() - before == (status == 202)


def test_a_revoked_key_does_not_even_learn_what_is_wrong_with_its_request(api: FlaskClient) -> None:
    key = bearer("mine")
    assert send(api, **key).status_code == 202

    execute("UPDATE api_keys SET revoked_at = now()")

    assert send(api, SMS | {"recipient": "nope"}, **key).status_code == 401


def test_a_key_that_expires_is_refused_from_that_moment_on(api: FlaskClient) -> None:
    key = bearer("mine", expires_at=utc_now() + timedelta(hours=1))
    assert send(api, **key).status_code == 202

    execute("UPDATE api_keys SET expires_at = :now", now=utc_now())

    assert send(api, **key).status_code == 401


@pytest.fixture
def refuses_odd() -> Iterator[None]:
    """The database takes no notification with the text `odd`."""
    execute("ALTER TABLE notifications ADD CONSTRAINT no_odd CHECK (body <> 'odd')")
    yield
    execute("ALTER TABLE notifications DROP CONSTRAINT no_odd")


@pytest.mark.usefixtures("refuses_odd")
def test_a_row_that_the_database_refuses_fails_alone(api: FlaskClient, turns: list[int]) -> None:
    key = bearer("mine")
    assert send(api, **key).status_code == 202

    def post(number: int) -> Any:
        return send(api.application.test_client(), SMS | {"body": "odd" if number % 5 == 0 else "even"}, **key)

    statuses = Counter(answer.status_code for answer in at_once(20, post))

    assert statuses == {500: 4, 202: 16}
    assert stored() == 17
    assert max(turns) > 1, "nobody was served together"


def test_many_clients_at_once_get_what_is_theirs_while_keys_come_and_go(api: FlaskClient, turns: list[int]) -> None:
    """16 threads of 8 clients; the keys of four of them are revoked meanwhile."""
    keys = [bearer(f"client {number}") for number in range(8)]
    answers: list[tuple[int, str, int, dict[str, Any]]] = []
    revoked = threading.Event()
    numbers = itertools.count()

    def post(thread: int) -> Any:
        own = api.application.test_client()
        for _ in range(25):
            was_revoked, body = revoked.is_set(), f"text {next(numbers)}"
            answer = send(own, SMS | {"body": body}, **keys[thread % 8])
            answers.append((thread % 8, body, answer.status_code, answer.get_json()))
            if was_revoked:
                assert answer.status_code == (401 if thread % 8 < 4 else 202)
            if len(answers) > 150 and not revoked.is_set():
                execute(f"UPDATE api_keys SET revoked_at = now() WHERE client_id IN ({FIRST_FOUR})")
                revoked.set()
        return answer

    at_once(16, post)

    accepted = {(f"client {client}", body, told["id"]) for client, body, status, told in answers if status == 202}
    with get_engine().connect() as connection:
        rows = connection.execute(
            text("SELECT c.name, n.body, n.id::text FROM notifications n JOIN clients c ON c.id = n.client_id")
        )
        assert {tuple(row) for row in rows} == accepted
    assert Counter(status for _, _, status, _ in answers).keys() == {202, 401}
    assert max(turns) > 1, "nobody was served together"
    assert audit.audit().found == []


def test_with_a_table_locked_everybody_is_told_in_the_same_turn_and_nobody_waits_twice(
    database: Configure, turns: list[int]
) -> None:
    database(SENTINEL_LOCK_TIMEOUT_SECONDS="1")
    app = application()
    assert [send(app.test_client()).status_code for _ in range(2)] == [202, 202]
    turns.clear()

    with get_engine().begin() as connection:
        connection.execute(text("LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE"))
        answers = at_once(4, lambda _: send(app.test_client()))

    assert {(each.status_code, each.headers["Retry-After"]) for each in answers} == {(503, "2")}
    assert sum(turns) == 4
    assert stored() == 2
    assert send(app.test_client()).status_code == 202


def test_events_share_a_statement_too_and_a_repeated_one_is_told_its_first_id(
    api: FlaskClient, turns: list[int]
) -> None:
    keys = [bearer(f"client {number}") for number in range(2)]
    for key in keys:
        assert send(api, {"type": "order"}, "/events", **key).status_code == 202

    def post(thread: int) -> Any:
        event = {"event_id": f"event {thread // 4}", "type": "order"}
        return send(api.application.test_client(), event, "/events", **keys[thread % 2])

    answers = [answer.get_json() for answer in at_once(16, post)]

    told = Counter((answer["event_id"], answer["status"]) for answer in answers)
    assert told == {(f"event {n}", status): 2 for n in range(4) for status in ("accepted", "duplicate")}
    assert len({answer["id"] for answer in answers}) == 8
    assert stored("events") == 10
    assert max(turns) > 1, "nobody was served together"


def test_an_event_is_heard_by_whom_its_key_allows_now(api: FlaskClient) -> None:
    key = bearer("mine", "events:write", "events:broadcast")
    assert send(api, {"type": "order"}, "/events", **key).status_code == 202

    execute("UPDATE api_keys SET scopes = '{events:write}'")
    own, for_all = send(api, {"type": "order"}, "/events", **key), send(api, {}, "/events?audience=all", **key)

    assert (own.status_code, for_all.status_code) == (202, 403)
    with get_engine().connect() as connection:
        heard = connection.execute(text("SELECT is_broadcast FROM events ORDER BY id")).scalars().all()
    assert heard == [True, False]

    execute("UPDATE api_keys SET revoked_at = now()")
    assert send(api, {"type": "order"}, "/events", **key).status_code == 401
    assert stored("events") == 2
