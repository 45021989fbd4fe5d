"""The queues of the broker: how much lies in each, who serves it, and what is taken next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from sentinel import presence, queued
from sentinel.broker import UNREACHABLE, celery
from sentinel.channels.registry import CHANNELS
from sentinel.errors import NotFoundError
from sentinel.logs import get_logger
from sentinel.queued import Message
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching.crew import served
from sentinel.services.watching.gauges import CONNECT_SECONDS, Values, get_gauges

log = get_logger(__name__)

Answer = TypeVar("Answer")

PURPOSES = {
    "pipeline": "events, and the stages before delivery",
    "receipts": "what providers report",
    "maintenance": "what beat rings",
}
FIRST_TRIES, LATER_TRIES = "first tries", "later tries, and questions about sends in doubt"


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue. `oldest_seconds` is of the rows that it is for: brokers do not tell how old a message is."""

    name: str
    purpose: str
    length: int | None
    oldest_seconds: float | None
    workers: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class QueuesSeen:
    """All queues; `in_hand` is how many messages workers have taken and not finished, where the broker tells."""

    queues: Sequence[QueueView]
    is_broker_up: bool
    can_be_seen: bool
    in_hand: int | None


def look(uow: UnitOfWork) -> QueuesSeen:
    """Look at all queues."""
    gauges, serving = get_gauges().read(), _served(uow)
    is_broker_up = bool(gauges.get(("part_up", "broker")))
    return QueuesSeen(
        [_view(queue.name, gauges, serving) for queue in celery.conf.task_queues],
        is_broker_up,
        queued.can_be_seen(),
        _asked(queued.in_hand) if is_broker_up else None,  # to find that out again would take seconds
    )


def look_at(uow: UnitOfWork, name: str) -> QueueView:
    """Look at one queue."""
    if name not in {queue.name for queue in celery.conf.task_queues}:
        raise NotFoundError(f"there is no queue {name[:50]!r}; the page Queues lists those there are")
    return _view(name, get_gauges().read(), _served(uow))


def next_messages(name: str, *, most: int) -> list[Message] | None:
    """Return what is taken next of a queue; None where the broker lets nobody look, or does not answer."""
    if not get_gauges().read().get(("part_up", "broker")):
        return None  # to find that out again would take seconds
    return _asked(lambda connection: queued.next_messages(connection, name, most=most))


def _asked(question: Callable[[Any], Answer]) -> Answer | None:
    """Ask the broker; None where it lets nobody look, or does not answer."""
    if not queued.can_be_seen():
        return None
    try:
        with celery.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            return question(connection)
    except (*UNREACHABLE, KombuError) as error:
        log.warning("queues_without_broker", error=type(error).__name__)
        return None


def _view(name: str, gauges: Values, serving: Mapping[str, tuple[str, ...]] | None) -> QueueView:
    length = gauges.get(("queue_length", name))
    channel = name.removesuffix(".retry")
    purpose = PURPOSES.get(name) or (FIRST_TRIES if name == channel else LATER_TRIES)
    workers = None if serving is None else serving.get(name, ())
    return QueueView(name, purpose, None if length is None else int(length), _oldest(name, gauges), workers)


def _oldest(name: str, gauges: Values) -> float | None:
    """How long the oldest row waits that the queue is for; a channel's two queues share its rows."""
    if name == "pipeline":
        return gauges.get(("events_oldest_pending_seconds",))
    return gauges.get(("notifications_oldest_due_seconds", name)) if name in CHANNELS else None


def _served(uow: UnitOfWork) -> Mapping[str, tuple[str, ...]] | None:
    try:
        return served(presence.nodes(), now=uow.now.timestamp())
    except RedisError as error:
        log.warning("queues_without_redis", error=type(error).__name__)
        return None
