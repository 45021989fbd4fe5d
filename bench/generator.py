"""A process that POSTs notifications over kept connections: one thread, raw sockets, little CPU.

Reads a `Plan` as JSON from its standard input and writes an `Outcome` as JSON to its standard output.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

BODY = "Disk /var is 93 % full on db-1"
NUMBER = "########"
"""Where a request's own number stands in the message, in eight digits."""

SMS = {"channel": "sms", "recipient": f"+49151{NUMBER}", "body": BODY}
"""A phone number of its own for each request: no limit per recipient is ever reached."""

HEAD_END = b"\r\n\r\n"
STATUS = slice(9, 12)
ANSWER_SECONDS = 30
READ_SIZE = 65_536


@dataclass(frozen=True, slots=True)
class Plan:
    """What to offer. With a `rate` requests start on time whatever the answers do; without, each follows an answer."""

    port: int
    api_key: str
    first_number: int
    connections: int
    seconds: float
    rate: float | None = None
    message: dict[str, str] = field(default_factory=lambda: SMS)


@dataclass(slots=True)
class Outcome:
    """What came of it: for each request its number, when it was due (Unix time) and how long the answer took."""

    numbers: list[int] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def accepted(self) -> int:
        """How many were answered with 202."""
        return self.statuses.get("202", 0)


def digits(number: int) -> str:
    """A request's number as its message has it."""
    return f"{number % 10 ** len(NUMBER):0{len(NUMBER)}}"


def recipient_of(number: int) -> str:
    """The phone number of a request."""
    return SMS["recipient"].replace(NUMBER, digits(number))


class Connection:
    """One kept connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.number = 0
        self.started = 0.0

    def post(self, request: bytes, number: int, started: float) -> None:
        """Send one request; `started` is when it was due."""
        self.number, self.started, self._received = number, started, b""
        self.sock.sendall(request)

    def answer(self) -> str | None:
        """Read what has come; return the status once the answer is whole."""
        found = self.sock.recv(READ_SIZE)
        if not found:
            raise ConnectionError("the API closed a kept connection in the middle of an answer")
        self._received += found
        head, separator, body = self._received.partition(HEAD_END)
        if not separator or len(body) < content_length(head):
            return None
        return head[STATUS].decode()


def content_length(head: bytes) -> int:
    """The length that a head announces; 0 when it announces none."""
    _, name, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if name else 0


def request(port: int, api_key: str, path: str, body: bytes) -> bytes:
    """A POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(port: int, api_key: str, path: str) -> bytes:
    """A GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {api_key}\r\n\r\n".encode()


class Load:
    """One plan being carried out."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # All requests have one length, so that only the number has to be put in.
        body = json.dumps(plan.message).encode()
        self._parts = request(plan.port, plan.api_key, "/notifications", body).split(NUMBER.encode())
        self._connections = {each.sock.fileno(): each for each in map(Connection, [plan.port] * plan.connections)}
        self._idle = deque(self._connections.values())
        self._poll = select.epoll()
        for descriptor in self._connections:
            self._poll.register(descriptor, select.EPOLLIN)
        self._outcome = Outcome()
        self._sent = 0

    def run(self) -> Outcome:
        """Offer requests until the time is up, then wait for the last answers."""
        begin = time.time()
        end = begin + self._plan.seconds
        while (due := self._due(begin)) < end or len(self._idle) < self._plan.connections:
            now = time.time()
            if self._idle and due <= now and due < end:
                self._post(due)
                continue
            self._receive(due - now if self._idle and due < end else ANSWER_SECONDS)
        self._outcome.seconds = time.time() - begin
        return self._outcome

    def _due(self, begin: float) -> float:
        """A late request counts from when it was due: a slow answer must not hide the wait of those behind it."""
        return time.time() if self._plan.rate is None else begin + self._sent / self._plan.rate

    def _post(self, due: float) -> None:
        number = self._plan.first_number + self._sent
        self._idle.popleft().post(digits(number).encode().join(self._parts), number, due)
        self._sent += 1

    def _receive(self, seconds: float) -> None:
        for descriptor, _ in self._poll.poll(max(0.0, seconds)):
            connection = self._connections[descriptor]
            status = connection.answer()
            if status is not None:
                self._note(connection, status)
                self._idle.append(connection)

    def _note(self, connection: Connection, status: str) -> None:
        self._outcome.numbers.append(connection.number)
        self._outcome.started.append(connection.started)
        self._outcome.answer_ms.append((time.time() - connection.started) * 1000)
        self._outcome.statuses[status] = self._outcome.statuses.get(status, 0) + 1


def main() -> None:
    """Carry out the plan on standard input."""
    plan = Plan(**json.load(sys.stdin))
    load = Load(plan)
    before = time.process_time()
    outcome = load.run()
    outcome.cpu_seconds = time.process_time() - before
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main()
