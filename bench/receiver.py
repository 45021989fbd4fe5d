"""A process that takes webhooks and remembers when each came first: `python -m bench.receiver`.

The first line it prints is its URL. POST anything anywhere: 200, or what `PUT /refusals` asks for, after as many
seconds as `PUT /delay` says. `GET /` tells how many have come, `GET /arrivals` when; `DELETE /` forgets all.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.alerts import TOKEN
from bench.context import ROOT
from bench.generator import HEAD_END, READ_SIZE, content_length
from sentinel.embedded.ports import LOOPBACK

WAITING_CONNECTIONS = 4096
OK = 200
HEAD = b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
TAKEN = HEAD % (OK, b"", 2) + b"{}"


@dataclass(frozen=True, slots=True)
class Refusals:
    """The first `tries` of every alert are answered with `status` and the wish to wait for a second."""

    tries: int = 0
    status: int = 503


@dataclass(slots=True)
class Ledger:
    """For each place and alert when it came first (Unix time); `copies` came again.

    Answers wait for `delay_seconds`; `most_held` is how many senders waited at once.
    """

    first: dict[str, float] = field(default_factory=dict)
    copies: int = 0
    delay_seconds: float = 0.0
    most_held: int = 0
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
        if method == "PUT" and path == "/delay":
            self.delay_seconds = json.loads(body)["seconds"]
        elif method == "PUT":
            self.refusals = Refusals(**json.loads(body))
        if method == "DELETE":
            self.first.clear()
            self.tries.clear()
            self.copies, self.refusals, self.most_held = 0, Refusals(), 0
        return OK, self.first if path == "/arrivals" else asdict(Tally(len(self.first), self.copies, self.most_held))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many different webhooks have come, how many came again, and how many waited for their answer at once."""

    arrived: int
    copies: int
    most_held: int = 0


@dataclass(slots=True, eq=False)
class Connection:
    """One sender's, with what has come of a request so far."""

    sock: socket.socket
    received: bytes = b""


class Server:
    """HTTP/1.1 over kept connections, as far as senders of webhooks speak it.

    It shares the machine with what is measured, so it is one loop over epoll: that takes a third of what asyncio takes.
    A socket is read when there is something to read; an answer is short, so writing it never waits.
    """

    def __init__(self, port: int) -> None:
        self._ledger = Ledger()
        self._listener = socket.create_server((LOOPBACK, port), backlog=WAITING_CONNECTIONS)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._connections: dict[int, Connection] = {}
        self._held: deque[tuple[float, Connection, bytes]] = deque()

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self._listener.getsockname()[1]
        return found

    def run(self) -> None:
        """Serve for ever."""
        while True:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor == self._listener.fileno():
                    self._accept()
                else:
                    self._read(self._connections[descriptor])
            self._release()

    def _patience(self) -> float:
        """Seconds until the next held answer is due; for ever when there is none."""
        return max(0.0, self._held[0][0] - time.monotonic()) if self._held else -1

    def _accept(self) -> None:
        taken, _ = self._listener.accept()
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[taken.fileno()] = Connection(taken)
        self._poll.register(taken, select.EPOLLIN)

    def _read(self, connection: Connection) -> None:
        """Answer every request that is whole."""
        try:
            received = connection.sock.recv(READ_SIZE)
        except ConnectionError:
            received = b""
        if not received:
            self._close(connection)
        connection.received += received
        while (found := whole(connection.received)) is not None:
            (method, path, body), connection.received = found
            self._answer(connection, method, written(*self._ledger.answer(method, path, body)))

    def _answer(self, connection: Connection, method: str, answer: bytes) -> None:
        if method == "POST" and self._ledger.delay_seconds:
            self._held.append((time.monotonic() + self._ledger.delay_seconds, connection, answer))
            self._ledger.most_held = max(self._ledger.most_held, len(self._held))
        else:
            self._write(connection, answer)

    def _release(self) -> None:
        """Send the answers that are due."""
        now = time.monotonic()
        while self._held and self._held[0][0] <= now:
            _, connection, answer = self._held.popleft()
            self._write(connection, answer)

    def _write(self, connection: Connection, answer: bytes) -> None:
        """A sender that has gone by then gets nothing."""
        try:
            connection.sock.sendall(answer)
        except OSError:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection.sock.fileno(), None) is not None:
            self._poll.unregister(connection.sock)
            connection.sock.close()


def whole(received: bytes) -> tuple[tuple[str, str, bytes], bytes] | None:
    """The first request (method, path, body) and what follows it; None while it has not come to its end."""
    end = received.find(HEAD_END)
    if end < 0:
        return None
    head = received[:end]
    begin = end + len(HEAD_END)
    length = content_length(head)
    if len(received) < begin + length:
        return None
    method, path, _ = head.decode("latin-1").split(" ", 2)
    return (method, path, received[begin : begin + length]), received[begin + length :]


def written(status: int, answer: object) -> bytes:
    """The answer as it goes over the wire."""
    if status == OK and not answer:
        return TAKEN
    found = json.dumps(answer).encode()
    wait = b"" if status == OK else b"Retry-After: 1\r\n"
    return HEAD % (status, wait, len(found)) + found


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

    def delay(self, seconds: float) -> None:
        """Let every sender wait for its answer."""
        self._ask("PUT", "/delay", json.dumps({"seconds": seconds}).encode())

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


def _serve(port: int) -> None:
    server = Server(port)
    sys.stdout.write(f"http://{LOOPBACK}:{server.port}\n")
    sys.stdout.flush()
    server.run()


if __name__ == "__main__":
    _serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
