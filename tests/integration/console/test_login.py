"""The console behind its login: who gets in, for how long, and what no other site can make a browser do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn

import pytest
import time_machine
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.exceptions import BadGateway, BadRequest, BadRequestKeyError, HTTPException, UnsupportedMediaType
from werkzeug.test import TestResponse

from sentinel import metrics, passwords
from sentinel.app import create_app
from sentinel.models import User
from sentinel.sealing import new_secret_key
from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.gauges import get_gauges
from tests.conftest import SECRET_KEY, Configure
from tests.integration.console.visiting import actions

PASSWORD = "correct horse battery"
WRONG = "Name or password is wrong."

LogIn = Callable[..., TestResponse]


@pytest.fixture(autouse=True)
def _fresh_gauges() -> Iterator[None]:
    get_gauges.forget()
    yield
    get_gauges.forget()


@pytest.fixture
def alice(database: Configure) -> None:
    """An admin."""
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="admin")


@pytest.fixture
def browser(alice: None) -> FlaskClient:
    """Somebody's browser, with its cookies."""
    return create_app().test_client()


def token(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found
    return found[1]


def log_in(
    browser: FlaskClient, name: str = "alice", password: str = PASSWORD, next_page: str = "", address: str = "127.0.0.1"
) -> TestResponse:
    """Fill in the form, as a browser shows it."""
    form = {"csrf_token": token(browser.get("/login")), "name": name, "password": password, "next": next_page}
    return browser.post("/login", data=form, environ_base={"REMOTE_ADDR": address})


def is_inside(browser: FlaskClient) -> bool:
    return browser.get("/console").status_code == 200


def cookie(response: TestResponse) -> str:
    return response.headers["Set-Cookie"]


def test_who_is_not_logged_in_is_led_to_the_login_and_back(browser: FlaskClient) -> None:
    refused = browser.get("/console/rules?page=2")

    assert (refused.status_code, refused.headers["Location"]) == (303, "/login?next=/console/rules?page%3D2")
    page = browser.get(refused.headers["Location"])
    wanted = re.search(r'name="next"[^>]* value="([^"]+)"', page.text)
    assert wanted
    assert log_in(browser, next_page=wanted[1]).headers["Location"] == "/console/rules?page=2"


def test_name_and_password_let_in_and_the_page_says_who_it_is(browser: FlaskClient) -> None:
    answer = log_in(browser, name=" Alice ")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/console")
    page = browser.get("/console")
    assert "alice (admin)" in page.text
    assert browser.get("/login").headers["Location"] == "/console"


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong horse battery"), ("nobody", PASSWORD), ("al\0ice", PASSWORD), ("ALICE", "swordfish")],
)
def test_whatever_is_wrong_the_answer_is_the_same(name: str, password: str, browser: FlaskClient) -> None:
    answer = log_in(browser, name, password)

    assert answer.status_code == 422
    assert WRONG in answer.text
    assert password not in answer.text
    assert not is_inside(browser)


def test_a_disabled_user_is_answered_as_one_who_does_not_exist(browser: FlaskClient) -> None:
    with unit_of_work() as uow:
        users.disable(uow, "alice")

    answer = log_in(browser)

    assert (answer.status_code, WRONG in answer.text) == (422, True)


def test_unknown_users_cost_as_much_work_as_known_ones(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            verified.append(hash)
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "HASHER", Counting(time_cost=2, memory_cost=19_456, parallelism=1))

    log_in(browser, "alice", "wrong horse battery")
    log_in(browser, "nobody", "wrong horse battery")

    assert len(verified) == 2
    parameters = {str(stored).rsplit("$", 2)[0] for stored in verified}
    assert parameters == {"$argon2id$v=19$m=19456,t=2,p=1"}


def test_a_hash_of_older_costs_is_renewed_at_the_next_login(browser: FlaskClient) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with unit_of_work() as uow:
        uow.session.execute(update(User).values(password_hash=cheap))

    log_in(browser)

    with unit_of_work() as uow:
        (alice,) = users.everybody(uow)
    assert alice.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert alice.last_login_at is not None
    assert is_inside(browser)


def test_a_form_without_its_token_is_refused(browser: FlaskClient) -> None:
    for data in ({"name": "alice", "password": PASSWORD}, {"name": "alice", "password": PASSWORD, "csrf_token": "x"}):
        answer = browser.post("/login", data=data)

        assert answer.status_code == 400
        assert "open for too long" in answer.text
        assert not is_inside(browser)


def test_a_logout_without_its_token_is_refused(browser: FlaskClient) -> None:
    log_in(browser)

    assert browser.post("/logout").status_code == 400
    assert browser.get("/logout").status_code == 405
    assert is_inside(browser)


def test_the_token_of_one_browser_is_worth_nothing_in_another(browser: FlaskClient) -> None:
    stolen = token(browser.get("/login"))
    other = create_app().test_client()
    other.get("/login")

    answer = other.post("/login", data={"name": "alice", "password": PASSWORD, "csrf_token": stolen})

    assert answer.status_code == 400


def test_a_login_leaves_nothing_of_the_session_before(browser: FlaskClient) -> None:
    with browser.session_transaction("/login") as session:
        session["planted"] = "by somebody else"
    before = token(browser.get("/login"))

    log_in(browser)

    with browser.session_transaction("/login") as session:
        assert "planted" not in session
    assert browser.post("/logout", data={"csrf_token": before}).status_code == 400


def test_logging_out_makes_even_a_copy_of_the_cookie_worthless(browser: FlaskClient) -> None:
    name, _, value = cookie(log_in(browser)).partition(";")[0].partition("=")
    thief = create_app().test_client()
    thief.set_cookie(name, value)
    assert is_inside(thief)

    answer = browser.post("/logout", data={"csrf_token": token(browser.get("/console"))})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert not is_inside(browser)
    assert not is_inside(thief)


@pytest.mark.parametrize("change", ["password", "disable"])
def test_a_new_password_or_a_disabled_user_ends_sessions_at_once(change: str, browser: FlaskClient) -> None:
    log_in(browser)
    assert is_inside(browser)

    with unit_of_work() as uow:
        if change == "password":
            users.set_password(uow, "alice", "another horse battery")
        else:
            users.disable(uow, "alice")

    assert not is_inside(browser)


def test_a_session_ends_when_nobody_uses_it(database: Configure, alice: None) -> None:
    database(SENTINEL_SESSION_IDLE_SECONDS="600")
    browser = create_app().test_client()
    with time_machine.travel(datetime.now(UTC)) as clock:
        log_in(browser)
        for _ in range(3):
            clock.shift(timedelta(seconds=500))
            assert is_inside(browser)
        clock.shift(timedelta(seconds=601))

        assert not is_inside(browser)


def test_a_session_ends_however_much_it_is_used(database: Configure, alice: None) -> None:
    database(SENTINEL_SESSION_SECONDS="1200")
    browser = create_app().test_client()
    with time_machine.travel(datetime.now(UTC)) as clock:
        log_in(browser)
        clock.shift(timedelta(seconds=1190))
        assert is_inside(browser)
        clock.shift(timedelta(seconds=11))

        assert not is_inside(browser)


def test_a_restart_keeps_sessions_and_another_first_key_does_too(browser: FlaskClient, database: Configure) -> None:
    name, _, value = cookie(log_in(browser)).partition(";")[0].partition("=")
    database(SENTINEL_SECRET_KEYS=f"{new_secret_key()},{SECRET_KEY}")
    restarted = create_app().test_client()
    restarted.set_cookie(name, value)
    assert is_inside(restarted)

    database(SENTINEL_SECRET_KEYS=new_secret_key())
    stranger = create_app().test_client()
    stranger.set_cookie(name, value)
    assert not is_inside(stranger)


def test_a_cookie_that_was_changed_is_worth_nothing(browser: FlaskClient) -> None:
    name, _, value = cookie(log_in(browser)).partition(";")[0].partition("=")
    forged = create_app().test_client()
    forged.set_cookie(name, value[:-2] + ("A" if value[-2] != "A" else "B") + value[-1])

    assert not is_inside(forged)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(browser: FlaskClient) -> None:
    found = cookie(log_in(browser))

    assert found.startswith("sentinel_session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(found.split("; "))
    assert "Domain" not in found


def test_over_https_the_cookie_is_secure_and_of_this_host_only(alice: None, database: Configure) -> None:
    database(PUBLIC_BASE_URL="https://sentinel.example.com")
    browser = create_app().test_client()

    found = browser.get("/login", base_url="https://sentinel.example.com").headers["Set-Cookie"]

    assert found.startswith("__Host-sentinel_session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(found.split("; "))
    assert "Domain" not in found


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example/console",
        "/\\evil.example",
        "\\\\evil.example",
        "/console/../docs",
        "/console//../..//evil.example",
        "/consolevil",
        "javascript:alert(1)",
        "/console\r\nSet-Cookie: a=b",
        "http:///console",
        "http://[/console",
        "",
    ],
)
def test_a_login_leads_to_pages_of_the_console_only(wanted: str, browser: FlaskClient) -> None:
    page = browser.get("/login", query_string={"next": wanted})

    assert 'name="next" type="hidden" value="/console"' in page.text
    assert log_in(browser, next_page=wanted).headers["Location"] == "/console"
    assert browser.get("/login", query_string={"next": wanted}).headers["Location"] == "/console"


def test_guessing_is_held_up_by_name_and_address_and_the_owner_elsewhere_is_not(browser: FlaskClient) -> None:
    for _ in range(5):
        assert log_in(browser, password="wrong horse battery").status_code == 422

    held_up = log_in(browser)

    assert held_up.status_code == 429
    assert 1 <= int(held_up.headers["Retry-After"]) <= 300
    assert "Too many tries" in held_up.text
    assert not is_inside(browser)
    assert log_in(create_app().test_client(), "bob", "whatever it may be").status_code == 422
    assert log_in(create_app().test_client(), address="192.0.2.7").status_code == 303


def test_tries_are_counted_and_logged_without_what_was_typed(
    browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(browser, password="wrong horse battery")
    log_in(browser, name="my password is swordfish")
    log_in(browser)

    metrics.flush()
    found = {labels: value for labels, value in metrics.totals().items() if labels[0] == "logins_total"}
    assert found == {("logins_total", "ok"): 1, ("logins_total", "refused"): 2}
    said = caplog.text
    assert said.count("login_refused") == 2
    assert "'user': 'alice'" in said
    assert not any(words in said for words in ("wrong horse", "swordfish", PASSWORD))


def test_a_right_password_forgives_the_wrong_ones_before(browser: FlaskClient) -> None:
    for _ in range(2):
        for _ in range(4):
            log_in(browser, password="wrong horse battery")
        assert log_in(create_app().test_client()).status_code == 303


def test_trying_one_password_on_many_names_is_held_up(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._nobodys_hash.cache_clear()
    form = {"csrf_token": token(browser.get("/login")), "password": "summer 2026 in Rome"}

    codes = [browser.post("/login", data=form | {"name": f"user-{each}"}).status_code for each in range(51)]

    assert codes == [422] * 50 + [429]
    passwords._nobodys_hash.cache_clear()


def test_guessing_is_held_up_without_redis_too(alice: None, database: Configure) -> None:
    database(REDIS_URL="redis://127.0.0.1:1/0")
    browser = create_app().test_client()
    for _ in range(5):
        assert log_in(browser, password="wrong horse battery").status_code == 422

    assert log_in(browser).status_code == 429


def test_without_users_the_login_says_how_to_make_one(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    page = create_app().test_client().get("/login")

    assert page.status_code == 200
    assert "sentinel users create admin --role admin" in page.text


def test_with_users_it_does_not(browser: FlaskClient) -> None:
    assert "sentinel users create" not in browser.get("/login").text


@pytest.mark.parametrize("path", ["/login", "/console"])
def test_without_a_key_nobody_can_log_in_and_the_page_says_why(path: str, alice: None, database: Configure) -> None:
    database(SENTINEL_SECRET_KEYS="")

    page = create_app().test_client().get(path)

    assert page.status_code == 503
    assert "sentinel secrets new-key" in page.text


def test_a_session_opens_nothing_of_the_api(browser: FlaskClient, database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    browser = create_app().test_client()
    log_in(browser)
    assert is_inside(browser)

    for method, path in (("GET", "/notifications"), ("POST", "/notifications"), ("GET", "/clients")):
        answer = browser.open(path, method=method, json={} if method == "POST" else None)
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_pages_allow_no_inline_script_and_nothing_from_elsewhere(browser: FlaskClient) -> None:
    log_in(browser)

    for path in ("/console", "/console/nothing", "/login?next=/console"):
        page = browser.get(path, follow_redirects=True)
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert (page.headers["X-Frame-Options"], page.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
        links = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert {link for link in links if "://" in link} <= {"http://127.0.0.1:5555"}
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=", page.text)


@pytest.mark.parametrize("path", ["/console/assets/theme.js", "/bootstrap/static/css/bootstrap.min.css"])
def test_what_the_pages_load_is_served_here_and_without_a_session(path: str, browser: FlaskClient) -> None:
    log_in(browser)

    with browser.get(path) as answer:
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert "ETag" in answer.headers


def test_an_unknown_page_is_a_page_and_not_json(browser: FlaskClient) -> None:
    log_in(browser)

    answer = browser.get("/console/nothing/here")

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "There is no such page." in answer.text


def test_what_is_sent_to_an_unknown_page_is_answered_by_a_page(browser: FlaskClient) -> None:
    log_in(browser)
    sent = {"X-CSRFToken": token(browser.get("/console/me"))}

    answer = browser.post("/console/nothing/here", headers=sent)

    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BadRequest("Write a number."), "Write a number."),
        (UnsupportedMediaType(), "The server does not support the media type"),
        (BadRequestKeyError(), "The request did not come from a page of this console."),
        (BadGateway("secret words"), "Something went wrong on our side"),
    ],
)
def test_a_refusal_is_told_in_its_own_words(error: HTTPException, words: str, alice: None) -> None:
    app = create_app()
    app.view_functions["console.users.me"] = raising(error)
    browser = app.test_client()
    log_in(browser)

    answer = browser.get("/console/me")

    assert (answer.status_code, words in answer.text) == (error.code, True)


def raising(error: Exception) -> Callable[[], NoReturn]:
    def view() -> NoReturn:
        raise error

    return view


def test_an_unreachable_database_is_a_page_as_well(browser: FlaskClient, database: Configure) -> None:
    database(DATABASE_URL="postgresql://someone:swordfish@127.0.0.1:1/nothing")

    answer = create_app().test_client().get("/login")

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "swordfish" not in answer.text


def test_an_unreachable_database_is_a_page_for_whoever_is_logged_in(browser: FlaskClient, database: Configure) -> None:
    log_in(browser)
    kept = browser.get_cookie("sentinel_session")
    assert kept is not None
    database(DATABASE_URL="postgresql://someone:swordfish@127.0.0.1:1/nothing")
    without_database = create_app().test_client()
    without_database.set_cookie(kept.key, kept.value)

    answer = without_database.get("/console/rules")

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "The database does not answer." in answer.text
    assert answer.headers["Retry-After"] == "2"


def test_names_are_written_and_not_run(alice: None) -> None:
    page = log_in(create_app().test_client(), name='"><script>alert(1)</script>', password="whatever it is")

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


FIRST = {"name": "Alice", "password": PASSWORD}


def make_first_user(browser: FlaskClient, **changes: str) -> TestResponse:
    """Fill in the form of an installation that has no user."""
    form = FIRST | {"csrf_token": token(browser.get("/login"))} | changes
    return browser.post("/first-user", data=form)


def test_on_the_machine_itself_the_first_user_is_made_at_the_login(database: Configure) -> None:
    browser = create_app().test_client()
    assert "Make the first one" in browser.get("/login").text

    answer = make_first_user(browser)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/console")
    assert "alice (admin)" in browser.get("/console").text
    assert actions() == [("alice", "user.create", "user alice", None)]


def test_a_first_user_that_cannot_be_is_refused_at_its_fields(database: Configure) -> None:
    browser = create_app().test_client()

    answer = make_first_user(browser, password="short")

    assert answer.status_code == 422
    assert "is too short or too long" in answer.text
    assert 'value="Alice"' in answer.text
    assert not is_inside(browser)


def test_once_there_is_a_user_nobody_makes_the_first_one(browser: FlaskClient) -> None:
    form = token(browser.get("/login"))

    answer = browser.post("/first-user", data=FIRST | {"name": "mallory", "csrf_token": form})

    assert answer.status_code == 409
    assert actions() == []


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "192.0.2.7"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_nobody_from_elsewhere_makes_the_first_user(headers: dict[str, str], database: Configure) -> None:
    browser = create_app().test_client()
    form = token(browser.get("/login"))

    answer = browser.post("/first-user", data=FIRST | {"csrf_token": form}, headers=headers)

    assert answer.status_code in {400, 403}
    assert "Make the first one" not in create_app().test_client().get("/login", headers=headers).text


def test_where_keys_are_asked_for_the_first_user_is_made_on_the_command_line(database: Configure) -> None:
    database(SENTINEL_OPEN_MODE="false")
    browser = create_app().test_client()

    assert "sentinel users create" in browser.get("/login").text
    assert make_first_user(browser).status_code == 403


def test_a_page_that_looks_by_itself_keeps_no_session_alive(database: Configure, alice: None) -> None:
    database(SENTINEL_SESSION_IDLE_SECONDS="600")
    browser = create_app().test_client()
    with time_machine.travel(datetime.now(UTC)) as clock:
        log_in(browser)
        assert is_inside(browser)
        for _ in range(2):
            clock.shift(timedelta(seconds=299))
            assert browser.get("/console", headers={"X-Live": "1"}).status_code == 200
        clock.shift(timedelta(seconds=10))

        assert not is_inside(browser)
