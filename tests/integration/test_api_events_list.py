"""GET /events and /events/{id}: what a client may see, and how it is narrowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.models.event import EventStatus
from tests.integration.calls import bearer, execute, refused, send
from tests.integration.conftest import Accept

EVENTS = "/events"
UNKNOWN_ID = "0199f0c2-7c1e-7e4b-9d55-0242ac120002"
OWN = f"{EVENTS}?audience=own"

AddRule = Callable[..., int]


def ids(response: TestResponse) -> list[str]:
    """The ids of a page."""
    assert response.status_code == 200, response.get_json()
    return [each["id"] for each in response.get_json()]


def post(
    api: FlaskClient, body: dict[str, Any] | None = None, path: str = OWN, *, key: dict[str, str] | None = None
) -> str:
    """Take in an event; returns our id."""
    found: str = send(api, body or {}, path, **(key or {})).get_json()["id"]
    return found


def end(event_id: str, *rule_ids: int, unheard: str = "{}") -> None:
    """Note what matching found."""
    execute(
        "UPDATE events SET status = :status, queue_at = NULL, evaluated_at = :now, unheard = CAST(:unheard AS jsonb), "
        "rule_ids = :rule_ids WHERE id = :id",
        id=event_id,
        now=utc_now(),
        unheard=unheard,
        rule_ids=list(rule_ids),
        status=EventStatus.MATCHED if rule_ids else EventStatus.UNMATCHED,
    )


@pytest.fixture
def add_rule() -> AddRule:
    """Make a rule of a client; returns its id."""
    names = (f"rule {number}" for number in range(100))

    def made(client: str) -> int:
        with get_engine().begin() as connection:
            found: int = connection.execute(
                text(
                    "INSERT INTO rules (client_id, name, text, syntax, version, created_at, updated_at) "
                    "SELECT id, :name, '', '[]', 1, now(), now() FROM clients WHERE name = :client RETURNING id"
                ),
                {"name": next(names), "client": client},
            ).scalar_one()
            return found

    return made


def test_an_event_is_shown_as_it_stands(api: FlaskClient, add_rule: AddRule) -> None:
    rule = add_rule("default")
    body = {"event_id": "o-1", "type": "order", "severity": "HIGH", "user_id": "u", "ts": 0, "amount": 750}
    known = post(api, body)
    end(known, rule, unheard=f'{{"throttled": [{rule}]}}')

    shown = api.get(f"/events/{known}").get_json()

    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("evaluated_at").endswith("Z")
    assert shown == {
        "id": known,
        "event_id": "o-1",
        "client": "default",
        "status": "MATCHED",
        "reason": None,
        "type": "order",
        "severity": "high",
        "source": None,
        "name": None,
        "user_id": "u",
        "device_id": None,
        "occurred_at": "1970-01-01T00:00:00Z",
        "is_broadcast": False,
        "is_addressed": False,
        "rule_ids": [rule],
        "unheard": {"throttled": [rule]},
        "body": body,
        "notifications": 0,
    }


@pytest.mark.parametrize("sender_id", ["o-1", "a b", "é", "Größe?&", UNKNOWN_ID, "x" * 255])
def test_a_list_is_narrowed_to_the_senders_id(sender_id: str, api: FlaskClient) -> None:
    known = post(api, {"event_id": sender_id})

    assert ids(api.get("/events", query_string={"event_id": sender_id})) == [known]


@pytest.mark.parametrize("sender_id", ["o-1", "a b", "é", UNKNOWN_ID])
def test_the_address_may_hold_the_senders_id(sender_id: str, api: FlaskClient) -> None:
    known = post(api, {"event_id": sender_id})

    assert api.get(f"/events/{sender_id}").get_json()["id"] == known


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "nope", "x%00y", "%00", "é", "x" * 5000, "batch"])
def test_an_unknown_event_is_a_404(unknown: str, api: FlaskClient) -> None:
    post(api)

    response = api.get(f"/events/{unknown}")

    assert response.status_code == 404
    assert refused(response) == {}


def test_notifications_of_the_event_are_counted(api: FlaskClient, accept: Accept) -> None:
    known, other = post(api), post(api)
    for recipient in ("+14155550001", "+14155550002"):
        execute(
            "UPDATE notifications SET event_id = :event WHERE id = :id", event=known, id=accept(recipient=recipient)
        )

    assert api.get(f"/events/{known}").get_json()["notifications"] == 2
    assert api.get(f"/events/{other}").get_json()["notifications"] == 0


def test_no_events_are_an_empty_array(api: FlaskClient) -> None:
    assert api.get(EVENTS).get_json() == []


def test_the_newest_come_first(api: FlaskClient) -> None:
    known = [post(api) for _ in range(3)]

    assert ids(api.get(EVENTS)) == known[::-1]


def test_following_the_pages_meets_every_event_once(api: FlaskClient, add_rule: AddRule) -> None:
    mine, rule = bearer("mine"), add_rule("mine")
    known = []
    for number in range(30):
        if number % 3:
            known.append(post(api, path=EVENTS))
            end(known[-1], rule)
        else:
            known.append(post(api, key=mine))

    met = list(_pages(api, f"{EVENTS}?limit=7", mine))

    assert [len(page) for page in met] == [7, 7, 7, 7, 2]
    assert [each for page in met for each in page] == known[::-1]


def _pages(api: FlaskClient, address: str, key: dict[str, str]) -> Iterator[list[str]]:
    for _ in range(10):
        response = api.get(address, headers=key)
        yield ids(response)
        if "Link" not in response.headers:
            return
        address = response.headers["Link"].partition(">")[0].removeprefix("<")
    pytest.fail("no end")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("status=PENDING", [3]),
        ("status=matched,unmatched", [2, 1, 0]),
        ("type=order", [1, 0]),
        ("severity=HIGH", [0]),
        ("source=api", [1]),
        ("name=timeout", [1]),
        ("user_id=u", [2]),
        ("device_id=d", [2]),
        ("event_id=e-2", [2]),
        ("type=order&source=api", [1]),
        ("type=order&source=db", []),
        ("since=1h", [3, 2, 1, 0]),
        ("since=2099-01-01T00:00:00Z", []),
        ("limit=1", [3]),
    ],
)
def test_a_list_is_narrowed(query: str, wanted: list[int], api: FlaskClient, add_rule: AddRule) -> None:
    bodies: list[dict[str, Any]] = [
        {"type": "order", "severity": "high"},
        {"type": "order", "source": "api", "name": "timeout"},
        {"user_id": "u", "device_id": "d", "event_id": "e-2"},
        {"type": "other"},
    ]
    known = [post(api, body) for body in bodies]
    end(known[0], add_rule("default"))
    end(known[1], add_rule("default"))
    end(known[2])

    assert ids(api.get(f"{EVENTS}?{query}")) == [known[place] for place in wanted]


def test_a_list_is_narrowed_to_a_rule_that_spoke(api: FlaskClient, add_rule: AddRule) -> None:
    first, second = add_rule("default"), add_rule("default")
    known = [post(api) for _ in range(3)]
    end(known[0], first)
    end(known[1], first, second)

    assert ids(api.get(f"{EVENTS}?rule={first}")) == [known[1], known[0]]
    assert ids(api.get(f"{EVENTS}?rule={second}")) == [known[1]]
    assert ids(api.get(f"{EVENTS}?rule=2147483647")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=open", "status"),
        ("status=", "status"),
        ("rule=x", "rule"),
        ("rule=0", "rule"),
        ("rule=2147483648", "rule"),
        ("since=yesterday", "since"),
        ("limit=201", "limit"),
        ("cursor=5", "cursor"),
        ("name=%00", "name"),
        ("severity=%00", "severity"),
        ("sverity=high", "sverity"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused(query: str, field: str, api: FlaskClient) -> None:
    response = api.get(f"{EVENTS}?{query}")

    assert response.status_code == 422
    assert set(refused(response)) == {field}


def test_a_client_sees_its_own_events_and_all_broadcasts_with_its_own_rules_only(
    api: FlaskClient, add_rule: AddRule
) -> None:
    mine, theirs = bearer("mine"), bearer("theirs")
    my_rule, their_rule = add_rule("mine"), add_rule("theirs")
    own = post(api, key=mine)
    heard, not_heard, private = post(api, path=EVENTS), post(api, path=EVENTS), post(api)
    for event in (heard, private):
        end(
            event,
            their_rule,
            my_rule,
            unheard=f'{{"throttled": [{their_rule}, {my_rule}], "silenced": [{their_rule}]}}',
        )
    end(not_heard, their_rule)

    assert ids(api.get(EVENTS, headers=mine)) == [not_heard, heard, own]
    assert ids(api.get(EVENTS, headers=theirs)) == [not_heard, heard]
    assert api.get(f"/events/{own}", headers=theirs).status_code == 404
    assert api.get(f"/events/{private}", headers=mine).status_code == 404
    assert api.get(f"/events/{not_heard}", headers=mine).get_json()["rule_ids"] == []
    shown = api.get(f"/events/{heard}", headers=mine).get_json()
    assert (shown["client"], shown["rule_ids"], shown["unheard"]) == ("default", [my_rule], {"throttled": [my_rule]})
    assert api.get(EVENTS, headers=mine).get_json()[1] == {
        name: value for name, value in shown.items() if name != "notifications"
    }


def test_the_sender_does_not_learn_whose_other_rules_heard_it(api: FlaskClient, add_rule: AddRule) -> None:
    bearer("theirs")
    their_rule = add_rule("theirs")
    known = post(api, path=EVENTS)
    end(known, their_rule)

    assert api.get(f"/events/{known}").get_json()["rule_ids"] == []
    assert ids(api.get(f"{EVENTS}?rule={their_rule}")) == []


def test_what_a_deleted_rule_heard_stays_in_sight(api: FlaskClient, add_rule: AddRule) -> None:
    mine, rule = bearer("mine"), add_rule("mine")
    known = post(api, path=EVENTS)
    end(known, rule)
    execute(
        "INSERT INTO rule_versions SELECT id, version, client_id, 'deleted', name, text, false, 'test', now() "
        "FROM rules WHERE id = :id",
        id=rule,
    )
    execute("DELETE FROM rules WHERE id = :id", id=rule)

    assert ids(api.get(f"{EVENTS}?rule={rule}", headers=mine)) == [known]


def test_another_clients_id_of_an_event_finds_nothing(api: FlaskClient) -> None:
    post(api, {"event_id": "o-1"}, key=bearer("theirs"))

    assert api.get("/events/o-1").status_code == 404
    assert ids(api.get(f"{EVENTS}?event_id=o-1")) == []


def test_an_operator_reads_as_another_client(api: FlaskClient) -> None:
    known = post(api, key=bearer("theirs"))
    admin = bearer("operators", "events:read", "admin")

    assert ids(api.get(f"{EVENTS}?client=theirs", headers=admin)) == [known]
    assert api.get(f"/events/{known}?client=theirs", headers=admin).status_code == 200
    assert api.get(f"{EVENTS}?client=theirs", headers=bearer("mine")).status_code == 403


@pytest.mark.parametrize("path", [EVENTS, f"/events/{UNKNOWN_ID}"])
def test_a_key_needs_the_scope_to_read_events(path: str, api: FlaskClient) -> None:
    response = api.get(path, headers=bearer("mine", "events:write"))

    assert response.status_code == 403
    assert "events:read" in response.get_json()["message"]
