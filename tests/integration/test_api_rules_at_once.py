"""Several writers of a client's rules at the same time: nobody overwrites, nothing is doubled, limits hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from werkzeug.test import TestResponse

from sentinel.app import create_app
from sentinel.rules.limits import SCANNED_RULES
from tests.conftest import Configure
from tests.integration.calls import stored
from tests.integration.rules import rule

PLAIN = "when a == 1 then suppress()"
SCANNED = "when a != 1 then suppress()"
WRITERS = 6


def at_once(request: Callable[[int], TestResponse]) -> Counter[int]:
    """Statuses of as many requests as there are writers."""
    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(each.status_code for each in pool.map(request, range(WRITERS)))


def test_of_writers_who_read_the_same_version_one_wins(database: Configure) -> None:
    app, known = create_app(), rule(PLAIN, "one")

    def put(number: int) -> TestResponse:
        body = {"name": "one", "rule": f"when a == {number + 10} then suppress()", "version": 1}
        return app.test_client().put(f"/rules/{known}", json=body)

    assert at_once(put) == {200: 1, 409: WRITERS - 1}
    assert stored("rule_versions") == 2


def test_of_makers_of_one_name_one_wins(database: Configure) -> None:
    app = create_app()

    assert at_once(lambda _: app.test_client().post("/rules", json={"name": "x", "rule": PLAIN})) == {
        201: 1,
        409: WRITERS - 1,
    }
    assert stored("rules") == stored("rule_versions") == 1


def test_the_last_free_place_is_given_once(database: Configure) -> None:
    app = create_app()
    for number in range(SCANNED_RULES - 1):
        rule(SCANNED, f"scan {number}", is_scanned=True)

    assert at_once(lambda each: app.test_client().post("/rules", json={"name": f"{each}", "rule": SCANNED})) == {
        201: 1,
        422: WRITERS - 1,
    }


def test_a_rule_is_deleted_once_and_whoever_changes_it_then_finds_nothing(database: Configure) -> None:
    app, known = create_app(), rule(PLAIN, "one")

    def write(number: int) -> TestResponse:
        api = app.test_client()
        return api.delete(f"/rules/{known}") if number % 2 else api.post(f"/rules/{known}/disable")

    statuses = at_once(write)

    assert statuses[204] == 1
    assert set(statuses) <= {200, 204, 404}
    assert stored("rules") == 0
    assert stored("rule_versions WHERE change = 'deleted'") == 1
