"""The client of `sentinel chaos` against a server that fails in every way there is, on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from sentinel.chaos.traffic import Order, Traffic

SINGLE = Order(0.0, "/notifications", {"body": "a"}, ("chaos-1-0",))
BATCH = Order(0.0, "/events/batch", [{"event_id": "b"}, {"event_id": "c"}], ("chaos-1-1", "chaos-1-2"))


class Server(BaseHTTPRequestHandler):
    """Gives the scripted answers in turn; None: reads the request and hangs up."""

    script: ClassVar[list[tuple[int, Any] | None]] = []
    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        answer = self.script.pop(0)
        if answer is None:
            return
        body = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(*script: tuple[int, Any] | None) -> Iterator[str]:
    Server.script[:], Server.keys[:] = script, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def carried_out(url: str, order: Order, ledger: Path) -> Traffic:
    traffic = Traffic(url, iter([order]), ledger)
    traffic.start()
    traffic.join()
    return traffic


def test_a_request_without_an_answer_is_repeated_under_its_key_and_the_outage_is_measured(tmp_path: Path) -> None:
    ledger = tmp_path / "accepted"
    with serving(None, (503, {}), (202, {"id": "n1"})) as url:
        book = carried_out(url, SINGLE, ledger).book

    assert Server.keys == ["chaos-1-0"] * 3
    assert book.accepted == {"chaos-1-0": "n1"}
    assert sum(book.answers.values()) == 3
    assert 0.9 < book.longest_outage < 10
    assert json.loads(ledger.read_text())["id"] == "n1"


def test_each_item_of_a_batch_is_accepted_or_refused_alone(tmp_path: Path) -> None:
    answer = [{"index": 0, "status": 202, "event": {"id": "e1"}}, {"index": 1, "status": 422, "errors": []}]
    with serving((207, answer)) as url:
        book = carried_out(url, BATCH, tmp_path / "accepted").book

    assert book.accepted == {"chaos-1-1": "e1"}
    assert list(book.refused) == ["chaos-1-2"]
    assert book.longest_outage == 0


def test_a_refusal_is_no_outage_and_is_not_repeated(tmp_path: Path) -> None:
    with serving((422, {"errors": []})) as url:
        book = carried_out(url, SINGLE, tmp_path / "accepted").book

    assert (book.accepted, list(book.refused), len(Server.keys)) == ({}, ["chaos-1-0"], 1)
