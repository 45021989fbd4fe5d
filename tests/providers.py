"""Twilio and SendGrid on a port of this machine: real wire, scripted faults, a ledger of all that arrived.

In a test: `with ProviderStandIn() as stand_in: … stand_in.url, stand_in.script(reset()), stand_in.entries`.
As a process that outlives the workers it serves: `python -m tests.providers --port 0 --ledger FILE`, or
`ProviderProcess(ledger_path)`. The process takes faults over `PUT /_control/faults`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as made_by
from email.utils import formatdate
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "stand-in-auth-token"
API_KEY = "SG.stand-in.api-key"

Ending = Literal["whole", "truncated", "drip", "drip_body", "endless", "reset", "reset_unread", "silence"]
_NO_ANSWER = {"reset", "reset_unread", "silence"}
_DRIP_SECONDS = 0.05
_ENDLESS_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted answer. Without a `status` the request is answered as usual, after the delay, in this ending."""

    status: int | None = None
    code: int | None = None
    message: str = "scripted"
    field: str | None = None
    body: str | None = None
    headers: dict[str, str] = made_by(default_factory=dict)
    delay_seconds: float = 0.0
    ending: Ending = "whole"


def refused(status: int, code: int | None = None, message: str = "scripted", **more: Any) -> Fault:
    """An error as the provider writes it: Twilio's JSON with `code`, SendGrid's with `message` and `field`."""
    return Fault(status, code=code, message=message, **more)


def raw(status: int, body: str = "", **headers: str) -> Fault:
    """An answer with these very bytes (latin-1) as its body; `Retry_After="5"` becomes the header Retry-After."""
    return Fault(status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def rate_limited(**headers: str) -> Fault:
    """429 with headers of your choice."""
    return Fault(
        429, code=20429, message="Too Many Requests", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def html(status: int) -> Fault:
    """What a proxy in front of the provider says."""
    return Fault(status, body=f"<html><h1>{status}</h1></html>", headers={"Content-Type": "text/html"})


def redirect(location: str = "/elsewhere") -> Fault:
    """302: followed, it would turn the POST into a GET."""
    return Fault(302, body="", headers={"Location": location})


def reset() -> Fault:
    """Read the request, then reset the connection."""
    return Fault(ending="reset")


def reset_unread() -> Fault:
    """Reset the next connection before anything is read from it."""
    return Fault(ending="reset_unread")


def silence() -> Fault:
    """Read the request and never answer."""
    return Fault(ending="silence")


def drip() -> Fault:
    """Drip byte by byte, never to the end of the head: no single read times out."""
    return Fault(ending="drip")


def drip_body() -> Fault:
    """Answer with a whole head, and then drip."""
    return Fault(ending="drip_body")


def truncated() -> Fault:
    """Answer as usual, but lose half of the body."""
    return Fault(ending="truncated")


def delayed(seconds: float) -> Fault:
    """Answer as usual, later."""
    return Fault(delay_seconds=seconds)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that arrived, and how it was answered. `status` is None when it was not answered at all."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    recipient: str
    text: str
    peer_port: int
    status: int | None
    ending: str
    message_id: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the sender got a whole acceptance."""
        return self.message_id is not None and self.ending == "whole"


def read_ledger(path: Path) -> list[Entry]:
    """The ledger a stand-in process writes; complete up to the last request it answered."""
    return [Entry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whom the stand-in lets in."""

    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    api_key: str = API_KEY

    @property
    def basic(self) -> str:
        """The Authorization header of Twilio's account."""
        return "Basic " + base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed request."""

    method: str
    path: str
    headers: dict[str, str]
    raw_body: bytes

    @property
    def is_twilio(self) -> bool:
        """Whether it went to Twilio's half of the stand-in."""
        return self.path.startswith("/2010-04-01/")

    def body(self) -> dict[str, Any]:
        """The form or JSON object that came; empty when it is neither."""
        if self.is_twilio:
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True))
        try:
            value = json.loads(self.raw_body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `message_id` is set when the message was accepted."""

    status: int
    body: bytes
    headers: dict[str, str] = made_by(default_factory=lambda: {"Content-Type": "application/json"})
    message_id: str | None = None


class Book:
    """The ledger and the script of one stand-in."""

    def __init__(self, credentials: Credentials, ledger: Path | None = None) -> None:
        self.credentials = credentials
        self.entries: list[Entry] = []
        self.connections = 0
        self.open: dict[asyncio.Transport, asyncio.Event] = {}
        self.queue: deque[Fault] = deque()
        self.by_recipient: dict[str, deque[Fault]] = {}
        self.always: Fault | None = None
        # Unbuffered: each line is with the kernel before its request is answered.
        self._file = ledger.open("ab", buffering=0) if ledger else None

    def write(self, entry: Entry) -> None:
        """Put one request on record."""
        self.entries.append(entry)
        if self._file:
            self._file.write(json.dumps(asdict(entry)).encode() + b"\n")

    def close(self) -> None:
        """Close the ledger's file."""
        if self._file:
            self._file.close()

    def fault_for(self, recipient: str) -> Fault | None:
        """The next fault: by recipient (its last one stays), from the queue, or the one that is always on."""
        if faults := self.by_recipient.get(recipient):
            return faults.popleft() if len(faults) > 1 else faults[0]
        return self.queue.popleft() if self.queue else self.always

    def takes_reset_unread(self) -> bool:
        """Whether the connection just made is to be reset at once."""
        if self.queue and self.queue[0].ending == "reset_unread":
            self.queue.popleft()
            return True
        return self.always is not None and self.always.ending == "reset_unread"

    def script(self, faults: dict[str, Any]) -> None:
        """Take over the JSON of `PUT /_control/faults`; a key that is absent leaves its part as it is."""
        if "queue" in faults:
            self.queue = deque(Fault(**fault) for fault in faults["queue"])
        if "recipients" in faults:
            self.by_recipient = {
                to: deque(Fault(**fault) for fault in each) for to, each in faults["recipients"].items()
            }
        if "always" in faults:
            self.always = Fault(**faults["always"]) if faults["always"] else None


def _recipient_and_text(request: Request, body: dict[str, Any]) -> tuple[str, str]:
    if request.is_twilio:
        return body.get("To", ""), body.get("Body", "")
    try:
        return body["personalizations"][0]["to"][0]["email"], body["content"][0]["value"]
    except (KeyError, IndexError, TypeError):
        return "", ""


def _twilio_error(status: int, code: int | None, message: str) -> bytes:
    if code is None:
        return json.dumps({"message": message, "status": status}).encode()
    page = f"https://www.twilio.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": message, "more_info": page, "status": status}).encode()


def _sendgrid_error(message: str, name: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": name, "help": None}]}).encode()


def _twilio_answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != credentials.basic:
        return Answer(401, _twilio_error(401, 20003, "Authenticate"))
    if request.path != f"/2010-04-01/Accounts/{credentials.account_sid}/Messages.json" or request.method != "POST":
        return Answer(404, _twilio_error(404, 20404, f"The requested resource {request.path} was not found"))
    needed = ((("To",), 21604), (("From", "MessagingServiceSid"), 21603), (("Body",), 21602))
    for names, code in needed:
        if not any(body.get(name) for name in names):
            return Answer(400, _twilio_error(400, code, f"A '{names[0]}' is required"))
    sid = "SM" + uuid.uuid4().hex
    return Answer(201, json.dumps(_twilio_message(sid, body, credentials)).encode(), message_id=sid)


def _twilio_message(sid: str, body: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    account = f"/2010-04-01/Accounts/{credentials.account_sid}"
    return {
        "account_sid": credentials.account_sid,
        "api_version": "2010-04-01",
        "body": body["Body"],
        "date_created": formatdate(),
        "date_sent": None,
        "date_updated": formatdate(),
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": body.get("From"),
        "messaging_service_sid": body.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued" if body.get("From") else "accepted",
        "subresource_uris": {"media": f"{account}/Messages/{sid}/Media.json"},
        "to": body["To"],
        "uri": f"{account}/Messages/{sid}.json",
    }


def _sendgrid_answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != f"Bearer {credentials.api_key}":
        message = "The provided authorization grant is invalid, expired, or revoked"
        return Answer(401, _sendgrid_error(message))
    if request.path != "/v3/mail/send" or request.method != "POST":
        return Answer(404, _sendgrid_error("not found"))
    for name in ("personalizations", "from", "subject", "content"):
        if not body.get(name):
            return Answer(400, _sendgrid_error(f"The {name} is required", name))
    message_id = uuid.uuid4().hex[:22]
    return Answer(202, b"", {"X-Message-Id": message_id}, message_id=message_id)


def _usual_answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    answer = _twilio_answer if request.is_twilio else _sendgrid_answer
    return answer(request, body, credentials)


def _scripted_answer(request: Request, fault: Fault, status: int) -> Answer:
    headers = {"Content-Type": "application/json", **fault.headers}
    if fault.body is not None:
        return Answer(status, fault.body.encode("latin-1"), headers)
    if request.is_twilio:
        return Answer(status, _twilio_error(status, fault.code, fault.message), headers)
    return Answer(status, _sendgrid_error(fault.message, fault.field), headers)


def _wire(answer: Answer) -> tuple[bytes, bytes]:
    lines = [f"HTTP/1.1 {answer.status} Answer", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), answer.body


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients of these APIs speak it: a head, a Content-Length, a body, kept alive."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # asyncio's own signature is too wide
        self._book.connections += 1
        self._book.open[self._transport] = asyncio.Event()
        if self._book.takes_reset_unread():
            nothing = Request("", "", {}, b"")
            self._record(nothing, {}, status=None, ending="reset_unread", message_id=None)
            self._reset()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._book.open.pop(self._transport).set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next_request()) is not None:
            self._answer(request)

    def _next_request(self) -> Request | None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        total = end + 4 + int(headers.get("content-length", "0"))
        if len(self._received) < total:
            return None
        body = bytes(self._received[end + 4 : total])
        del self._received[:total]
        method, path, _ = first.split(" ", 2)
        return Request(method, path, headers, body)

    def _answer(self, request: Request) -> None:
        if request.path.startswith("/_control/"):
            self._send(self._control(request), Fault())
            return
        body = request.body()
        fault = self._book.fault_for(_recipient_and_text(request, body)[0]) or Fault()
        if fault.status is None:
            answer = _usual_answer(request, body, self._book.credentials)
        else:
            answer = _scripted_answer(request, fault, fault.status)
        status = None if fault.ending in _NO_ANSWER else answer.status
        self._record(request, body, status=status, ending=fault.ending, message_id=answer.message_id)
        self._send(answer, fault)

    def _control(self, request: Request) -> Answer:
        if request.method == "PUT":
            self._book.script(json.loads(request.raw_body))
        return Answer(200, json.dumps({"entries": len(self._book.entries)}).encode())

    def _record(self, request: Request, body: dict[str, Any], **answered: Any) -> None:
        recipient, text = _recipient_and_text(request, body) if body else ("", "")
        peer = self._transport.get_extra_info("peername")
        entry = Entry(
            at=time.time(),
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=body,
            recipient=recipient,
            text=text,
            peer_port=peer[1] if peer else 0,
            **answered,
        )
        self._book.write(entry)

    def _send(self, answer: Answer, fault: Fault) -> None:
        head, body = _wire(answer)
        endings: dict[Ending, Callable[[], None]] = {
            "whole": lambda: self._transport.write(head + body),
            "truncated": lambda: self._write_half(head, body),
            "drip": lambda: self._trickle(head[:-4] + b"\r\nX-Slow: "),
            "drip_body": lambda: self._trickle(head.replace(b"Content-Length: ", b"Content-Length: 9")),
            "endless": lambda: self._endless(answer.status),
            "reset": self._reset,
            "reset_unread": self._reset,
            "silence": lambda: None,
        }
        if fault.delay_seconds:
            asyncio.get_running_loop().call_later(fault.delay_seconds, endings[fault.ending])
        else:
            endings[fault.ending]()

    def _write_half(self, head: bytes, body: bytes) -> None:
        self._transport.write(head + body[: len(body) // 2])
        self._transport.close()

    def _trickle(self, beginning: bytes) -> None:
        """A byte now and then, for ever: no single read times out."""
        if not self._transport.is_closing():
            self._transport.write(beginning or b"x")
            asyncio.get_running_loop().call_later(_DRIP_SECONDS, self._trickle, b"")

    def _endless(self, status: int, written: int = -1) -> None:
        if written < 0:
            self._transport.write(f"HTTP/1.1 {status} Answer\r\nConnection: close\r\n\r\n".encode())
        if not self._transport.is_closing() and written < _ENDLESS_LIMIT:
            self._transport.write(b"x" * 16_384)
            asyncio.get_running_loop().call_later(0.001, self._endless, status, max(written, 0) + 16_384)

    def _reset(self) -> None:
        """RST instead of FIN: what a crashed or overloaded peer sends."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


async def serve(book: Book, *, port: int = 0, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Listen on 127.0.0.1."""
    # No Nagle: asyncio switches it off by itself; with it each keep-alive request would cost 40 ms.
    return await asyncio.get_running_loop().create_server(lambda: _Connection(book), "127.0.0.1", port, ssl=tls)


class ProviderStandIn:
    """The stand-in in a thread of the test's process."""

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        ledger: Path | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._book = Book(credentials or Credentials(), ledger)
        self._port, self._tls = port, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider-stand-in", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(serve(self._book, port=self._port, tls=self._tls), self._loop)
        self._server = serving.result(timeout=10)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(_closed(self._server, self._book), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._book.close()

    @property
    def entries(self) -> list[Entry]:
        """All requests so far, in the order in which they came."""
        return list(self._book.entries)

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._book.connections

    def script(self, *faults: Fault) -> None:
        """Let each of these answer one of the next requests, in this order."""
        self._book.queue.extend(faults)

    def script_recipient(self, recipient: str, *faults: Fault) -> None:
        """Let these answer the requests for one recipient; the last one stays. No fault: as usual again."""
        self._book.by_recipient[recipient] = deque(faults)

    def always(self, fault: Fault | None) -> None:
        """Let one fault answer all that no other fault answers; None ends it."""
        self._book.always = fault

    def forget(self) -> None:
        """Empty the script and the ledger in memory (a file keeps its lines)."""
        self._book.queue.clear()
        self._book.by_recipient.clear()
        self._book.entries.clear()
        self._book.always, self._book.connections = None, 0


async def _closed(server: asyncio.Server, book: Book) -> None:
    """Stop listening and cut off whoever still waits."""
    server.close()
    for transport, is_lost in list(book.open.items()):
        transport.abort()
        await is_lost.wait()
    await server.wait_closed()


class ProviderProcess:
    """The stand-in as a process of its own, whose ledger is a file."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.providers", "--port", "0", "--ledger", str(self._ledger)]
        root = Path(__file__).parent.parent
        self._process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    @property
    def pid(self) -> int:
        """The process, for tests that kill it."""
        return self._process.pid

    @property
    def entries(self) -> list[Entry]:
        """All requests so far, as the file has them."""
        return read_ledger(self._ledger)

    def script(self, *faults: Fault) -> None:
        """Let each of these answer one of the next requests; replaces what is left of the last script."""
        self._put(queue=[asdict(fault) for fault in faults])

    def script_recipients(self, faults: Mapping[str, Iterable[Fault]]) -> None:
        """Let these answer by recipient; the last one stays."""
        self._put(recipients={to: [asdict(fault) for fault in each] for to, each in faults.items()})

    def always(self, fault: Fault | None) -> None:
        """Let one fault answer all that no other fault answers; None ends it."""
        self._put(always=asdict(fault) if fault else None)

    def forget(self) -> None:
        """Empty the script and the ledger's file; call it while nothing is under way."""
        self._put(queue=[], recipients={}, always=None)
        self._ledger.write_text("")  # the process appends

    def _put(self, **faults: Any) -> None:
        request = urllib.request.Request(  # noqa: S310 # our own process
            f"{self.url}/_control/faults", data=json.dumps(faults).encode(), method="PUT"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=10).close()


async def _serve_until_terminated(book: Book, port: int) -> None:
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    server = await serve(book, port=port)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await terminated.wait()
    await _closed(server, book)


def main() -> None:
    """Serve until SIGTERM; the first line printed is the URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.providers", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--ledger", type=Path, help="a file that gets one JSON line per request")
    parser.add_argument("--account-sid", default=ACCOUNT_SID)
    parser.add_argument("--auth-token", default=AUTH_TOKEN)
    parser.add_argument("--api-key", default=API_KEY)
    given = parser.parse_args()
    book = Book(Credentials(given.account_sid, given.auth_token, given.api_key), given.ledger)
    asyncio.run(_serve_until_terminated(book, given.port))
    book.close()


if __name__ == "__main__":
    main()
