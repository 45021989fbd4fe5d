"""Offers events to a running API over several kept connections, at their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from sentinel.channels.retry_after import asked_wait
from sentinel.clock import utc_now
from sentinel.errors import SentinelError
from sentinel.load.plan import Plan
from sentinel.load.tally import Tally

ANSWER_SECONDS = 30
PUT_OFF = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 60.0

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the API is, and the key to show; none in open mode."""

    url: str
    key: str | None

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        kind = {"Content-Type": "application/json"}
        return kind | ({"Authorization": f"Bearer {self.key}"} if self.key else {})


async def offer(events: Iterable[dict[str, Any]], plan: Plan, target: Target, tally: Tally) -> None:
    """Carry out the plan; what comes of it is in `tally` at every moment. One that holds something is gone on with."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    connector = aiohttp.TCPConnector(limit=plan.connections)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, headers=target.headers) as session:
        await _require_answer(session, target, plan.start_seconds)
        await _Offer(session, plan, target, tally).run(events)


async def _require_answer(session: aiohttp.ClientSession, target: Target, seconds: float) -> None:
    """Somebody must be there before anything is offered; an API that is started anew is waited for so long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            async with session.get(f"{target.url}/ping") as response:
                await response.read()
                return
        except (aiohttp.ClientError, TimeoutError) as error:
            if (left := deadline - time.monotonic()) <= 0:
                raise SentinelError(
                    f"nobody answers at {target.url} ({type(error).__name__}); start Sentinel with `sentinel up`, "
                    "or say with --url where it is"
                ) from None
        await asyncio.sleep(min(SHORTEST_WAIT, left))


@dataclass(frozen=True, slots=True)
class _PutOff:
    """A request that was not taken: how long to wait before it is made again, and why."""

    seconds: float
    why: str


class _Offer:
    """One plan being carried out."""

    def __init__(self, session: aiohttp.ClientSession, plan: Plan, target: Target, tally: Tally) -> None:
        self._session = session
        self._plan = plan
        self._url = f"{target.url}/events"
        self._tally = tally
        self._waiting: asyncio.Queue[tuple[int, Events] | None] = asyncio.Queue(maxsize=plan.connections)
        self._start = time.monotonic() - tally.seconds

    async def run(self, events: Iterable[dict[str, Any]]) -> None:
        """Hand slices to the connections at their time, until all are answered."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._plan.connections):
                    group.create_task(self._work())
                await self._feed(events)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            self._tally.seconds = self._elapsed()

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    async def _feed(self, events: Iterable[dict[str, Any]]) -> None:
        following = 0
        for due, found in self._plan.slices(events):
            start, following = following, following + len(found)
            if self._tally.is_settled(start):
                continue
            if self._plan.seconds is not None and max(due, self._elapsed()) >= self._plan.seconds:
                break
            await asyncio.sleep(max(0.0, due - self._elapsed()))
            await self._waiting.put((start, found))
        for _ in range(self._plan.connections):
            await self._waiting.put(None)

    async def _work(self) -> None:
        while (taken := await self._waiting.get()) is not None:
            start, found = taken
            await self._post(found)
            self._tally.settle(start, len(found))
            self._tally.seconds = self._elapsed()

    async def _post(self, events: Events) -> None:
        """Have one request taken; while the API puts it off, or is away, it is made again until a deadline."""
        url, body = (self._url, events[0]) if len(events) == 1 else (f"{self._url}/batch", events)
        data, deadline = orjson.dumps(body), time.monotonic() + self._plan.patience_seconds
        while (put_off := await self._try(url, data, len(events))) is not None:
            self._tally.waits += 1
            left = deadline - time.monotonic()
            if left <= 0:
                self._tally.given_up += 1
                self._tally.fail(len(events), put_off.why)
                return
            await asyncio.sleep(min(put_off.seconds, left))

    async def _try(self, url: str, data: bytes, events: int) -> _PutOff | None:
        """Send once, and count the answer if there is one that says something about these events."""
        began = time.monotonic()
        try:
            async with self._session.post(url, data=data) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return _PutOff(SHORTEST_WAIT, f"no answer: {type(error).__name__}")
        self._tally.answer_ms.append((time.monotonic() - began) * 1000)
        if response.status in PUT_OFF:
            return _PutOff(_wait(response), f"{response.status} {_message(answer)}")
        _note(self._tally, response.status, answer, events)
        return None


def _wait(response: aiohttp.ClientResponse) -> float:
    asked = asked_wait(response.headers, now=utc_now())
    return min(LONGEST_WAIT, max(SHORTEST_WAIT, asked or 0.0))


def _note(tally: Tally, status: int, answer: bytes, events: int) -> None:
    """Count an answer. Raises `SentinelError` for one that every further request would get as well."""
    if status == HTTPStatus.ACCEPTED:
        tally.receive(orjson.loads(answer)["status"])
    elif status == HTTPStatus.MULTI_STATUS:
        for item in orjson.loads(answer):
            _note_item(tally, item)
    elif status == HTTPStatus.UNPROCESSABLE_ENTITY and events == 1:
        tally.refuse(_in_words(orjson.loads(answer)["errors"]))
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SentinelError(f"the API refuses the load: {status} {_message(answer)}")
    else:
        tally.fail(events, f"{status} {_message(answer)}")


def _note_item(tally: Tally, item: dict[str, Any]) -> None:
    if "event" in item:
        tally.receive(item["event"]["status"])
    else:
        tally.refuse(_in_words(item["errors"]))


def _in_words(errors: list[dict[str, Any]]) -> str:
    return "; ".join(f"{each['field']}: {each['message']}" for each in errors)


def _message(answer: bytes) -> str:
    """The API's own words, or the start of whatever else answered."""
    with suppress(orjson.JSONDecodeError, KeyError, TypeError):
        found = orjson.loads(answer)
        return _in_words(found["errors"]) or str(found["message"])
    return answer[:100].decode(errors="replace")
