"""While one alert fires, nothing is told of those that it inhibits; and each such message says why."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.queries import matching as matching_queries
from sentinel.rules.matchers import parse
from sentinel.services.muting import inhibitions, mutes
from sentinel.services.muting.inhibitions import Written
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import refused, send, stored
from tests.integration.rules import client, happen, rule, tickets, told

RULE = 'when event.type == "alert" then notify("sms:+14155552671"), ticket("high", "look")'
PATH = "/inhibitions"


def alert(name: str, *, status: str = "firing", **labels: str) -> dict[str, Any]:
    return {"type": "alert", "status": status, "labels": {"alertname": name, "instance": "a"} | labels}


def inhibit(
    source: str = "alertname=NodeDown", target: str = "alertname=~Disk.*", *equal: str, of: str = "default"
) -> None:
    written = Written("node down", (parse(source),), (parse(target),), equal or ("instance",))
    with unit_of_work() as uow:
        inhibitions.put(uow, client(of), written)


def reasons() -> dict[str, str | None]:
    return {row.event_id or "": row.reason for row in told()}


def test_a_message_is_held_back_while_its_source_fires_and_names_it(api: FlaskClient) -> None:
    rule(RULE)
    inhibit()
    [source] = happen(alert("NodeDown"))

    [target] = happen(alert("DiskFull"))

    (row,) = told(target)
    assert (row.status, row.reason, row.silence_id) == ("SUPPRESSED", "inhibited", None)
    shown = api.get(f"/notifications/{row.id}").get_json()
    assert shown["inhibited_by"] == {
        "inhibition": "node down",
        "alert": shown["inhibited_by"]["alert"],
        "event_id": source,
    }
    last = api.get(f"/notifications/{row.id}/timeline").get_json()[-1]
    assert (last["event"], last["detail"]["inhibited_by"]["event_id"]) == ("suppressed", source)
    assert len(tickets()) == 2


def test_a_source_of_the_same_batch_counts_wherever_it_stands() -> None:
    rule(RULE)
    inhibit()

    target, source, other = happen(alert("DiskFull"), alert("NodeDown"), alert("DiskFull", instance="b"))

    assert reasons() == {target: "inhibited", source: None, other: None}


def test_a_source_that_ends_in_the_same_batch_counts_no_more() -> None:
    rule(RULE)
    inhibit()
    happen(alert("NodeDown"))

    _, target = happen(alert("NodeDown", status="resolved"), alert("DiskFull"))

    assert reasons()[target] is None


def test_a_late_word_of_a_source_that_is_over_inhibits_nothing() -> None:
    rule(RULE)
    inhibit()
    happen(alert("NodeDown") | {"occurred_at": "2026-11-20T10:00:00Z"})
    happen(alert("NodeDown", status="resolved") | {"occurred_at": "2026-11-20T10:10:00Z"})

    _, target = happen(alert("NodeDown") | {"occurred_at": "2026-11-20T10:05:00Z"}, alert("DiskFull"))

    assert reasons()[target] is None


def test_an_event_that_is_no_alert_can_be_a_target_and_no_source() -> None:
    rule('when event.type == "note" then notify("sms:+14155552671")')
    inhibit("kind=maintenance", "kind=chatter", "host")
    happen({"type": "note", "kind": "maintenance", "host": "a"})
    [before] = happen({"type": "note", "kind": "chatter", "host": "a"})
    happen({"status": "firing", "name": "m", "kind": "maintenance", "host": "a"})

    [after] = happen({"type": "note", "kind": "chatter", "host": "a"})

    assert (reasons()[before], reasons()[after]) == (None, "inhibited")


def test_each_client_is_inhibited_by_its_own_rules_and_by_what_it_hears() -> None:
    rule(RULE)
    rule(RULE, of="shop")
    inhibit(of="shop")
    happen(alert("NodeDown"), is_broadcast=True)

    happen(alert("DiskFull", kind="all"), is_broadcast=True)
    [private] = happen(alert("DiskFull", instance="b"), of="shop")

    last = {(row.client_id, row.event_id == private): row.reason for row in told()}
    assert last == {
        (client(), False): None,
        (client("shop"), False): "inhibited",
        (client("shop"), True): None,
    }


def test_alerts_of_another_client_inhibit_nothing() -> None:
    rule(RULE, of="shop")
    inhibit(of="shop")
    happen(alert("NodeDown"))

    [target] = happen(alert("DiskFull"), of="shop")

    assert reasons()[target] is None


def test_what_is_muted_can_be_asked_when_a_group_is_sent() -> None:
    inhibit()
    happen(alert("NodeDown"))

    with unit_of_work() as uow:
        clients = matching_queries.clients(uow.session, [client()], now=uow.now)
        muting = mutes.of_clients(uow, clients)[client()]

    held_back = muting.of(alert("DiskFull"))
    assert held_back is not None
    assert held_back["inhibited_by"]["inhibition"] == "node down"
    assert muting.of(alert("Other")) is None


def test_alertmanagers_api_names_the_alert_that_inhibits(api: FlaskClient) -> None:
    inhibit()
    for name in ("NodeDown", "DiskFull"):
        assert send(api, [{"labels": {"alertname": name, "instance": "a"}}], "/api/v2/alerts").status_code == 200
    happen(alert("NodeDown"))

    shown = {each["labels"]["alertname"]: each["status"] for each in api.get("/api/v2/alerts").get_json()}

    assert shown["NodeDown"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
    assert shown["DiskFull"]["state"] == "suppressed"
    assert len(shown["DiskFull"]["inhibitedBy"]) == 1
    assert len(api.get("/api/v2/alerts?inhibited=false").get_json()) == 1
    assert len(api.get("/api/v2/alerts?active=false").get_json()) == 1


def wanted(**changes: Any) -> dict[str, Any]:
    source, target = [{"name": "alertname", "value": "NodeDown"}], [{"name": "severity", "value": "warning"}]
    return {"name": "node down", "source": source, "target": target, "equal": ["instance"]} | changes


def test_an_inhibition_is_made_listed_changed_and_removed(api: FlaskClient) -> None:
    response = send(api, wanted(), PATH)
    made = response.get_json()

    assert response.status_code == 201
    assert api.get(response.headers["Location"]).get_json() == made
    assert made["source"] == [{"name": "alertname", "value": "NodeDown", "is_regex": False, "is_equal": True}]
    assert [each["id"] for each in api.get(PATH).get_json()] == [made["id"]]
    changed = api.put(f"{PATH}/{made['id']}", json=wanted(equal=["cluster"])).get_json()
    assert (changed["id"], changed["equal"]) == (made["id"], ["cluster"])
    assert api.delete(f"{PATH}/{made['id']}").status_code == 204
    assert api.get(f"{PATH}/{made['id']}").status_code == 404


def test_names_are_given_once(api: FlaskClient) -> None:
    send(api, wanted(), PATH)
    other = send(api, wanted(name="other"), PATH).get_json()

    assert send(api, wanted(), PATH).status_code == 409
    assert api.put(f"{PATH}/{other['id']}", json=wanted()).status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": []}, "source"),
        ({"target": [{"name": "a", "value": "(", "is_regex": True}]}, "target.0.value"),
        ({"equal": [""]}, "equal.0"),
        ({"equal": ["x"] * 51}, "equal"),
        ({"name": "a\nb"}, "name"),
    ],
)
def test_a_bad_inhibition_is_refused_by_the_field(change: dict[str, Any], field: str, api: FlaskClient) -> None:
    assert list(refused(send(api, wanted(**change), PATH))) == [field]

    assert stored("inhibitions") == 0
