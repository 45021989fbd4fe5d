"""HTTP on a port of this machine, with faults down to the last byte."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from sentinel.stand_ins import hooks, push, sendgrid, slack, twilio
from sentinel.stand_ins.book import Book
from sentinel.stand_ins.faults import NO_ANSWER, Ending, Fault
from sentinel.stand_ins.ledger import Entry
from sentinel.stand_ins.listening import stop_listening
from sentinel.stand_ins.messages import Answer, Api, Request

_DRIP_SECONDS = 0.05
_ENDLESS_LIMIT = 64 * 1024 * 1024


APIS = (twilio.API, slack.WEB_API, slack.INCOMING_WEBHOOKS, hooks.API, push.API, sendgrid.API)


def _api_of(request: Request) -> Api:
    return next((api for api in APIS if request.path.startswith(api.prefix)), sendgrid.API)


def _scripted_answer(api: Api, fault: Fault, status: int) -> Answer:
    headers = {"Content-Type": "application/json", **fault.headers}
    body = api.error(status, fault) if fault.body is None else fault.body.encode("latin-1")
    return Answer(status, body, headers)


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
        api = _api_of(request)
        if request.method == "GET" and api.listed is not None:
            self._look_up(request, api, api.listed)
            return
        fault = self._book.fault_for(api.addressed(request, body)[0]) or Fault()
        if fault.status is None:
            answer = api.usual(request, body, self._book.credentials)
        else:
            answer = _scripted_answer(api, fault, fault.status)
        status = None if fault.ending in NO_ANSWER else answer.status
        self._record(request, body, status=status, ending=fault.ending, message_id=answer.message_id)
        self._send(answer, fault)
        self._book.reporter.follow(body, api.addressed(request, body)[0], answer)

    def _look_up(self, request: Request, api: Api, listed: Callable[..., Answer]) -> None:
        """Answer a question about what arrived before; it sends nothing, so the ledger does not have it."""
        self._book.questions.append(request.path)
        fault = self._book.fault_for_question() or Fault()
        if fault.status is None:
            answer = listed(request, self._book.taken, self._book.credentials)
        else:
            answer = _scripted_answer(api, fault, fault.status)
        self._send(answer, fault)

    def _control(self, request: Request) -> Answer:
        if request.method == "PUT":
            self._book.script(json.loads(request.raw_body))
        return Answer(200, json.dumps({"entries": len(self._book.entries)}).encode())

    def _record(self, request: Request, body: dict[str, Any], **answered: Any) -> None:
        recipient, text = _api_of(request).addressed(request, body) if body else ("", "")
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


async def closed(server: asyncio.Server, book: Book) -> None:
    """Stop listening and cut off whoever still waits."""
    await stop_listening(server)
    await book.reporter.close()
    # Connections accepted a moment ago are still being made; unmade, nobody would close them.
    if making := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(making, timeout=5)
    for transport, is_lost in list(book.open.items()):
        transport.abort()
        await is_lost.wait()
    await server.wait_closed()
