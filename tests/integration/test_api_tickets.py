"""/tickets: the newest first, narrowed, acknowledged and resolved by one person only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.app import create_app
from sentinel.clock import utc_now
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, refused
from tests.integration.test_tickets import opened, rows, ticket


def open_ticket(**changes: Any) -> int:
    """Open one; its id."""
    opened(ticket(**changes))
    return rows()[-1].id


def ids(response: TestResponse) -> list[int]:
    assert response.status_code == 200, response.get_json()
    return [each["id"] for each in response.get_json()]


def patch(api: FlaskClient, ticket_id: int, status: str, **more: Any) -> TestResponse:
    return api.patch(f"/tickets/{ticket_id}", json={"status": status} | more)


def test_a_ticket_is_shown_with_all_that_a_console_needs(api: FlaskClient) -> None:
    wanted = ticket(merge_key="dev-1")
    opened(wanted)

    shown = api.get(f"/tickets/{rows()[0].id}").get_json()

    assert {name: shown[name] for name in ("client", "status", "severity", "title", "reason", "device_id")} == {
        "client": "default",
        "status": "open",
        "severity": "critical",
        "title": "Device offline",
        "reason": "Device offline",
        "device_id": "dev-1",
    }
    assert (shown["event_id"], shown["rule_id"], shown["events"], shown["version"]) == (wanted.event_id, 1, 1, 1)
    assert shown["created_at"].endswith("Z")
    assert shown["acknowledged_at"] is shown["resolved_by"] is None


def test_without_tickets_the_lists_are_empty_arrays(api: FlaskClient) -> None:
    assert api.get("/tickets").get_json() == []
    assert api.get("/tickets/recent").get_json() == []


def test_recent_shows_the_newest_fifty_first(api: FlaskClient) -> None:
    opened(*[ticket(title=str(number)) for number in range(60)])
    newest_first = [found.id for found in rows()][::-1]

    assert ids(api.get("/tickets/recent")) == newest_first[:50]


@pytest.mark.parametrize(
    "limit", ["", "0", "-1", "201", "9" * 5000, "ten", "5.5", "%00", "²", "1e2", "+5", "0x10", "NaN"]
)
def test_a_limit_that_cannot_be_meant_is_fifty(limit: str, api: FlaskClient) -> None:
    opened(*[ticket() for _ in range(60)])

    assert len(ids(api.get(f"/tickets/recent?limit={limit}"))) == 50


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("7", 7), ("200", 60)])
def test_a_limit_in_range_is_kept(limit: str, count: int, api: FlaskClient) -> None:
    opened(*[ticket() for _ in range(60)])

    assert len(ids(api.get(f"/tickets/recent?limit={limit}"))) == count


def test_the_list_is_narrowed_and_its_pages_meet_every_ticket_once(api: FlaskClient) -> None:
    wanted = [open_ticket(severity="high", device_id="dev-2") for _ in range(5)]
    open_ticket(severity="high")
    open_ticket(severity="low", device_id="dev-2")
    patch(api, open_ticket(severity="high", device_id="dev-2"), "resolved")

    met, address = [], "/tickets?status=OPEN&severity=High&device_id=dev-2&limit=2"
    for _ in range(3):
        page = api.get(address)
        met += ids(page)
        address = page.headers.get("Link", "<").partition(">")[0].removeprefix("<")

    assert met == wanted[::-1]
    assert address == ""


def test_unresolved_means_open_or_acknowledged(api: FlaskClient) -> None:
    first, second, third = (open_ticket() for _ in range(3))
    patch(api, second, "acknowledged")
    patch(api, third, "resolved")

    assert ids(api.get("/tickets?status=unresolved")) == [second, first]
    assert ids(api.get("/tickets?status=acknowledged")) == [second]
    assert ids(api.get("/tickets?status=resolved")) == [third]


def test_since_means_opened_since(api: FlaskClient) -> None:
    old, new = open_ticket(), open_ticket()
    execute("UPDATE tickets SET created_at = :at WHERE id = :id", at=utc_now() - timedelta(hours=2), id=old)

    assert ids(api.get("/tickets?since=1h")) == [new]
    assert ids(api.get("/tickets?since=3h")) == [new, old]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("severity=urgent", "severity"),
        ("device_id=%00", "device_id"),
        ("since=yesterday", "since"),
        ("cursor=-1", "cursor"),
        ("cursor=2147483648", "cursor"),
        ("limit=0", "limit"),
        ("sevrity=high", "sevrity"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(query: str, field: str, api: FlaskClient) -> None:
    response = api.get(f"/tickets?{query}")

    assert response.status_code == 422
    assert set(refused(response)) == {field}


@pytest.mark.parametrize("ticket_id", ["0", "999999", "2147483648", "9" * 40, "x", "-1"])
def test_an_id_that_there_is_not_is_404(ticket_id: str, api: FlaskClient) -> None:
    assert api.get(f"/tickets/{ticket_id}").status_code == 404
    assert api.patch(f"/tickets/{ticket_id}", json={"status": "resolved"}).status_code == 404


def test_who_and_when_are_kept(api: FlaskClient) -> None:
    made = open_ticket()

    taken = patch(api, made, "Acknowledged", by="ann").get_json()
    done = patch(api, made, "resolved").get_json()

    assert (taken["status"], taken["acknowledged_by"], taken["resolved_at"]) == ("acknowledged", "ann", None)
    assert (done["status"], done["acknowledged_by"], done["resolved_by"]) == ("resolved", "ann", "open mode")
    assert done["acknowledged_at"] == taken["acknowledged_at"] < done["resolved_at"]
    assert done["version"] == 3
    assert api.get(f"/tickets/{made}").get_json() == done


def test_a_note_stays_in_the_timeline(api: FlaskClient) -> None:
    ticket_id = open_ticket()

    patch(api, ticket_id, "resolved", by="ann", note="disk replaced")

    said = api.get(f"/tickets/{ticket_id}/timeline").get_json()[-1]
    assert (said["event"], said["detail"]) == ("resolved", {"by": "ann", "how": "api", "note": "disk replaced"})
    assert refused(patch(api, ticket_id, "resolved", note="x" * 1001)).keys() == {"note"}


def test_with_a_key_the_key_is_who_did_it(api: FlaskClient) -> None:
    made = open_ticket()
    key = bearer("default", "tickets:write")

    done = api.patch(f"/tickets/{made}", json={"status": "resolved"}, headers=key).get_json()

    assert done["resolved_by"] == key["Authorization"].removeprefix("Bearer ")[:12]


@pytest.mark.parametrize(
    ("before", "then", "says"),
    [
        (["acknowledged"], "acknowledged", "was acknowledged by open mode at "),
        (["resolved"], "acknowledged", "only what is open can be acknowledged"),
        (["acknowledged", "resolved"], "resolved", "was resolved by open mode at "),
    ],
)
def test_a_move_that_is_not_possible_says_why(before: list[str], then: str, says: str, api: FlaskClient) -> None:
    made = open_ticket()
    for status in before:
        assert patch(api, made, status).status_code == 200
    stands = api.get(f"/tickets/{made}").get_json()

    response = patch(api, made, then)

    assert response.status_code == 409
    assert says in response.get_json()["message"]
    assert api.get(f"/tickets/{made}").get_json() == stands


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "open"}, "status"),
        ({"status": "closed"}, "status"),
        ({"status": "resolved", "by": ""}, "by"),
        ({"status": "resolved", "by": "a\nb"}, "by"),
        ({"status": "resolved", "by": "\u0000"}, "by"),
        ({"status": "resolved", "version": "1"}, "version"),
        ({"status": "resolved", "severity": "low"}, "severity"),
    ],
)
def test_a_bad_body_is_refused_by_its_field(body: dict[str, Any], field: str, api: FlaskClient) -> None:
    made = open_ticket()

    response = api.patch(f"/tickets/{made}", json=body)

    assert response.status_code == 422
    assert set(refused(response)) == {field}
    assert api.get(f"/tickets/{made}").get_json()["status"] == "open"


def test_a_stale_version_is_refused_and_told_the_present_one(api: FlaskClient) -> None:
    made = open_ticket(merge_key="k", severity="low")
    opened(ticket(merge_key="k", severity="critical"))

    stale = patch(api, made, "resolved", version=1)

    assert stale.status_code == 409
    assert f"ticket {made} is version 2 by now, not 1" in stale.get_json()["message"]
    assert patch(api, made, "resolved", version=2).status_code == 200


def test_of_twenty_at_once_one_wins(database: Configure) -> None:
    app, made = create_app(), open_ticket()

    def acknowledge(number: int) -> tuple[int, str]:
        return patch(app.test_client(), made, "acknowledged", by=f"person-{number}").status_code, f"person-{number}"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(acknowledge, range(20)))

    winners = [who for code, who in answers if code == 200]
    assert sorted({code for code, _ in answers}) == [200, 409]
    assert winners == [app.test_client().get(f"/tickets/{made}").get_json()["acknowledged_by"]]


def test_another_clients_tickets_are_neither_listed_nor_shown_nor_moved(api: FlaskClient) -> None:
    made = open_ticket()
    key = bearer("shop")

    assert ids(api.get("/tickets", headers=key)) == ids(api.get("/tickets/recent", headers=key)) == []
    assert api.get(f"/tickets/{made}", headers=key).status_code == 404
    assert api.patch(f"/tickets/{made}", json={"status": "resolved"}, headers=key).status_code == 404
    assert ids(api.get("/tickets?client=shop")) == []
    assert ids(api.get("/tickets", headers=bearer("admins", "tickets:read", "admin"))) == []
    assert ids(api.get("/tickets?client=default", headers=bearer("admins", "tickets:read", "admin"))) == [made]


def test_reading_does_not_allow_moving(api: FlaskClient) -> None:
    made, key = open_ticket(), bearer("default", "tickets:read")

    assert ids(api.get("/tickets", headers=key)) == [made]
    assert api.patch(f"/tickets/{made}", json={"status": "resolved"}, headers=key).status_code == 403
    assert api.get("/tickets", headers=bearer("default", "tickets:write")).status_code == 403


def test_what_succeeds_is_as_described(api: FlaskClient) -> None:
    made = open_ticket()
    described = schemathesis.openapi.from_wsgi("/openapi.json", api.application)
    item = "/tickets/{ticket_id}"
    answers = [
        ("/tickets", "GET", api.get("/tickets")),
        ("/tickets/recent", "GET", api.get("/tickets/recent")),
        ("/stats", "GET", api.get("/stats")),
        (item, "GET", api.get(f"/tickets/{made}")),
        (item, "PATCH", patch(api, made, "acknowledged")),
        (item, "PATCH", patch(api, made, "resolved")),
    ]

    for path, method, response in answers:
        assert response.status_code == 200, (method, path)
        described[path][method].validate_response(response)
