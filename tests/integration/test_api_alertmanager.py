"""Alertmanager's API: its shapes, its filters, its errors, and whose alerts they are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel.app import create_app
from sentinel.clock import utc_now, written
from sentinel.json_bounds import DEEPEST
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, send_raw, stored

ALERTS, SILENCES = "/api/v2/alerts", "/api/v2/silences"


def at(seconds: float) -> str:
    """A moment so many seconds from now."""
    return written(utc_now() + timedelta(seconds=seconds))


def alert(**labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": "DiskFull"} | labels, "startsAt": at(-60), "endsAt": at(240)}


def silence(*matchers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    wanted = {"startsAt": at(-5), "endsAt": at(3600), "createdBy": "ann", "comment": "new disks"} | changes
    return wanted | {"matchers": list(matchers) or [matcher("alertname", "DiskFull")]}


def matcher(name: str, value: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True} | changes


def posted(api: FlaskClient, body: Any, path: str = ALERTS, status: int = 200, **options: Any) -> TestResponse:
    response = api.post(path, json=body, **options)
    assert response.status_code == status, response.text
    return response


def silenced(api: FlaskClient, *matchers: dict[str, Any], **changes: Any) -> str:
    found: str = posted(api, silence(*matchers, **changes), SILENCES).get_json()["silenceID"]
    return found


def names(api: FlaskClient, **query: Any) -> list[str]:
    response = api.get(ALERTS, query_string=query)
    assert response.status_code == 200, response.text
    return sorted(each["labels"].get("instance", "") for each in response.get_json())


def refusal(response: TestResponse, status: int = 400) -> str:
    assert response.status_code == status, response.text
    text = response.get_json()
    assert isinstance(text, str), text
    return text


def test_alerts_are_taken_in_with_an_empty_answer_and_listed_in_alertmanagers_shape(api: FlaskClient) -> None:
    sent = alert(instance="db-1") | {"annotations": {"summary": "full"}, "generatorURL": "http://prometheus/graph"}

    assert posted(api, [sent]).data == b""

    (found,) = api.get(ALERTS).get_json()
    updated_at = found.pop("updatedAt")
    assert updated_at.endswith("Z")
    assert found == sent | {
        "fingerprint": found["fingerprint"],
        "receivers": [{"name": "sentinel"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }


def test_what_is_over_is_not_listed(api: FlaskClient) -> None:
    posted(api, [alert(instance="a"), alert(instance="b")])

    posted(api, [alert(instance="a") | {"endsAt": at(-1)}])

    assert names(api) == ["b"]


def test_valid_alerts_are_stored_though_others_are_refused_by_name(api: FlaskClient) -> None:
    response = api.post(ALERTS, json=[alert(instance="a"), {"labels": {}}, alert(instance="b")])

    assert refusal(response) == 'alerts.1.labels: are none (give at least one, for example "alertname")'
    assert names(api) == ["a", "b"]


def test_no_alerts_are_fine(api: FlaskClient) -> None:
    posted(api, [])

    assert api.get(ALERTS).get_json() == []


def test_a_refusal_of_many_is_short(api: FlaskClient) -> None:
    text = refusal(api.post(ALERTS, json=[{}] * 30))

    assert text.count("labels") == 10
    assert text.endswith("; and 20 more")


@pytest.mark.parametrize(
    ("data", "status", "complaint"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "not valid JSON"),
        (b"{}", 400, "is not an array"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", 400, "at most 1000"),
        (b"[" * 100 + b"]" * 100, 400, f"deeper than {DEEPEST}"),
    ],
)
def test_what_is_no_list_of_alerts_is_refused_in_one_text(
    data: bytes, status: int, complaint: str, api: FlaskClient
) -> None:
    assert complaint in refusal(send_raw(api, data, ALERTS), status)


def test_a_report_may_be_as_large_as_a_batch(database: Configure) -> None:
    database(SENTINEL_MAX_BODY_BYTES="1000", SENTINEL_MAX_BATCH_BODY_BYTES="30000")
    api = create_app().test_client()

    posted(api, [alert(instance=f"db-{number}") for number in range(64)])

    assert len(names(api)) == 64
    assert "bytes allowed" in refusal(send_raw(api, json.dumps([alert(instance="x" * 30000)]).encode(), ALERTS), 413)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (['instance="db-1"'], ["db-1"]),
        (["instance=db-1"], ["db-1"]),
        (['instance=~"db-."'], ["db-1", "db-2"]),
        (['instance=~"db"'], []),
        (['instance!="db-1"'], ["db-2", "web"]),
        (['instance!~"db-.*"'], ["web"]),
        (['instance=~"db-.*"', "instance!=db-1"], ["db-2"]),
        (["zone="], ["db-1", "db-2", "web"]),
        (["zone!="], []),
        (["status=firing"], []),
    ],
)
def test_alerts_are_filtered_by_matchers_of_their_labels(
    filters: list[str], found: list[str], api: FlaskClient
) -> None:
    posted(api, [alert(instance=each) for each in ("db-1", "db-2", "web")])

    assert names(api, filter=filters) == found


@pytest.mark.parametrize("text", ["instance", "=x", 'a=~"("', 'a="b"c"', '""=x', 'a=~"a)|(b"'])
def test_what_is_no_matcher_is_refused(text: str, api: FlaskClient) -> None:
    assert "filter" in refusal(api.get(ALERTS, query_string={"filter": text}))


def test_silenced_alerts_say_so_and_may_be_left_out(api: FlaskClient) -> None:
    posted(api, [alert(instance="a"), alert(instance="b")])
    quiet = silenced(api, matcher("instance", "a"))

    states = {each["labels"]["instance"]: each["status"] for each in api.get(ALERTS).get_json()}

    assert states["a"] == {"state": "suppressed", "silencedBy": [quiet], "inhibitedBy": []}
    assert states["b"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
    assert names(api, silenced="false") == ["b"]
    assert names(api, active="false") == ["a"]
    assert names(api, active="false", silenced="false") == []
    assert names(api, inhibited="false", unprocessed="false") == ["a", "b"]
    assert "active" in refusal(api.get(ALERTS, query_string={"active": "perhaps"}))


def test_the_receiver_is_a_regular_expression(api: FlaskClient) -> None:
    posted(api, [alert(instance="a")])

    assert names(api, receiver="sent.*") == ["a"]
    assert names(api, receiver="sent") == []
    assert "receiver" in refusal(api.get(ALERTS, query_string={"receiver": "("}))


def test_groups_are_by_name(api: FlaskClient) -> None:
    posted(api, [alert(instance="a"), alert(instance="b"), {"labels": {"instance": "c"}}])
    posted(api, [alert(alertname="Down", instance="d")])

    groups = api.get(f"{ALERTS}/groups").get_json()

    assert [(each["labels"], len(each["alerts"]), each["receiver"]) for each in groups] == [
        ({}, 1, {"name": "sentinel"}),
        ({"alertname": "DiskFull"}, 2, {"name": "sentinel"}),
        ({"alertname": "Down"}, 1, {"name": "sentinel"}),
    ]
    assert [each["fingerprint"] for each in groups[2]["alerts"]] == [
        each["fingerprint"] for each in api.get(ALERTS).get_json() if each["labels"].get("alertname") == "Down"
    ]


def test_receivers_and_status_are_alertmanagers(api: FlaskClient) -> None:
    status = api.get("/api/v2/status").get_json()

    assert api.get("/api/v2/receivers").get_json() == [{"name": "sentinel"}]
    assert status["cluster"] == {"status": "disabled", "peers": []}
    assert set(status["versionInfo"]) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert "resolve_timeout: 300s" in status["config"]["original"]
    assert status["uptime"].endswith("Z")


def test_a_silence_is_shown_as_it_was_made(api: FlaskClient) -> None:
    wanted = silence(matcher("instance", "db-.*", isRegex=True), matcher("job", "x", isEqual=False))
    known = posted(api, wanted, SILENCES).get_json()["silenceID"]

    found = api.get(f"/api/v2/silence/{known}").get_json()

    assert found.pop("updatedAt") == found["startsAt"] > wanted["startsAt"], "it does not begin in the past"
    assert found == wanted | {"id": known, "status": {"state": "active"}, "startsAt": found["startsAt"]}
    assert api.get(f"/silences/{known}").get_json()["matchers"][0] == {
        "name": "instance",
        "value": "db-.*",
        "is_regex": True,
        "is_equal": True,
    }


def test_silences_are_listed_in_alertmanagers_order_and_filtered_by_what_they_say(api: FlaskClient) -> None:
    over = silenced(api, matcher("a", "1"))
    api.delete(f"/api/v2/silence/{over}")
    later = silenced(api, matcher("a", "2"), startsAt=at(60))
    long = silenced(api, matcher("a", "3"), endsAt=at(7200))
    short = silenced(api, matcher("a", "4"))
    old = silenced(api, matcher("a", "5"))
    execute("UPDATE silences SET starts_at = '2026-01-01', ends_at = '2026-01-02' WHERE id = :id", id=old)

    found = api.get(SILENCES).get_json()

    assert [each["id"] for each in found] == [short, long, later, over]
    assert [each["status"]["state"] for each in found] == ["active", "active", "pending", "expired"]
    assert [each["id"] for each in api.get(SILENCES, query_string={"filter": 'a="3"'}).get_json()] == [long]
    assert api.get(SILENCES, query_string={"filter": 'a=~"3"'}).get_json() == []


def test_a_silence_is_changed_by_its_id_or_made_anew(api: FlaskClient) -> None:
    known = silenced(api)
    begin = api.get(f"/api/v2/silence/{known}").get_json()["startsAt"]

    same = silenced(api, id=known, startsAt=begin, endsAt=at(9000))
    other = silenced(api, matcher("alertname", "Other"), id=known, startsAt=begin)

    assert same == known != other
    assert api.get(f"/api/v2/silence/{known}").get_json()["status"] == {"state": "expired"}


def test_a_silence_that_is_over_or_unknown_cannot_be_ended(api: FlaskClient) -> None:
    known = silenced(api)

    assert api.delete(f"/api/v2/silence/{known}").status_code == 200
    assert "has been over since" in refusal(api.delete(f"/api/v2/silence/{known}"), 409)
    for path in ("nothing", "01a1fb48-f215-709c-a297-55cf8a318234"):
        assert "no silence" in refusal(api.delete(f"/api/v2/silence/{path}"), 404)
        assert "no silence" in refusal(api.get(f"/api/v2/silence/{path}"), 404)
        assert "no silence" in refusal(api.post(SILENCES, json=silence(id=path)), 404)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": "a=b"}, "matchers"),
        ({"matchers": ["a=b"]}, "matchers.0"),
        ({"matchers": [{"name": "a", "isRegex": False}]}, "matchers.0.value"),
        ({"matchers": [matcher("a", "(", isRegex=True)]}, "matchers.0.value"),
        ({"matchers": [matcher("a", "b", isRegex="no")]}, "isRegex"),
        ({"matchers": [matcher("", "b")]}, "matchers.0.name"),
        ({"matchers": [matcher("a", "")]}, "every event"),
        ({"matchers": [matcher("a", ".*", isRegex=True)]}, "every event"),
        ({"startsAt": "soon"}, "startsAt"),
        ({"endsAt": None}, "endsAt"),
        ({"endsAt": "2026-01-01T00:00:00Z"}, "ends_at"),
        ({"endsAt": "9000-01-01T00:00:00Z"}, "ends_at"),
        ({"createdBy": None}, "createdBy"),
        ({"comment": "a\0"}, "NUL"),
        ({"comment": "x" * 2000}, "comment"),
    ],
)
def test_a_bad_silence_is_refused_with_what_is_wrong(change: dict[str, Any], complaint: str, api: FlaskClient) -> None:
    assert complaint in refusal(api.post(SILENCES, json=silence() | change))

    assert stored("silences") == 0


def test_keys_say_whose_alerts_and_silences_they_are(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    api = create_app().test_client()
    mine, other = bearer("default"), bearer("shop")
    posted(api, [alert(instance="a")], headers=mine)
    known = posted(api, silence(), SILENCES, headers=mine).get_json()["silenceID"]

    assert api.get(ALERTS, headers=other).get_json() == api.get(SILENCES, headers=other).get_json() == []
    assert "no silence" in refusal(api.delete(f"/api/v2/silence/{known}", headers=other), 404)
    posted(api, [alert(instance="a")], headers=other)
    assert [each["status"]["state"] for each in api.get(ALERTS, headers=other).get_json()] == ["active"]


def test_without_a_key_or_its_scope_the_error_is_a_text_too(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    api = create_app().test_client()
    reading = bearer("default", "events:read")

    unknown = api.post(ALERTS, json=[])
    assert "Bearer" in refusal(unknown, 401)
    assert unknown.headers["WWW-Authenticate"] == 'Bearer realm="sentinel"'
    assert "events:write" in refusal(api.post(ALERTS, json=[], headers=reading), 403)
    assert "silences:read" in refusal(api.get(SILENCES, headers=reading), 403)
    assert api.get(ALERTS, headers=reading).get_json() == []
