"""A process that takes webhooks and remembers when each came first: `python -m bench.receiver`.

The first line it prints is its URL. POST anything anywhere: 200. `GET /` tells how many have come, `GET /arrivals`
when; `DELETE /` forgets all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.alerts import TOKEN
from bench.context import ROOT

HEAD_END = b"\r\n\r\n"
WAITING_CONNECTIONS = 4096


@dataclass(slots=True)
class Ledger:
    """For each place and alert when it came first (Unix time); `copies` came again."""

    first: dict[str, float] = field(default_factory=dict)
    copies: int = 0

    def note(self, path: str, body: bytes) -> None:
        """Take down the alerts of one webhook."""
        now = time.time()
        for token in set(TOKEN.findall(body)):
            key = f"{path} {token.decode()}"
            if key in self.first:
                self.copies += 1
            else:
                self.first[key] = now

    def answer(self, method: str, path: str, body: bytes) -> object:
        """What goes back for one request."""
        if method == "POST":
            self.note(path, body)
            return {}
        if method == "DELETE":
            self.first.clear()
            self.copies = 0
        return self.first if path == "/arrivals" else asdict(Tally(len(self.first), self.copies))


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
            found = json.dumps(self._ledger.answer(*request)).encode()
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(found), found)
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

    def _ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 # our own process
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.receiver"], cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        yield Receiver(process.stdout.readline().strip(), process.pid)  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def _serve() -> None:
    ledger = Ledger()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(ledger), "127.0.0.1", 0, backlog=WAITING_CONNECTIONS
    )
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
