"""The client: offers messages at a steady rate, repeats what was not answered, keeps a book of what was accepted."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from sentinel.load.shares import Shares

CONNECTIONS = 32
ANSWER_SECONDS = 15
PAUSE_SECONDS = 0.5
"""Between two tries of one request; `Retry-After` is for clients that have time, this one wants to know."""

PUT_OFF = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_TIMEOUT})
"""409: the first try of this very request is still being worked on."""

SINGLES = 0.2
"""This share of the messages comes one by one, the rest in batches."""
BATCH = 20

EVENT = "event"
KINDS = Shares(("sms", "email", "webhook", EVENT), (35, 25, 20, 20))
HOOKS = 20
EVENT_TYPE = "chaos"


@dataclass(frozen=True, slots=True)
class Order:
    """One request: when it is due (seconds after the start), where it goes, and the tokens of its messages."""

    due: float
    path: str
    body: Any
    tokens: tuple[str, ...]


def make_orders(seed: int, *, rate: float, seconds: float, hooks_url: str) -> Iterator[Order]:
    """Messages on three channels and events, alone and in batches; each has a token and a recipient of its own."""
    chance = random.Random(seed)  # noqa: S311 - load is no secret
    singly = SINGLES * BATCH / (SINGLES * BATCH + 1 - SINGLES)
    label, number, due = f"chaos-{seed:x}", 0, 0.0
    while due < seconds:
        size = 1 if chance.random() < singly else BATCH
        kind = KINDS.draw(chance)
        tokens = tuple(f"{label}-{number + each}" for each in range(size))
        items = [_item(kind, token, number + each, hooks_url) for each, token in enumerate(tokens)]
        path = "/events" if kind == EVENT else "/notifications"
        yield Order(due, path if size == 1 else f"{path}/batch", items[0] if size == 1 else items, tokens)
        number += size
        due = number / rate


def _item(kind: str, token: str, number: int, hooks_url: str) -> dict[str, Any]:
    if kind == EVENT:
        return {"event_id": token, "type": EVENT_TYPE, "severity": "high", "instance": f"host-{number % 100}"}
    recipient = {
        "sms": f"+49151{number:08}",
        "email": f"n{number}@example.com",
        "webhook": f"{hooks_url}/hooks/open/{number % HOOKS}",
    }[kind]
    subject = {"subject": "Disk full"} if kind == "email" else {}
    text = f"{token}: disk /var is 93 % full"
    return {"channel": kind, "recipient": recipient, "body": text, "metadata": {"token": token}} | subject


@dataclass(slots=True)
class Book:
    """What the client has seen. `accepted`: token → id that was answered."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    offered: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """Answers by status; what got none, by the name of the error."""
    longest_outage: float = 0.0
    """Longest time without a success while requests were being made."""


class Traffic:
    """Carries out orders in a thread of its own."""

    def __init__(self, url: str, orders: Iterator[Order], ledger: Path, *, key: str = "") -> None:
        self.book = Book()
        self._url = url
        self._orders = orders
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._ledger = ledger.open("ab", buffering=0)
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._gives_up = False
        self._outage_began: float | None = None
        self._last_success = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether every request has had its answer, or was given up."""
        return not self._thread.is_alive()

    @property
    def silent_seconds(self) -> float:
        """Time since the last answer that was a success."""
        return time.monotonic() - self._last_success

    def give_up(self) -> None:
        """Repeat nothing any more."""
        self._gives_up = True

    def join(self) -> None:
        """Wait for the end, and close the book."""
        self._thread.join()
        self._ledger.close()

    def _run(self) -> None:
        asyncio.run(self._offer())

    async def _offer(self) -> None:
        waiting: asyncio.Queue[Order | None] = asyncio.Queue()
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector, headers=self._headers) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CONNECTIONS):
                group.create_task(self._work(session, waiting))
            await self._feed(waiting)

    async def _feed(self, waiting: asyncio.Queue[Order | None]) -> None:
        began = time.monotonic()
        for order in self._orders:
            await asyncio.sleep(max(0.0, order.due - (time.monotonic() - began)))
            if self._gives_up:
                break
            self.book.offered += len(order.tokens)
            waiting.put_nowait(order)
        for _ in range(CONNECTIONS):
            waiting.put_nowait(None)

    async def _work(self, session: aiohttp.ClientSession, waiting: asyncio.Queue[Order | None]) -> None:
        while (order := await waiting.get()) is not None:
            pause = 0.0
            while not self._gives_up:
                await asyncio.sleep(pause)
                if await self._is_answered(session, order):
                    break
                pause = PAUSE_SECONDS

    async def _is_answered(self, session: aiohttp.ClientSession, order: Order) -> bool:
        """Try once. The key makes a repetition harmless: what was stored the first time is answered again."""
        began = time.monotonic()
        try:
            async with session.post(
                self._url + order.path, data=orjson.dumps(order.body), headers={"Idempotency-Key": order.tokens[0]}
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.book.answers[type(error).__name__] += 1
            self._miss(began)
            return False
        self.book.answers[str(response.status)] += 1
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in PUT_OFF:
            self._miss(began)
            return False
        self._succeed()
        self._note(order, response.status, answer)
        return True

    def _miss(self, began: float) -> None:
        if self._outage_began is None:
            self._outage_began = max(began, self._last_success)

    def _succeed(self) -> None:
        self._last_success = time.monotonic()
        if self._outage_began is not None:
            self.book.longest_outage = max(self.book.longest_outage, self._last_success - self._outage_began)
            self._outage_began = None

    def _note(self, order: Order, status: int, answer: bytes) -> None:
        found = orjson.loads(answer)
        if status == HTTPStatus.MULTI_STATUS:
            results = [each.get("notification") or each.get("event") or each for each in found]
        else:
            results = [found]
        lines = []
        for token, result in zip(order.tokens, results, strict=True):
            if "id" in result:
                self.book.accepted[token] = result["id"]
                lines.append(orjson.dumps({"token": token, "id": result["id"], "at": time.time()}) + b"\n")
            else:
                self.book.refused[token] = f"{status} {orjson.dumps(result).decode()[:300]}"
        self._ledger.write(b"".join(lines))
