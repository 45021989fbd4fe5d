"""One asynchronous sender per worker process: an event loop and pooled connections that live as long as it does."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentinel import stopping
from sentinel.channels.base import Finding, LooksUp, Message, Outcome, Provider, Question, Receipt
from sentinel.channels.http import HttpTransport
from sentinel.channels.inquiry import Inquiry
from sentinel.channels.outcomes import concerns_account, unlinked
from sentinel.channels.places import Places
from sentinel.channels.receivers import Receivers
from sentinel.channels.recording import send_recorded
from sentinel.channels.registry import ROUTES, build_provider
from sentinel.clock import utc_now
from sentinel.logs import get_logger
from sentinel.settings import Settings

log = get_logger(__name__)

GATHER_SECONDS = 0.05
"""How long results are gathered before they are written down together: what a kill -9 can make ambiguous."""

GATHER_KNOWING_SECONDS = 0.15
"""The same where the receivers know a message that comes again by its id: fewer and larger writes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One try that was made: when it began (UTC), how long it took, and the receipt."""

    message: Message
    receipt: Receipt
    started_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that was never tried: the account was refused meanwhile (`cause`), or there was no time (None).

    With `rest_seconds` it was its own receiver that must be left alone for so long.
    """

    message: Message
    cause: Receipt | None
    rest_seconds: float | None = None


Result = Sent | Unsent


@dataclass(frozen=True, slots=True)
class Limits:
    """`start_before` (time.monotonic): the last moment to begin a try; `gather_seconds`: how long results wait."""

    start_before: float
    gather_seconds: float


def places_of(channel: str, settings: Settings) -> int:
    """How many sends of a channel may be in flight at once: at an account, or at all receivers together."""
    return settings.receivers_concurrency if ROUTES[channel].has_own_receivers else settings.provider_concurrency


class Batch:
    """Messages on their way through one provider; results come back in groups, as they happen.

    They are gathered here and not by the thread that waits for them: waking it costs as much as a tenth of a send.
    """

    def __init__(self, provider: Provider, places: Places, receivers: Receivers | None, limits: Limits) -> None:
        self._provider = provider
        self._places = places
        self._receivers = receivers
        self._limits = limits
        self._refusal: Receipt | None = None
        self._missing = 0
        self._group: list[Result] = []
        self.groups: queue.SimpleQueue[list[Result]] = queue.SimpleQueue()

    async def run(self, messages: Sequence[Message]) -> None:
        """Send all, as many at once as the account has places."""
        self._missing = len(messages)
        await asyncio.gather(*(self._send(message) for message in messages))

    async def _send(self, message: Message) -> None:
        # The receiver's place first: who waits for a slow receiver must not hold a place of the account.
        async with self._place_at(message.recipient), self._places:
            unsent = self._held_back(message)
            self._note(unsent or await self._try(message))

    def _note(self, result: Result) -> None:
        """Hand results over together: the last one at once, others within `gather_seconds` of the first."""
        self._group.append(result)
        self._missing -= 1
        if not self._missing:
            self._hand_over()
        elif len(self._group) == 1:
            asyncio.get_running_loop().call_later(self._limits.gather_seconds, self._hand_over)

    def _hand_over(self) -> None:
        if self._group:
            self.groups.put(self._group)
            self._group = []

    def _place_at(self, recipient: str) -> AbstractAsyncContextManager[Any]:
        return self._receivers.places_at(recipient) if self._receivers else nullcontext()

    def _held_back(self, message: Message) -> Unsent | None:
        """The reason for not even trying, if there is one."""
        if self._refusal is not None or time.monotonic() > self._limits.start_before or stopping.is_asked():
            return Unsent(message, self._refusal)
        rest = self._receivers.rest_of(message.recipient) if self._receivers else None
        return Unsent(message, rest.cause, rest.seconds_left) if rest else None

    async def _try(self, message: Message) -> Sent:
        started_at, clock = utc_now(), time.monotonic()
        try:
            receipt = await send_recorded(self._provider, message)
        except Exception as error:  # our own mistake must end one message, visibly, and not its whole batch
            log.exception("provider_bug", provider=self._provider.name, notification_id=message.id)
            receipt = Receipt(Outcome.BUG, reason="bug", detail=type(error).__name__)
        receipt = unlinked(receipt, message.link)
        if concerns_account(receipt):
            self._refusal = receipt
        elif self._receivers:
            self._receivers.note(message.recipient, receipt)
        return Sent(message, receipt, started_at, round((time.monotonic() - clock) * 1000))


class Sender:
    """Owns the loop, the providers and their places; made after the fork, one per process.

    A provider is built when its channel is first sent to: a worker carries no SDK that it does not use.
    """

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        # Names are looked up in threads, asyncio's own are six on two cores: as many slow names would stop all others.
        self._loop.set_default_executor(ThreadPoolExecutor(settings.provider_concurrency, thread_name_prefix="names"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="sender", daemon=True)
        self._thread.start()
        self._settings = settings
        self._transport = HttpTransport(settings)
        self._providers: dict[tuple[str, str], Provider] = {}
        self._places: dict[str, Places] = {}
        self._receivers = Receivers(settings)
        self._building = threading.Lock()

    def _provider(self, channel: str, name: str) -> Provider:
        with self._building:
            if (channel, name) not in self._providers:
                self._providers[channel, name] = self._wait(self._build(channel, name))
            return self._providers[channel, name]

    async def _build(self, channel: str, name: str) -> Provider:
        provider = build_provider(channel, name, self._settings, self._transport)
        self._places.setdefault(provider.name, Places(places_of(channel, self._settings)))
        return provider

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def send(
        self, channel: str, provider_name: str, messages: Sequence[Message], *, start_before: float
    ) -> Iterator[list[Result]]:
        """Send a batch by one provider and yield its results in groups as they come, to be written down at once.

        `start_before` (time.monotonic) is the last moment to begin a try; later ones come back `Unsent`.
        """
        provider = self._provider(channel, provider_name)
        route = ROUTES[channel]
        receivers = self._receivers if route.has_own_receivers else None
        gather_seconds = GATHER_KNOWING_SECONDS if route.knows_repetitions else GATHER_SECONDS
        batch = Batch(provider, self._places[provider.name], receivers, Limits(start_before, gather_seconds))
        running = asyncio.run_coroutine_threadsafe(batch.run(messages), self._loop)
        missing = len(messages)
        while missing:
            group = batch.groups.get()
            missing -= len(group)
            yield group
        running.result()

    def look_up(self, channel: str, provider_name: str, questions: Sequence[Question]) -> list[Finding]:
        """Ask one provider about sends in doubt; the findings come in the order of the questions."""
        provider = self._provider(channel, provider_name)
        if not isinstance(provider, LooksUp):
            return [Finding(trouble="no_look_up")] * len(questions)
        inquiry = Inquiry(provider, deadline_seconds=self._settings.send_deadline_seconds)
        found: list[Finding] = self._wait(inquiry.run(questions))
        return found

    def close(self) -> None:
        """Give back connections and end the loop."""
        for provider in self._providers.values():
            self._wait(provider.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
