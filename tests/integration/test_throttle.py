"""How often one may ask: judged before anything is read, by key or address, and not at all while Redis is away."""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel import metrics
from sentinel.app import create_app
from sentinel.errors import ConfigurationError
from sentinel.store import get_store
from tests.conftest import Configure
from tests.integration.calls import at_once, bearer, refused, send, send_raw, stored

Limited = Callable[..., FlaskClient]
FIELDS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def limited(database: Configure) -> Limited:
    """The API with these rates."""

    def made(rate: str = "3/hour", *, failures: str = "none", **more: str) -> FlaskClient:
        database(SENTINEL_API_RATE=rate, SENTINEL_API_FAILURE_RATE=failures, **more)
        return create_app().test_client()

    return made


def shares(response: TestResponse) -> tuple[int, ...]:
    return tuple(int(response.headers[name]) for name in FIELDS)


def guess(api: FlaskClient, key: str | None = None, address: str = "203.0.113.9", path: str = "/notifications") -> int:
    headers = {"Authorization": f"Bearer {key or 'sntl_' + secrets.token_urlsafe(32)}"}
    return api.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code


def test_above_its_rate_a_key_is_refused_and_told_when_to_come_again(limited: Limited) -> None:
    api, mine = limited("3/hour"), bearer("mine")

    answers = [send(api, **mine) for _ in range(4)]

    assert [each.status_code for each in answers] == [202, 202, 202, 429]
    assert [shares(each)[:2] for each in answers] == [(3, 2), (3, 1), (3, 0), (3, 0)]
    assert all(3590 <= shares(each)[2] <= 3600 for each in answers)
    assert answers[3].headers["Retry-After"] == answers[3].headers["RateLimit-Reset"]
    assert refused(answers[3]) == {}
    assert "3 per 1 hour" in answers[3].get_json()["message"]
    assert "Retry-After" not in answers[2].headers
    assert stored() == 3


def test_a_window_that_has_passed_lets_in_again(limited: Limited) -> None:
    api = limited("1/second")

    first, second = api.get("/stats").status_code, api.get("/stats")
    time.sleep(int(second.headers["Retry-After"]))

    assert (first, second.status_code, api.get("/stats").status_code) == (200, 429, 200)


def test_each_key_has_a_rate_of_its_own_however_it_is_written(limited: Limited) -> None:
    api, mine, other = limited("2/hour"), bearer("mine"), bearer("mine")
    key = mine["Authorization"].removeprefix("Bearer ")

    written = [
        api.get("/stats", headers={"Authorization": f"{way}{key} "}) for way in ("Bearer ", "bearer   ", "BEARER ")
    ]

    assert [each.status_code for each in written] == [200, 200, 429]
    assert api.get("/stats", headers=other).status_code == 200


def test_without_a_key_the_address_counts(limited: Limited) -> None:
    api = limited("1/hour")

    def status(address: str) -> int:
        return api.get("/nope", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status("203.0.113.1"), status("203.0.113.1"), status("203.0.113.2")] == [404, 429, 404]
    assert [status("2001:db8::1"), status("2001:db8::2"), status("2001:db8:0:1::1")] == [404, 429, 404]


def test_it_comes_before_anything_of_the_request_is_looked_at(limited: Limited) -> None:
    api, mine = limited("1/hour", SENTINEL_MAX_BODY_BYTES="100"), bearer("mine")
    api.get("/stats", headers=mine)

    refusals = [
        send_raw(api, b"{", headers=mine),
        send_raw(api, b"x" * 200, headers=mine),
        send_raw(api, b"x", content_type="text/plain", headers=mine),
        api.get("/nope", headers=mine),
        api.delete("/notifications", headers=mine),
        api.get("/notifications?limit=x", headers=mine),
    ]

    assert [each.status_code for each in refusals] == [429] * 6
    assert all(each.headers["X-Content-Type-Options"] == "nosniff" for each in refusals)


def test_the_narrowest_of_several_rates_is_shown_and_what_it_stops_counts_nowhere(limited: Limited) -> None:
    api = limited("2/second; 5/hour")

    first = [api.get("/stats") for _ in range(3)]
    time.sleep(1)
    second = [api.get("/stats") for _ in range(2)]
    time.sleep(1)
    third = [api.get("/stats") for _ in range(2)]

    assert [each.status_code for each in first] == [200, 200, 429]
    assert shares(first[0])[:2] == (2, 1)
    assert [each.status_code for each in second] == [200, 200]
    assert [each.status_code for each in third] == [200, 429]
    assert shares(third[0])[:2] == (5, 0)
    assert int(third[1].headers["Retry-After"]) > 3000


def test_requests_at_the_same_moment_are_all_counted(limited: Limited) -> None:
    application = limited("5/hour").application

    answers = at_once(12, lambda _: application.test_client().get("/stats"))

    assert sorted(each.status_code for each in answers) == [200] * 5 + [429] * 7


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/ping", "/docs", "/openapi.json", "/metrics"])
def test_probes_pages_and_metrics_are_never_refused(path: str, limited: Limited) -> None:
    api = limited("1/hour")

    answers = [api.get(path) for _ in range(3)]

    assert [each.status_code for each in answers] == [200] * 3
    assert not any(name in each.headers for each in answers for name in FIELDS)


def test_none_switches_it_off(limited: Limited) -> None:
    api = limited("none")

    assert not any(name in api.get("/stats").headers for name in FIELDS)
    assert list(get_store().scan_iter("sentinel:api:*")) == []


@pytest.mark.parametrize("name", ["SENTINEL_API_RATE", "SENTINEL_API_FAILURE_RATE"])
def test_a_rate_that_is_none_stops_the_start(name: str, database: Configure) -> None:
    with pytest.raises(ConfigurationError, match=rf'{name}: "often" is not understood; write it like "1000/second"'):
        database(**{name: "often"})


def test_an_address_that_guesses_keys_is_answered_no_more(limited: Limited) -> None:
    api = limited("none", failures="3/hour")

    answers = [guess(api) for _ in range(5)]

    assert answers == [401, 401, 401, 429, 429]
    assert guess(api, path="/metrics") == 429
    assert guess(api, address="203.0.113.10") == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ping/00000000-0000-4000-8000-000000000000"),
        ("POST", "/integrations/pagerduty"),
        ("GET", "/t/x"),
    ],
)
def test_where_no_key_is_asked_for_an_invented_one_has_no_rate_of_its_own(
    method: str, path: str, limited: Limited
) -> None:
    api = limited("3/hour")

    def ask(address: str) -> int:
        headers = {"Authorization": f"Bearer sntl_{secrets.token_urlsafe(32)}"}
        from_there = {"REMOTE_ADDR": address}
        return api.open(path, method=method, headers=headers, environ_overrides=from_there).status_code

    answers = [ask("203.0.113.9") for _ in range(4)]

    assert (answers[3], 429 in answers[:3]) == (429, False)
    assert ask("203.0.113.10") != 429


def test_a_guess_that_would_be_right_is_not_told(limited: Limited) -> None:
    api, mine = limited("none", failures="2/hour"), bearer("mine")["Authorization"].removeprefix("Bearer ")

    assert [guess(api), guess(api), guess(api, mine)] == [401, 401, 429]


@pytest.mark.parametrize("path", ["/nope", "/health", "/docs"])
def test_a_guess_is_not_taken_for_a_key_where_nobody_looks_at_it(path: str, limited: Limited) -> None:
    api = limited("none", failures="2/hour")

    guess(api, "sntl_wrong", path=path)

    assert [guess(api), guess(api), guess(api, "sntl_wrong")] == [401, 401, 429]


def test_a_key_that_worked_is_not_held_up_by_a_guesser_behind_the_same_proxy(limited: Limited) -> None:
    api, mine = limited("none", failures="2/hour"), bearer("mine")["Authorization"].removeprefix("Bearer ")
    assert guess(api, mine) == 200

    assert [guess(api) for _ in range(3)] == [401, 401, 429]

    assert guess(api, mine) == 200


def test_a_program_that_goes_on_with_a_revoked_key_is_one_guess(limited: Limited) -> None:
    api = limited("none", failures="2/hour")

    assert [guess(api, "sntl_revoked") for _ in range(5)] == [401] * 5
    assert [guess(api), guess(api)] == [401, 429]


def test_a_request_without_a_key_is_no_guess(limited: Limited) -> None:
    api = limited("none", failures="1/hour", SENTINEL_OPEN_MODE="false")

    assert [api.get("/stats").status_code for _ in range(3)] == [401] * 3
    assert guess(api, address="127.0.0.1") == 401


def test_refusals_are_counted(limited: Limited) -> None:
    api = limited("1/hour")

    for _ in range(3):
        api.get("/stats")

    assert metrics.totals()["api_throttled_total",] == 2


def test_without_redis_everybody_is_let_in_and_counted(limited: Limited) -> None:
    api = limited("1/hour", REDIS_URL="redis://127.0.0.1:1/0")

    answers = [api.get("/stats") for _ in range(3)]

    assert [each.status_code for each in answers] == [200] * 3
    assert not any(name in each.headers for each in answers for name in FIELDS)
    assert metrics.get_meter()._amounts["api_unthrottled_total",] == 3


def test_a_redis_that_hangs_is_waited_for_once(limited: Limited) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        api = limited("1/hour", REDIS_URL=f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        start = time.monotonic()

        assert [api.get("/nope").status_code for _ in range(20)] == [404] * 20

    assert time.monotonic() - start < 3


def test_no_key_stands_in_redis(limited: Limited) -> None:
    api, mine = limited("9/hour", failures="9/hour"), bearer("mine")["Authorization"].removeprefix("Bearer ")
    guess(api, mine)
    guess(api, "sntl_wrong")

    store = get_store()
    kept = [name.decode() for name in store.scan_iter("sentinel:api:*")]

    assert sorted(re.sub(r"[0-9a-f]{64}|[\d.]{7,}", "…", name).split(":")[2] for name in kept) == [
        *("key", "key", "known", "wrong"),
    ]
    assert mine not in str(kept)
    assert b"sntl" not in b"".join(store.smembers("sentinel:api:wrong:203.0.113.9"))  # type: ignore[arg-type]
    assert all(int(store.pttl(name)) > 0 for name in kept)  # type: ignore[arg-type]
