"""Behind a reverse proxy: the real server, a real proxy on this machine, and visitors who say what they like."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from sentinel.models import Action
from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work
from tests.conftest import Configure
from tests.system import running_system

PASSWORD = "correct horse battery"
OUTSIDE = "sentinel.example.com"
HERE, ELSEWHERE = "127.0.0.1/32", "10.0.0.0/8"

Serve = Callable[..., AbstractContextManager[int]]


@pytest.fixture
def serving(database: Configure, tmp_path: Path) -> Serve:
    """Run `sentinel api` with these proxies trusted; its port."""

    @contextmanager
    def serve(proxies: str, **variables: str) -> Iterator[int]:
        with running_system(tmp_path, SENTINEL_TRUSTED_PROXIES=proxies, **variables) as system:
            system.start_api()
            yield system.port

    return serve


class Proxy(BaseHTTPRequestHandler):
    """Ends TLS, as its visitors believe, and hands on what it was sent; the test says from where somebody comes."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object, port: int) -> None:
        self._port = port
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Ask the server, and add what a proxy knows to what it was told."""
        told = {name: value for name, value in self.headers.items() if name not in ("Host", "Connection", "Came-From")}
        chain = [*self.headers.get_all("X-Forwarded-For", []), self.headers["Came-From"]]
        told |= {"X-Forwarded-For": ", ".join(chain), "X-Forwarded-Proto": "https"}
        told |= {"X-Forwarded-Host": self.headers["Host"]}
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request(self.command, self.path, body, told)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_POST = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def proxy_before(port: int) -> Iterator[str]:
    """The address of a proxy in front of a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Proxy, port=port)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Browser:
    """Somebody who comes through the proxy from an address of theirs, with what they send along."""

    def __init__(self, proxy: str, came_from: str, **headers: str) -> None:
        self._proxy = proxy
        self._session = requests.Session()
        self._session.headers.update({"Host": OUTSIDE, "Came-From": came_from} | headers)

    def get(self, path: str) -> requests.Response:
        return self._session.get(f"{self._proxy}{path}", timeout=30, allow_redirects=False)

    def log_in(self, password: str, *, referer: str = f"https://{OUTSIDE}/login") -> requests.Response:
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get("/login").text)
        assert found
        form = {"csrf_token": found[1], "name": "alice", "password": password, "next": ""}
        headers = {"Referer": referer}
        return self._session.post(f"{self._proxy}/login", data=form, headers=headers, timeout=30, allow_redirects=False)


def asked(port: int, times: int = 1, **headers: str) -> list[int]:
    """What the server answers somebody without a key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [requests.get(f"http://127.0.0.1:{port}/nope", headers=named, timeout=30).status_code for _ in range(times)]


def trail() -> list[tuple[str, str]]:
    """What the audit trail says of logins: (action, from)."""
    with unit_of_work() as uow:
        rows = uow.session.execute(select(Action.action, Action.origin).order_by(Action.id))
        return [(action, origin) for action, origin in rows]


def test_each_visitor_of_a_trusted_proxy_has_a_rate_of_its_own(serving: Serve) -> None:
    with serving(HERE, SENTINEL_API_RATE="2/hour") as port, proxy_before(port) as proxy:
        alice = Browser(proxy, "203.0.113.1", **{"X-Forwarded-For": "6.6.6.6"})
        liar = Browser(proxy, "203.0.113.1", **{"X-Forwarded-For": "203.0.113.99, 127.0.0.1"})
        bob = Browser(proxy, "2001:db8::7")

        assert [alice.get("/nope").status_code for _ in range(2)] == [404, 404]
        assert [liar.get("/nope").status_code, alice.get("/nope").status_code] == [429, 429]
        assert bob.get("/nope").status_code == 404


def test_who_is_no_trusted_proxy_cannot_say_who_they_are(serving: Serve) -> None:
    with serving(ELSEWHERE, SENTINEL_API_RATE="2/hour") as port:
        forged = [asked(port, X_Forwarded_For=f"203.0.113.{number}")[0] for number in range(3)]

        assert forged == [404, 404, 429]


def test_the_login_counts_and_the_trail_tells_visitors_apart(serving: Serve, database: Configure) -> None:
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="admin")
    with serving(HERE) as port, proxy_before(port) as proxy:
        guesser, alice = Browser(proxy, "203.0.113.66"), Browser(proxy, "203.0.113.1")

        guesses = [guesser.log_in("wrong horse battery").status_code for _ in range(6)]
        answer = alice.log_in(PASSWORD)

        assert guesses == [422] * 5 + [429]
        assert (answer.status_code, answer.headers["Location"]) == (303, "/console")
        assert trail() == [
            *[("session.refuse", "203.0.113.66")] * 5,
            ("session.throttle", "203.0.113.66"),
            ("session.begin", "203.0.113.1"),
        ]
        # Pages name the server as the visitor knows it.
        assert f"https://{OUTSIDE}/notifications" in alice.get("/console/inbox").text


def test_behind_https_a_form_of_another_site_is_refused(serving: Serve, database: Configure) -> None:
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="admin")
    with serving(HERE) as port, proxy_before(port) as proxy:
        answer = Browser(proxy, "203.0.113.1").log_in(PASSWORD, referer="https://elsewhere.example/")

        assert answer.status_code == 400
        assert trail() == []


@pytest.mark.parametrize("proxies", [HERE, ELSEWHERE])
def test_no_header_opens_what_stands_behind_a_proxy(proxies: str, serving: Serve) -> None:
    headers: list[dict[str, str]] = [
        {},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "http"},
        {"X-Forwarded-For": "203.0.113.7, 127.0.0.1"},
        {"Host": "localhost", "X-Real-IP": "127.0.0.1"},
    ]
    with serving(proxies) as port:
        for each in headers:
            answer = requests.get(f"http://127.0.0.1:{port}/notifications", headers=each, timeout=30)
            assert (answer.status_code, each) == (401, each)
