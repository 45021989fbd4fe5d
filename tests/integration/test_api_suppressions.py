"""`/suppressions`: add, look up, list, lift; each client its own."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.integration.calls import at_once, bearer, refused, send, stored

PATH = "/suppressions"
NUMBER = {"channel": "sms", "recipient": "+14155552671"}
MAIL = {"channel": "email", "recipient": "ann@example.com"}


def made(api: FlaskClient, body: dict[str, Any] | None = None, /, **headers: str) -> dict[str, Any]:
    response = send(api, body or NUMBER, PATH, **headers)
    assert response.status_code == 201, response.get_json()
    found: dict[str, Any] = response.get_json()
    return found


def ids(api: FlaskClient, query: str = "", **options: Any) -> list[int]:
    response = api.get(f"{PATH}{query}", **options)
    assert response.status_code == 200, response.get_json()
    return [each["id"] for each in response.get_json()]


def test_an_address_is_suppressed_in_its_one_spelling_by_whoever_asked(api: FlaskClient) -> None:
    response = send(api, {"channel": "SMS", "recipient": "+1 415 555 2671", "note": "asked by telephone"}, PATH)

    found = response.get_json()
    assert (response.status_code, response.headers["Location"]) == (201, f"{PATH}/{found['id']}")
    assert (found["channel"], found["recipient"], found["reason"]) == ("sms", "+14155552671", "manual")
    assert (found["source"], found["note"], found["client"]) == ("open mode", "asked by telephone", "default")
    assert api.get(f"{PATH}/{found['id']}").get_json() == found


def test_an_address_that_is_suppressed_already_stays_as_it_was(api: FlaskClient) -> None:
    first = made(api, NUMBER | {"reason": "opted_out"})

    again = send(api, NUMBER | {"note": "new"}, PATH)

    assert (again.status_code, again.get_json()) == (200, first)


def test_twenty_that_suppress_one_address_at_once_make_one(api: FlaskClient) -> None:
    app = api.application

    answers = at_once(20, lambda _: send(app.test_client(), NUMBER, PATH))

    assert sorted(each.status_code for each in answers) == [200] * 19 + [201]
    assert stored("suppressions") == 1


def test_a_lifted_suppression_stays_in_the_history_with_who_lifted_it(api: FlaskClient) -> None:
    found = made(api, NUMBER | {"reason": "opted_out"})

    lifted = api.delete(f"{PATH}/{found['id']}")

    assert (lifted.status_code, lifted.get_json()["lifted_by"]) == (200, "open mode")
    assert lifted.get_json()["lifted_at"] is not None
    assert "START" in lifted.get_json()["hint"]
    assert (ids(api), ids(api, "?lifted=true")) == ([], [found["id"]])
    assert api.get(f"{PATH}/{found['id']}").get_json() == lifted.get_json()


def test_of_ten_who_lift_at_once_one_does(api: FlaskClient) -> None:
    found, app = made(api), api.application

    answers = at_once(10, lambda _: app.test_client().delete(f"{PATH}/{found['id']}"))

    assert sorted(each.status_code for each in answers) == [200] + [409] * 9


def test_the_list_is_narrowed_and_paged_newest_first(api: FlaskClient) -> None:
    number, mail = made(api, NUMBER | {"reason": "bounced"})["id"], made(api, MAIL)["id"]

    assert ids(api) == [mail, number]
    assert ids(api, "?channel=sms") == [number]
    assert ids(api, "?reason=MANUAL") == [mail]
    assert ids(api, "?channel=sms&recipient=%2B1%20415%20555%202671") == [number]
    assert ids(api, "?recipient=ann%40example.com") == [mail]
    assert ids(api, "?recipient=ann%40EXAMPLE.com") == []
    assert ids(api, "?limit=1") == [mail]
    assert ids(api, f"?limit=1&cursor={mail}") == [number]
    assert refused(api.get(f"{PATH}?channel=sms&recipient=ann"))["recipient"].startswith("is not a phone number")


def test_each_item_of_a_batch_has_its_own_result(api: FlaskClient) -> None:
    made(api, MAIL | {"reason": "complaint"})
    items = [NUMBER, MAIL, {"channel": "sms"}, NUMBER | {"recipient": "+1 (415) 555-2671"}, MAIL | {"recipient": "x"}]

    response = send(api, [*items, "text"], f"{PATH}/batch")

    assert response.status_code == 207
    assert [each["status"] for each in response.get_json()] == [201, 200, 422, 200, 422, 422]
    assert [each["index"] for each in response.get_json()] == list(range(6))
    assert response.get_json()[1]["suppression"]["reason"] == "complaint"
    assert response.get_json()[2]["errors"][0]["field"] == "recipient"
    assert stored("suppressions") == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"recipient": "nobody"}, "recipient"),
        ({"reason": "because"}, "reason"),
        ({"note": "n" * 1001}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"until": "tomorrow"}, "until"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(api: FlaskClient, change: dict[str, str], field: str) -> None:
    assert field in refused(send(api, NUMBER | change, PATH))
    assert stored("suppressions") == 0


def test_reading_and_writing_take_their_scopes(api: FlaskClient) -> None:
    reading, writing = bearer("shop", "suppressions:read"), bearer("shop", "suppressions:write")
    found = made(api, **writing)["id"]

    assert ids(api, headers=reading) == [found]
    assert send(api, NUMBER, PATH, **reading).status_code == 403
    assert api.get(PATH, headers=writing).status_code == 403
    assert api.delete(f"{PATH}/{found}", headers=reading).status_code == 403


def test_another_clients_suppressions_are_neither_seen_nor_lifted(api: FlaskClient) -> None:
    mine, theirs = bearer("shop"), bearer("bank")
    found = made(api, **mine)["id"]

    assert ids(api, "?lifted=true", headers=theirs) == []
    assert api.get(f"{PATH}/{found}", headers=theirs).status_code == 404
    assert api.delete(f"{PATH}/{found}", headers=theirs).status_code == 404
    assert made(api, **theirs)["id"] != found
    assert ids(api, headers=mine) == [found]


def test_a_client_is_removed_with_its_suppressions(api: FlaskClient) -> None:
    made(api, **bearer("shop"))
    (shop,) = [each["id"] for each in api.get("/clients").get_json() if each["name"] == "shop"]

    assert api.delete(f"/clients/{shop}").status_code == 204
    assert stored("suppressions") == 0
