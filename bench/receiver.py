"""A process that takes webhooks and remembers when each came first: `python -m bench.receiver`.

The first line it prints is its URL. POST anything anywhere: 200, or what `PUT /refusals` asks for. `GET /` tells how
many have come, `GET /arrivals` when; `DELETE /` forgets all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.alerts import TOKEN
from bench.context import ROOT

HEAD_END = b"\r\n\r\n"
WAITING_CONNECTIONS = 4096
OK = 200


@dataclass(frozen=True, slots=True)
class Refusals:
    """The first `tries` of every alert are answered with `status` and the wish to wait for a second."""

    tries: int = 0
    status: int = 503


@dataclass(slots=True)
class Ledger:
    """For each place and alert when it came first (Unix time); `copies` came again."""

    first: dict[str, float] = field(default_factory=dict)
    copies: int = 0
    refusals: Refusals = field(default_factory=Refusals)
    tries: Counter[str] = field(default_factory=Counter)

    def refuses(self, path: str, body: bytes) -> bool:
        """Whether this try of an alert is one of those that are to be refused."""
        if not self.refusals.tries:
            return False
        key = f"{path} {b' '.join(sorted(set(TOKEN.findall(body)))).decode()}"
        self.tries[key] += 1
        return self.tries[key] <= self.refusals.tries

    def note(self, path: str, body: bytes) -> None:
        """Take down the alerts of one webhook."""
        now = time.time()
        for token in set(TOKEN.findall(body)):
            key = f"{path} {token.decode()}"
            if key in self.first:
                self.copies += 1
            else:
                self.first[key] = now

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """What goes back for one request: status and body."""
        if method == "POST":
            if self.refuses(path, body):
                return self.refusals.status, {}
            self.note(path, body)
            return OK, {}
        if method == "PUT":
            self.refusals = Refusals(**json.loads(body))
        if method == "DELETE":
            self.first.clear()
            self.tries.clear()
            self.copies, self.refusals = 0, Refusals()
        return OK, self.first if path == "/arrivals" else asdict(Tally(len(self.first), self.copies))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many different webhooks have come, and how many came again."""

    arrived: int
    copies: int


class Connection(asyncio.Protocol):
    """One connection of a sender; requests have a Content-Length or no body."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._buffer += data
        while (request := self._whole()) is not None:
            status, answer = self._ledger.answer(*request)
            found = json.dumps(answer).encode()
            wait = b"" if status == OK else b"Retry-After: 1\r\n"
            self._transport.write(
                b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
                % (status, wait, len(found), found)
            )

    def _whole(self) -> tuple[str, str, bytes] | None:
        """Take the next request out of the buffer; None while it has not come to its end."""
        head, separator, rest = self._buffer.partition(HEAD_END)
        length = content_length(head)
        if not separator or len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, path, _ = head.decode("latin-1").split(" ", 2)
        return method, path, rest[:length]


def content_length(head: bytes) -> int:
    """The length that a head announces; 0 when it announces none."""
    _, name, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if name else 0


@dataclass(frozen=True, slots=True)
class Receiver:
    """In the bench: the running process."""

    url: str
    pid: int

    def tally(self) -> Tally:
        """How many have come."""
        return Tally(**self._ask("GET", "/"))

    def arrivals(self) -> dict[str, float]:
        """When each came: `/path token` and Unix time."""
        found: dict[str, float] = self._ask("GET", "/arrivals")
        return found

    def forget(self) -> None:
        """Begin again."""
        self._ask("DELETE", "/")

    def refuse(self, refusals: Refusals) -> None:
        """Refuse the first tries of every alert."""
        self._ask("PUT", "/refusals", json.dumps(asdict(refusals)).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310 # our own process
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver of its own."""
    command = [sys.executable, "-m", "bench.receiver", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0)
    try:
        yield Receiver(process.stdout.readline().strip(), process.pid)  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def _serve(port: int) -> None:
    ledger = Ledger()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(ledger), "127.0.0.1", port, backlog=WAITING_CONNECTIONS
    )
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
