"""Events over HTTP through real workers: the walk-through of the README, S0's loop, the device pack, a fan-out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import text

from sentinel.db import get_engine
from tests.conftest import Configure
from tests.rows import have_ended
from tests.system import System, eventually, running_system

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("events")]

README_RULE = 'when event.type == "order" and amount > 500 then notify("slack:#big-orders")'


ONE_LIMIT = '[{"scope": "alert_user", "rate": "5/minute", "above": "drop"}]'


@pytest.fixture(scope="module")
def _running(_schema: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("system"), SENTINEL_LIMITS=ONE_LIMIT) as found:
        yield found


@pytest.fixture
def sandbox(_running: System, database: Configure) -> System:
    """An installation with all its processes, without credentials, on empty tables."""
    _running.start_everything()
    return _running


def call(system: System, method: str, path: str, body: Any = None, *, status: int) -> Any:
    response = system.http.request(method, f"{system.url}{path}", json=body, timeout=30)
    assert response.status_code == status, response.text
    return response.json()


def told(system: System, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.http.get(
        f"{system.url}/notifications", params={"limit": 200} | query, timeout=10
    ).json()
    return found


def all_told() -> None:
    """Wait until every event has met the rules and every message has ended."""
    eventually(lambda: waiting_events() == 0 and have_ended(), seconds=60, message="everything to end")


def waiting_events() -> int:
    with get_engine().connect() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM events WHERE status = 'PENDING'")).scalar_one()
        return found


def test_the_walk_through_of_the_readme(sandbox: System) -> None:
    rule = call(sandbox, "POST", "/rules", {"name": "Big orders", "rule": README_RULE}, status=201)
    event = call(sandbox, "POST", "/events", {"type": "order", "amount": 750}, status=202)
    call(sandbox, "POST", "/events", {"type": "order", "amount": 500}, status=202)
    call(sandbox, "POST", "/events", {"type": "order", "amount": "750"}, status=202)

    all_told()

    (message,) = told(sandbox)
    assert (message["channel"], message["recipient"], message["status"]) == ("slack", "#big-orders", "SENT")
    assert (message["provider"], message["rule_ids"]) == ("sandbox", [rule["id"]])
    explained = call(sandbox, "GET", f"/events/{event['id']}/explain", status=200)
    assert [each["outcome"] for each in explained["rules"]] == ["spoke"]


def test_six_posts_for_a_user_in_a_minute_are_five_messages_and_one_that_is_dropped(sandbox: System) -> None:
    alert = {"user_id": "user-1", "type": "login", "payload": {"ip": "10.0.0.1"}}

    answers = [call(sandbox, "POST", "/v1/alerts", alert, status=202) for _ in range(6)]
    call(sandbox, "POST", "/v1/alerts", alert | {"user_id": "user-2"}, status=202)

    all_told()
    assert [each["status"] for each in answers] == ["accepted"] * 6
    ends = Counter((each["user_id"], each["status"], each["reason"]) for each in told(sandbox))
    assert ends == {
        ("user-1", "SENT", None): 5,
        ("user-1", "SUPPRESSED", "rate_limited"): 1,
        ("user-2", "SENT", None): 1,
    }


def test_twenty_posts_at_once_with_two_workers_are_exactly_five_messages(sandbox: System) -> None:
    sandbox.start_worker("pipeline-2", "--pipeline", "--channel", "inbox")
    alert: dict[str, Any] = {"user_id": "user-1", "type": "login", "payload": {}}

    def post() -> None:
        assert requests.post(f"{sandbox.url}/v1/alerts", json=alert, timeout=30).status_code == 202

    posts = [threading.Thread(target=post) for _ in range(20)]
    for each in posts:
        each.start()
    for each in posts:
        each.join()

    all_told()
    assert Counter(each["status"] for each in told(sandbox)) == {"SENT": 5, "SUPPRESSED": 15}


def test_ten_thousand_devices_open_the_tickets_that_the_pack_promises(sandbox: System) -> None:
    call(sandbox, "POST", "/rules/packs/device_health", status=200)

    sandbox.run("load", "devices", "--count", "10000", "--seed", "1", "--rate", "5000", "--url", sandbox.url)

    all_told()
    counts = call(sandbox, "GET", "/stats", status=200)
    shares = {severity: round(number / 100) for severity, number in counts.items()}
    assert shares["critical"] == pytest.approx(20, abs=2)
    assert shares["high"] == pytest.approx(23, abs=2)
    assert shares["medium"] == pytest.approx(31, abs=2)
    assert shares["low"] == 0
    newest = call(sandbox, "GET", "/tickets/recent?limit=5", status=200)
    assert len(newest) == 5
    assert {each["status"] for each in newest} == {"open"}


def test_an_alert_reaches_a_hundred_clients_once_though_the_pipeline_worker_is_killed(sandbox: System) -> None:
    sandbox.run("demo-data", "--clients", "100")
    alert = {"severity": "HIGH", "source": "api", "name": "timeout"}

    for number in range(10):
        call(sandbox, "POST", "/events", alert | {"alert_id": f"alert-{number}"}, status=202)
        call(sandbox, "POST", "/events", alert | {"alert_id": f"alert-{number}"}, status=202)
        if number == 3:
            sandbox.kill("pipeline-1")
    call(sandbox, "POST", "/events", alert | {"name": "validation"}, status=202)
    sandbox.start_worker("pipeline-1", "--pipeline", "--channel", "inbox")

    all_told()
    with get_engine().connect() as connection:
        ends = connection.execute(
            text("SELECT status, count(*), count(DISTINCT client_id) FROM notifications GROUP BY status")
        ).all()
        copies = connection.execute(
            text("SELECT count(*) FROM notifications GROUP BY event_id, client_id HAVING count(*) > 1")
        ).all()
    assert [tuple(row) for row in ends] == [("SENT", 1000, 100)]
    assert copies == []
