"""Pages of the console as somebody who is logged in gets them, whatever lies behind them."""

from __future__ import annotations

import http.client
import re
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from bench.context import BenchFailedError
from bench.figures import percentile
from bench.installation import Installation
from sentinel.passwords import password_hash

TURNS = 20
QUICKEST = 25
"""The percentile that counts: what the page takes when nothing else comes in between."""

NAME, PASSWORD = "bench", "a sentence is easy to keep"

PATHS = {
    "dashboard": "",
    "notifications": "/notifications",
    "notifications, failed": "/notifications?status=FAILED",
    "notifications of a client": "/notifications?client=bench",
    "notifications to an address": "/notifications?q={recipient}",
    "a notification": "/notifications/{notification_id}",
    "events": "/events",
    "an event": "/events/{event_id}",
    "inbox": "/inbox",
    "dead letter": "/dead-letters",
    "tickets": "/tickets",
    "rules": "/rules",
    "endpoints": "/endpoints",
    "clients": "/clients",
    "silences": "/silences",
    "audit": "/audit",
    "books": "/audit/books",
}
"""By what they show; below `/console`."""

SAMPLES = {
    "notification_id": "SELECT id::text FROM notifications ORDER BY id DESC LIMIT 1",
    "event_id": "SELECT id::text FROM events ORDER BY id DESC LIMIT 1",
    "recipient": "SELECT recipient FROM notifications ORDER BY id LIMIT 1",
}


class Visitor:
    """Somebody who is logged in, over one connection that is kept."""

    def __init__(self, running: Installation) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", running.system.port, timeout=60)
        with running.connected() as cursor:
            cursor.execute(
                "INSERT INTO users (name, password_hash, role, created_at, updated_at) "
                "VALUES (%s, %s, 'admin', now(), now()) ON CONFLICT DO NOTHING",
                (NAME, password_hash(PASSWORD)),
            )
        self._cookie = ""
        self._log_in()

    def page_ms(self, path: str) -> float:
        """Milliseconds of one page, asked for again and again."""
        taken = []
        for _ in range(TURNS):
            began = time.perf_counter()
            status, _ = self._ask("GET", path)
            taken.append((time.perf_counter() - began) * 1000)
            if status != http.HTTPStatus.OK:
                raise BenchFailedError(f"GET {path} was answered with {status}")
        return percentile(taken, QUICKEST)

    def _log_in(self) -> None:
        _, page = self._ask("GET", "/login")
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
        form = {"name": NAME, "password": PASSWORD, "csrf_token": token[1] if token else ""}
        status, _ = self._ask("POST", "/login", urllib.parse.urlencode(form))
        if status != http.HTTPStatus.SEE_OTHER:
            raise BenchFailedError(f"the login was answered with {status}")

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": self._cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if body else {})
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        cookie = answer.getheader("Set-Cookie")
        self._cookie = cookie.partition(";")[0] if cookie else self._cookie
        return answer.status, answer.read().decode()


def measure(running: Installation) -> Mapping[str, float]:
    """Milliseconds of each page, over HTTP; of those pages for which there is something to show."""
    found: dict[str, Any] = {name: sample[0] for name, each in SAMPLES.items() if (sample := running.ask(each))}
    quoted = {name: urllib.parse.quote(value) for name, value in found.items()}
    visitor = Visitor(running)
    return {name: visitor.page_ms(f"/console{path.format(**quoted)}") for name, path in PATHS.items()}
