"""Asks Flower on behalf of somebody who is logged in here. Flower's pages learn their new place on the way.

Flower stands at the root of its own address, and keeps it. What it says of itself (`href="/workers"`) is put below
`PREFIX` as it passes: docs/decisions/186-flower-behind-the-console.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from sentinel.embedded.ports import reachable
from sentinel.errors import SentinelError
from sentinel.settings import Settings

PREFIX = "/console/flower"

TIMEOUT_SECONDS = 10.0
"""Flower asks workers before it answers some questions, and gives them a second."""

LONGEST_PAGE = 8 * 2**20
"""A page is read whole; other answers pass as they come."""

PIECE = 64 * 1024

PASSED_ON = ("Accept", "Accept-Language", "Content-Type", "If-None-Match", "If-Modified-Since", "X-Requested-With")
"""What Flower is told of a request: no cookie, no host, nothing that another program's login could hang on."""

PASSED_BACK = ("Content-Type", "ETag", "Last-Modified", "Cache-Control")
"""What a browser is told of an answer. Where it leads, and what it says of logins, is not among it."""

# Attributes only: in Flower's pages a quotation mark within a text is written as &quot;
ADDRESS = re.compile(rb'(\b(?:href|src|action)=")/(?!/)')
OWN_PLACE = re.compile(rb'(<input type="hidden" value=")[^"]*(" id="url_prefix">)')


MENU = b'<ul class="app-nav navbar-nav">'
WAY_BACK = b'<li class="nav-item"><a class="nav-link" href="/console">\xe2\x86\x90 Sentinel</a></li>'


class FlowerAwayError(SentinelError):
    """Flower does not answer."""


class FlowerSilentError(FlowerAwayError):
    """Flower was asked and gave no answer: it may do what it was asked for."""


class PageTooLargeError(SentinelError):
    """A page of Flower is longer than is read here."""


@dataclass(frozen=True, slots=True)
class Question:
    """What Flower is asked: a path of its own, with its arguments."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What Flower says; `body` is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    location: str | None
    body: Iterator[bytes]


def address(settings: Settings) -> str:
    """Where Flower listens, as seen from here."""
    if settings.flower_url:
        return settings.flower_url.rstrip("/")
    host = reachable(settings.flower_host)
    return f"http://[{host}]:{settings.flower_port}" if ":" in host else f"http://{host}:{settings.flower_port}"


def ask(question: Question, settings: Settings) -> Answer:
    """Ask Flower; raises `FlowerAwayError`, `FlowerSilentError` or `PageTooLargeError`."""
    connection = _connection(address(settings))
    headers = {name: value for name, value in question.headers.items() if name in PASSED_ON} | _login(settings)
    failure = FlowerAwayError
    try:
        connection.connect()
        failure = FlowerSilentError
        connection.request(question.method, question.path, question.body, headers)
        answer = connection.getresponse()
        told = {name: value for name, value in answer.getheaders() if name in PASSED_BACK}
        location = answer.getheader("Location")
        if told.get("Content-Type", "").startswith("text/html"):
            body = iter([at_home(_whole(answer))])
            connection.close()
        else:
            body = _pieces(connection, answer)
    except (OSError, HTTPException) as error:
        connection.close()
        raise failure(f"Flower does not answer at {address(settings)}: {type(error).__name__}") from None
    except PageTooLargeError:
        connection.close()
        raise
    return Answer(answer.status, told, location and moved(location), body)


def at_home(page: bytes) -> bytes:
    """A page of Flower whose addresses lie below `PREFIX`, and which leads back."""
    below = PREFIX.encode()
    moved_page = OWN_PLACE.sub(rb"\g<1>" + below + rb"\g<2>", ADDRESS.sub(rb"\g<1>" + below + b"/", page))
    return moved_page.replace(MENU, MENU + WAY_BACK, 1)


def moved(location: str) -> str:
    """Where Flower leads, below `PREFIX`, whatever host it names; its own first page if that is nowhere."""
    parts = urlsplit(location)
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return f"{PREFIX}{path}" + (f"?{parts.query}" if parts.query else "")


def _connection(base: str) -> HTTPConnection:
    parts = urlsplit(base)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def _login(settings: Settings) -> dict[str, str]:
    """Flower's own password, where it has one: the people here have shown theirs."""
    if settings.flower_basic_auth is None:
        return {}
    secret = settings.flower_basic_auth.get_secret_value().encode()
    return {"Authorization": f"Basic {base64.b64encode(secret).decode()}"}


def _whole(answer: HTTPResponse) -> bytes:
    page = answer.read(LONGEST_PAGE + 1)
    if len(page) > LONGEST_PAGE:
        raise PageTooLargeError(f"This page of Flower is larger than {LONGEST_PAGE // 2**20} MB: ask for less of it")
    return page


def _pieces(connection: HTTPConnection, answer: HTTPResponse) -> Iterator[bytes]:
    try:
        while piece := answer.read(PIECE):
            yield piece
    finally:
        connection.close()
