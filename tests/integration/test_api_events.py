"""POST /events: any JSON object, once."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.app import create_app
from sentinel.clock import utc_now
from sentinel.db import new_session
from sentinel.dispatcher import get_dispatcher
from sentinel.embedded.servers import Servers
from sentinel.models import Event
from tests.conftest import Configure
from tests.integration.calls import at_once, bearer, refused, send, send_raw, stored

EVENTS = "/events"
ORDER: dict[str, Any] = {"type": "order", "amount": 750}


def kept(response: TestResponse) -> Event:
    """The row behind an answer."""
    assert response.status_code == 202, response.get_json()
    with new_session() as session:
        return session.scalars(select(Event).where(Event.id == response.get_json()["id"])).one()


def test_an_event_is_stored_before_the_answer(api: FlaskClient) -> None:
    response = send(api, ORDER, EVENTS)

    row = kept(response)
    assert response.get_json() == {"event_id": row.id, "id": row.id, "status": "accepted"}
    assert response.headers["Location"] == f"/events/{row.id}"
    assert (row.status, row.type, row.body, row.event_id) == ("PENDING", "order", ORDER, None)
    assert row.queue_at is not None
    assert row.queue_at > row.created_at == row.occurred_at


def test_the_known_fields_have_columns_and_the_body_stays_as_it_was_sent(api: FlaskClient) -> None:
    known = {"type": "t", "source": "api", "name": "timeout", "user_id": "u", "device_id": "d"}
    body = known | {"alert_id": "a-1", "severity": "HIGH", "context": {"tags": ["x", {"y": None}]}, "Größe": 1.5}

    response = send(api, body, EVENTS)

    row = kept(response)
    assert {name: getattr(row, name) for name in known} == known
    assert (row.event_id, row.severity, row.body) == ("a-1", "high", body)
    assert response.get_json()["event_id"] == "a-1"


def test_a_severity_of_ones_own_is_kept(api: FlaskClient) -> None:
    assert kept(send(api, {"severity": "P1"}, EVENTS)).severity == "p1"


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_are_the_same_as_missing(nothing: str | None, api: FlaskClient) -> None:
    names = ("event_id", "alert_id", "type", "severity", "source", "name", "user_id", "device_id", "occurred_at", "ts")

    rows = [kept(send(api, dict.fromkeys(names, nothing), EVENTS)) for _ in range(2)]

    assert {getattr(row, name) for row in rows for name in names if hasattr(row, name) and name != "occurred_at"} == {
        None
    }
    assert all(row.occurred_at == row.created_at for row in rows)


def test_event_id_counts_before_alert_id(api: FlaskClient) -> None:
    assert kept(send(api, {"alert_id": "a", "event_id": "e"}, EVENTS)).event_id == "e"


@pytest.mark.parametrize("name", ["event_id", "alert_id", "type", "severity", "source", "name", "user_id", "device_id"])
@pytest.mark.parametrize("value", [5, 1.5, True, [], {}, "x" * 256])
def test_a_known_field_of_another_kind_is_refused(name: str, value: Any, api: FlaskClient) -> None:
    response = send(api, {name: value}, EVENTS)

    assert response.status_code == 422
    assert set(refused(response)) == {name}
    assert stored("events") == 0


def test_every_refused_field_is_named(api: FlaskClient) -> None:
    response = send(api, {"type": 5, "source": [], "ts": "yesterday", "name": "fine"}, EVENTS)

    assert refused(response) == {"type": "is not a text", "source": "is not a text", "ts": "is not a time"}


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123456789+05:30", "2026-01-01T21:34:05.123456+00:00"),
        ("2026-01-02 03:04:05-08:00", "2026-01-02T11:04:05+00:00"),
        (1_767_323_045, "2026-01-02T03:04:05+00:00"),
        (1_767_323_045.5, "2026-01-02T03:04:05.500000+00:00"),
        (1_767_323_045_123, "2026-01-02T03:04:05.123000+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (-1, "1969-12-31T23:59:59+00:00"),
    ],
)
@pytest.mark.parametrize("name", ["occurred_at", "ts"])
def test_the_time_of_the_event_may_be_written_in_several_ways(
    name: str, value: Any, meant: str, api: FlaskClient
) -> None:
    row = kept(send(api, {name: value}, EVENTS))

    assert row.occurred_at == datetime.fromisoformat(meant)
    assert row.body == {name: value}


def test_occurred_at_counts_before_ts(api: FlaskClient) -> None:
    row = kept(send(api, {"ts": 0, "occurred_at": 1}, EVENTS))

    assert row.occurred_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-02T03:04:05",
        "2026-01-02",
        "02.01.2026",
        "1767323045",
        "0001-01-01T00:00:00+05:00",
        "now",
        True,
        [],
        {},
        1e300,
        -1e300,
        2**63,
    ],
)
@pytest.mark.parametrize("name", ["occurred_at", "ts"])
def test_a_time_that_cannot_be_read_is_refused_with_a_remedy(name: str, value: Any, api: FlaskClient) -> None:
    response = send(api, {name: value}, EVENTS)

    assert response.status_code == 422
    assert refused(response) == {name: "is not a time"}
    assert "2026-11-20T18:00:00Z" in response.get_json()["errors"][0]["remedy"]


def test_a_day_ahead_is_a_clock_and_more_is_a_mistake(api: FlaskClient) -> None:
    day = timedelta(days=1)

    assert send(api, {"ts": (utc_now() + day - timedelta(minutes=1)).isoformat()}, EVENTS).status_code == 202
    response = send(api, {"ts": (utc_now() + day + timedelta(minutes=1)).isoformat()}, EVENTS)

    assert response.status_code == 422
    assert refused(response) == {"ts": "lies more than a day in the future"}


@pytest.mark.parametrize(("body", "status"), [(b"[1]", 422), (b"5", 422), (b"null", 422), (b"{bad", 400), (b"", 400)])
def test_what_is_no_json_object_is_refused(body: bytes, status: int, api: FlaskClient) -> None:
    response = send_raw(api, body, EVENTS)

    assert response.status_code == status
    assert refused(response) == ({"request": "is not an object"} if status == 422 else {})
    assert stored("events") == 0


def test_an_empty_object_is_an_event(api: FlaskClient) -> None:
    assert kept(send(api, {}, EVENTS)).body == {}


@pytest.mark.parametrize("body", [{"a": "\0"}, {"\0": 1}, {"a": [{"b": ["x\0y"]}]}, {"type": "\0"}])
@pytest.mark.parametrize("path", [EVENTS, "/v1/alerts"])
def test_a_nul_character_is_refused(path: str, body: Any, api: FlaskClient) -> None:
    response = send(api, body | {"user_id": "u"}, path)

    assert response.status_code == 422
    assert refused(response) == {"request": "contains a NUL character, which cannot be stored"}


def test_a_backslash_before_u0000_is_no_nul_character(api: FlaskClient) -> None:
    body = {"path": r"C:\u0000"}

    assert kept(send(api, body, EVENTS)).body == body


@pytest.mark.parametrize(
    "value",
    [1e308, -1e308, 5e-324, 0.1, 2**63 - 1, -(2**63), 2**64 - 1, True, "\U0001f600 \x7f\t", {"": {"": []}}, [[None]]],
)
def test_any_value_comes_back_as_it_was_sent(value: Any, api: FlaskClient) -> None:
    address = send(api, {"value": value}, EVENTS).headers["Location"]

    assert api.get(address).get_json()["body"] == {"value": value}


def test_an_event_may_have_64_levels(api: FlaskClient) -> None:
    deepest, deeper = (b'{"a":' * levels + b"1" + b"}" * levels for levels in (64, 65))

    response = send_raw(api, deepest, EVENTS)

    assert api.get(response.headers["Location"]).get_json()["body"] == json.loads(deepest)
    assert api.get(EVENTS).status_code == 200
    assert send_raw(api, deeper, EVENTS).status_code == 400


def test_the_size_of_an_event_is_bounded(database: Configure) -> None:
    database(SENTINEL_MAX_BODY_BYTES="1000")
    api = create_app().test_client()

    assert send(api, {"a": "x" * 900}, EVENTS).status_code == 202
    assert send(api, {"a": "x" * 1000}, EVENTS).status_code == 413


def test_the_same_id_again_is_a_duplicate_of_the_first(api: FlaskClient) -> None:
    first = send(api, ORDER | {"event_id": "o-1"}, EVENTS)
    again = send(api, {"alert_id": "o-1", "other": True}, EVENTS)

    assert again.status_code == 202
    assert again.get_json() == first.get_json() | {"status": "duplicate"}
    assert again.headers["Location"] == first.headers["Location"]
    assert kept(first).body == ORDER | {"event_id": "o-1"}
    assert stored("events") == 1


def test_the_same_content_without_an_id_is_not_a_duplicate(api: FlaskClient) -> None:
    answers = [send(api, ORDER, EVENTS).get_json() for _ in range(2)]

    assert [each["status"] for each in answers] == ["accepted", "accepted"]
    assert stored("events") == 2


def test_another_client_may_use_the_same_id(api: FlaskClient) -> None:
    answers = [send(api, {"event_id": "o-1"}, EVENTS, **bearer(name)).get_json() for name in ("mine", "theirs")]

    assert [each["status"] for each in answers] == ["accepted", "accepted"]
    assert answers[0]["id"] != answers[1]["id"]


def test_twenty_at_once_are_one_event(database: Configure) -> None:
    app = create_app()

    answers = at_once(20, lambda _: send(app.test_client(), {"event_id": "o-1"}, EVENTS))

    found = [each.get_json() for each in answers]
    assert [each.status_code for each in answers] == [202] * 20
    assert stored("events") == 1
    assert len({each["id"] for each in found}) == 1
    assert sorted(each["status"] for each in found) == ["accepted"] + ["duplicate"] * 19


def test_a_repeated_request_gets_the_original_answer(api: FlaskClient) -> None:
    first = send(api, ORDER, EVENTS, Idempotency_Key="k")
    again = send(api, ORDER, EVENTS, Idempotency_Key="k")

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stored("events") == 1


@pytest.mark.parametrize(("body", "query"), [(ORDER | {"amount": 1}, ""), (ORDER, "?audience=own")])
def test_another_request_under_the_same_key_is_refused(body: Any, query: str, api: FlaskClient) -> None:
    send(api, ORDER, EVENTS, Idempotency_Key="k")

    response = send(api, body, EVENTS + query, Idempotency_Key="k")

    assert response.status_code == 422
    assert refused(response) == {"Idempotency-Key": "was already used for a different request"}


@pytest.mark.parametrize(
    ("scopes", "query", "is_broadcast"),
    [
        ((), "", False),
        ((), "?audience=own", False),
        (("events:write", "events:broadcast"), "", True),
        (("events:write", "events:broadcast"), "?audience=own", False),
        (("events:write", "events:broadcast"), "?audience=all", True),
        (("events:write", "admin"), "", True),
        (("events:write", "admin"), "?audience=all", True),
        (("events:write", "admin"), "?client=default&audience=own", False),
    ],
)
@pytest.mark.parametrize("is_batch", [False, True])
def test_who_hears_an_event_follows_from_the_key_and_the_audience(
    scopes: tuple[str, ...], query: str, api: FlaskClient, *, is_broadcast: bool, is_batch: bool
) -> None:
    key = bearer("mine", *scopes)

    if is_batch:
        send(api, [ORDER], f"/events/batch{query}", **key)
    else:
        send(api, ORDER, EVENTS + query, **key)

    with new_session() as session:
        assert list(session.scalars(select(Event.is_broadcast))) == [is_broadcast]


def test_in_open_mode_everybody_hears_it(api: FlaskClient) -> None:
    assert kept(send(api, ORDER, EVENTS)).is_broadcast
    assert not kept(send(api, ORDER, f"{EVENTS}?audience=own")).is_broadcast


def test_all_clients_are_not_for_every_key(api: FlaskClient) -> None:
    response = send(api, ORDER, f"{EVENTS}?audience=all", **bearer("mine"))

    assert response.status_code == 403
    assert "events:broadcast" in response.get_json()["message"]
    assert stored("events") == 0


@pytest.mark.parametrize(("query", "field"), [("?audience=everyone", "audience"), ("?audence=own", "audence")])
@pytest.mark.parametrize("path", [EVENTS, "/events/batch"])
def test_a_mistyped_audience_tells_nobody(query: str, field: str, path: str, api: FlaskClient) -> None:
    response = send(api, [ORDER] if "batch" in path else ORDER, path + query)

    assert response.status_code == 422
    assert set(refused(response)) == {field}
    assert stored("events") == 0


@pytest.mark.parametrize("path", [EVENTS, "/events/batch", "/v1/alerts"])
def test_a_key_needs_the_scope_to_write_events(path: str, api: FlaskClient) -> None:
    response = send(api, {}, path, **bearer("mine", "events:read")) if "batch" not in path else None
    response = response or send(api, [{}], path, **bearer("mine", "events:read"))

    assert response.status_code == 403
    assert "events:write" in response.get_json()["message"]


def test_what_was_stored_is_queued_once_and_counted(api: FlaskClient, servers: Servers) -> None:
    new = send(api, {"event_id": "o-1"}, EVENTS).get_json()["id"]
    send(api, {"event_id": "o-1"}, EVENTS)
    get_dispatcher().close()
    metrics.flush()

    with redis.Redis.from_url(servers.redis_url) as store:
        messages = [
            each for name in store.keys("*") if store.type(name) == b"list" for each in store.lrange(name, 0, -1)
        ]
        counted = store.hgetall(metrics.HASH)
    assert sum(new.encode() in _payload(each) for each in messages) == 1
    ingested = [float(count) for name, count in counted.items() if b"events_ingested_total" in name]
    assert ingested == [1.0]


def _payload(message: bytes) -> bytes:
    return base64.b64decode(json.loads(message)["body"])
