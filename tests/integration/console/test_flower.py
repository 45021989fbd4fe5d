"""Flower behind the console's login: who sees it, who acts, and what it is not told."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.datastructures import MultiDict

from sentinel.web import flower_relay
from tests.conftest import Configure
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions

PAGE = '<ul class="app-nav navbar-nav"></ul><a href="/tasks">Tasks</a><input type="hidden" value="" id="url_prefix">'
LOGIN = "ops:secret"


@pytest.fixture
def flower(httpserver: HTTPServer, database: Configure) -> Iterator[HTTPServer]:
    """A server in Flower's place."""
    database(SENTINEL_FLOWER_URL=httpserver.url_for("").rstrip("/"), SENTINEL_FLOWER_BASIC_AUTH=LOGIN)
    yield httpserver
    httpserver.check_assertions()


def asked(flower: HTTPServer) -> Request:
    """What Flower was asked last."""
    return flower.log[-1][0]


@pytest.fixture
def operator(flower: HTTPServer, as_role: AsRole) -> Visit:
    return as_role("operator")


@pytest.fixture
def admin(flower: HTTPServer, as_role: AsRole) -> Visit:
    return as_role("admin")


def test_an_operator_sees_flowers_pages_at_their_new_place(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/workers").respond_with_data(PAGE, content_type="text/html; charset=UTF-8")

    answer = operator.get("/console/flower/workers", search="a b")

    assert answer.status_code == 200
    assert 'href="/console/flower/tasks"' in answer.text
    assert 'value="/console/flower" id="url_prefix"' in answer.text
    assert 'href="/console"' in answer.text
    assert asked(flower).query_string == b"search=a+b"
    assert "sha256-" in answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" not in answer.headers["Content-Security-Policy"]


def test_flower_learns_its_own_password_and_nothing_of_the_login_here(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/").respond_with_data(PAGE, content_type="text/html")

    operator.browser.get("/console/flower/", headers={"Authorization": "Bearer mine", "X-Forwarded-For": "1.2.3.4"})

    headers = asked(flower).headers
    assert headers["Authorization"] == f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    assert "Cookie" not in headers
    assert "X-Forwarded-For" not in headers


def test_what_flower_says_of_itself_does_not_come_through(flower: HTTPServer, operator: Visit) -> None:
    told = {"Set-Cookie": "user=x", "Access-Control-Allow-Origin": "*", "Server": "Tornado", "Connection": "close"}
    flower.expect_request("/static/a.js").respond_with_data("let a;", content_type="text/javascript", headers=told)

    answer = operator.get("/console/flower/static/a.js")

    assert answer.text == "let a;"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "user=x" not in str(answer.headers)


def test_where_flower_leads_is_below_the_console(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/old").respond_with_response(Response("", 302, {"Location": "http://evil.example/login"}))

    assert operator.get("/console/flower/old").headers["Location"] == "/console/flower/login"


def test_the_table_of_tasks_asks_by_post_and_gets_what_it_asked_for(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/tasks/datatable", method="POST").respond_with_json({"data": []})

    fields = MultiDict({"draw": "1", "search[value]": "ä & b"})
    answer = operator.send("/console/flower/tasks/datatable", fields)

    assert answer.json == {"data": []}
    assert dict(asked(flower).form.items())["search[value]"] == "ä & b"
    assert actions() == []


def test_flowers_script_finds_our_token_where_it_looks_for_its_own(flower: HTTPServer, admin: Visit) -> None:
    flower.expect_request("/").respond_with_data(PAGE, content_type="text/html")
    flower.expect_request("/tasks/datatable", method="POST").respond_with_json({"data": []})
    admin.get("/console/flower/")
    cookie = admin.browser.get_cookie("_xsrf", path="/console/flower")
    assert cookie
    assert (cookie.path, cookie.same_site, cookie.http_only) == ("/console/flower", "Strict", False)

    path = "/console/flower/tasks/datatable"
    assert admin.browser.post(path, data={"draw": "1"}).status_code == 400
    answer = admin.browser.post(path, data={"draw": "1"}, headers={"X-XSRFToken": cookie.value})

    assert answer.status_code == 200


def test_an_admin_acts_and_that_is_written_down(flower: HTTPServer, admin: Visit) -> None:
    flower.expect_request("/api/worker/shutdown/sms-1@vm", method="POST").respond_with_json({"message": "Shut down!"})

    answer = admin.send("/console/flower/api/worker/shutdown/sms-1@vm")

    assert (answer.status_code, answer.json) == (200, {"message": "Shut down!"})
    assert actions() == [("alice", "flower.worker_shutdown", "worker sms-1@vm", None)]


def test_what_flower_refuses_is_not_written_down_as_done(flower: HTTPServer, admin: Visit) -> None:
    flower.expect_request("/api/task/revoke/7", method="POST").respond_with_data("needs a password", 401)

    answer = admin.send("/console/flower/api/task/revoke/7", terminate="true")

    assert (answer.status_code, answer.text) == (401, "needs a password")
    assert "WWW-Authenticate" not in answer.headers
    assert actions() == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("api/worker/pool/grow/sms-1@vm?n=50", "n"),
        ("api/worker/pool/grow/sms-1@vm", "a\0"),
        ("api/worker/shutdown/x%00", "n"),
    ],
)
def test_what_the_trail_could_not_tell_is_not_done(path: str, field: str, flower: HTTPServer, admin: Visit) -> None:
    answer = admin.send(f"/console/flower/{path}", MultiDict({field: "1\0" if "\0" in field else "1"}))

    assert (answer.status_code, "<h1" in answer.text) == (400, True)
    assert flower.log == []
    assert actions() == []


def test_what_flower_was_asked_for_is_written_down_though_it_never_answers(
    flower: HTTPServer, admin: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flower_relay, "TIMEOUT_SECONDS", 0.05)
    asked_for, over = threading.Event(), threading.Event()

    def never(_: Request) -> Response:
        asked_for.set()
        over.wait(10)
        return Response("late")

    flower.expect_request("/api/worker/shutdown/sms-1@vm", method="POST").respond_with_handler(never)

    answer = admin.send("/console/flower/api/worker/shutdown/sms-1@vm")

    over.set()
    assert (answer.status_code, asked_for.wait(10)) == (503, True)
    assert actions() == [("alice", "flower.worker_shutdown", "worker sms-1@vm", None)]
    assert "answer none" in admin.get("/console/audit").text


def test_arguments_beyond_ascii_are_quoted(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/tasks").respond_with_data("", content_type="text/plain")

    answer = operator.browser.get("/console/flower/tasks", environ_overrides={"QUERY_STRING": "q=\xc3\xa4%20b&r=[1]"})

    assert answer.status_code == 200
    assert asked(flower).query_string == b"q=%C3%A4%20b&r=[1]"


def test_a_page_that_is_too_large_is_not_cut_silently(
    flower: HTTPServer, operator: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flower_relay, "LONGEST_PAGE", 100)
    flower.expect_request("/tasks").respond_with_data(PAGE + "x" * 100, content_type="text/html")

    answer = operator.get("/console/flower/tasks")

    assert (answer.status_code, "This page of Flower is larger" in answer.text) == (502, True)


@pytest.mark.parametrize("path", ["api/task/apply/tasks.x", "api/task/send-task/tasks.x", "api/worker/shutdown"])
def test_what_no_button_of_flower_does_is_done_by_nobody(path: str, flower: HTTPServer, admin: Visit) -> None:
    assert admin.send(f"/console/flower/{path}").status_code == 404
    assert flower.log == []


def test_an_operator_acts_on_no_worker_and_a_viewer_sees_nothing(flower: HTTPServer, as_role: AsRole) -> None:
    assert as_role("operator").send("/console/flower/api/worker/shutdown/x").status_code == 403
    viewer = as_role("viewer")
    assert viewer.get("/console/flower/").status_code == 403
    assert viewer.send("/console/flower/tasks/datatable").status_code == 403
    assert flower.log == []
    assert "Flower</a>" not in viewer.get("/console/queues").text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(method: str, flower: HTTPServer, admin: Visit) -> None:
    headers = {"X-CSRFToken": admin._token}

    assert admin.browser.open("/console/flower/workers", method=method, headers=headers).status_code == 405


def test_a_form_that_is_too_large_is_refused(flower: HTTPServer, admin: Visit) -> None:
    assert admin.send("/console/flower/tasks/datatable", draw="x" * 70_000).status_code == 413


def test_where_flower_does_not_run_a_page_says_what_to_do(database: Configure, as_role: AsRole) -> None:
    database(SENTINEL_FLOWER_URL="http://127.0.0.1:1")

    answer = as_role("operator").get("/console/flower/workers")

    assert answer.status_code == 503
    assert "Flower does not answer at http://127.0.0.1:1" in answer.text
    assert "sentinel flower" in answer.text


def test_a_password_that_the_api_does_not_know_is_said(flower: HTTPServer, operator: Visit) -> None:
    refusal = {"WWW-Authenticate": 'Basic realm="flower"'}
    flower.expect_request("/").respond_with_data("Access denied", 401, refusal, content_type="text/html")

    answer = operator.get("/console/flower/")

    assert (answer.status_code, "SENTINEL_FLOWER_BASIC_AUTH" in answer.text) == (502, True)
    assert "WWW-Authenticate" not in answer.headers


def test_a_page_that_looks_by_itself_keeps_nobody_logged_in(flower: HTTPServer, operator: Visit) -> None:
    flower.expect_request("/workers").respond_with_json({"data": []})

    by_itself = operator.browser.get("/console/flower/workers", headers={"X-Requested-With": "XMLHttpRequest"})
    by_hand = operator.get("/console/flower/workers")

    assert "sentinel_session" not in str(by_itself.headers.get("Set-Cookie"))
    assert "sentinel_session" in str(by_hand.headers.get("Set-Cookie"))
