"""The Celery object and the sending of work to it. Tasks are known by name only; messages carry ids only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from amqp.exceptions import AMQPError, MessageNacked
from celery import Celery, Signature
from celery.signals import before_task_publish, setup_logging
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sentinel import rabbitmq, redis_transport, tracing
from sentinel.logs import configure_logs, get_logger
from sentinel.settings import get_settings

log = get_logger(__name__)

redis_transport.use_for_redis()
celery = Celery("sentinel", events="sentinel.worker_events:Events")
celery.config_from_object("celeryconfig")


@setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    """Take over the logs of every Celery program: workers, beat and Flower."""
    configure_logs(get_settings())


@before_task_publish.connect  # type: ignore[untyped-decorator]
def _hand_trace_on(headers: dict[str, Any], **_: object) -> None:
    headers.update(tracing.handed_on())


UNREACHABLE = (OperationalError, RedisError, AMQPError, MessageNacked, OSError)
"""What a broker that cannot be reached raises, or one that does not take a message."""


def queue_lengths(connection: Any) -> dict[str, int]:
    """How many messages wait in each queue."""
    # Not passive: with a key prefix, kombu's Redis transport denies queues that exist. Declared as workers do.
    with connection.channel() as channel:
        return {queue.name: queue(channel).queue_declare().message_count for queue in celery.conf.task_queues}


def long_queues(longest: int) -> frozenset[str]:
    """The queues in which more than `longest` messages wait; none if the broker does not say."""
    try:
        with celery.connection_for_read() as connection:
            lengths = queue_lengths(connection)
    except UNREACHABLE:
        return frozenset()
    return frozenset(name for name, count in lengths.items() if count > longest)


PIPELINE = "pipeline"
"""The queue of everything before delivery."""

EVENTS = "events"
"""The line of events, beside the channels' lines of notifications."""

RECEIPTS = "receipts"
"""The line, and the queue, of what providers report."""


def publish_accepted(line: str, ids: Sequence[str]) -> bool:
    """Queue what was committed: events to be matched, reports to be read, or notifications of the channel `line`."""
    if line == RECEIPTS:
        return _publish(lambda part: celery.signature("tasks.receipts.apply", args=[part]), line, ids)
    return publish_events(ids) if line == EVENTS else publish_pipeline(line, ids)


def publish_events(ids: Sequence[str]) -> bool:
    """Queue events to be matched; False if the broker cannot be reached."""
    return _publish(lambda part: celery.signature("tasks.pipeline.match", args=[part]), EVENTS, ids)


def publish_warm_up() -> None:
    """Queue a look at the rules, so that the first event finds them loaded; it may get lost."""
    try:
        celery.signature("tasks.pipeline.match", args=[[]]).apply_async(**_publishing())
    except UNREACHABLE as error:
        log.debug("broker_unreachable", line=EVENTS, error=type(error).__name__)


def publish_audit(*, seconds: float) -> bool:
    """Queue a look at the books, unless nobody takes it up in time; False if the broker cannot be reached."""
    try:
        celery.signature("tasks.maintenance.audit").apply_async(expires=seconds, **_publishing())
    except UNREACHABLE as error:
        log.warning("broker_unreachable", line="audit", error=type(error).__name__)
        return False
    return True


def publish_pipeline(channel: str, ids: Sequence[str]) -> bool:
    """Queue the whole chain for waiting rows of one channel; False if the broker cannot be reached."""
    following = _after_evaluate(channel)
    kwargs = {"channel": channel}
    return _publish(
        lambda part: celery.signature("tasks.pipeline.evaluate", args=[part], kwargs=kwargs, chain=following),
        channel,
        ids,
    )


@lru_cache
def _after_evaluate(channel: str) -> list[Signature]:
    """The rest of a chain, last task first, as Celery's messages carry it: the same for all ids of a channel."""
    kwargs = {"channel": channel}
    return [
        celery.signature("tasks.delivery.deliver", kwargs=kwargs, queue=channel),
        celery.signature("tasks.pipeline.rate_limit", kwargs=kwargs),
        celery.signature("tasks.pipeline.dedupe", kwargs=kwargs),
    ]


def publish_first_try(channel: str, ids: Sequence[str]) -> bool:
    """Queue the delivery of rows that have been through the pipeline; False if the broker cannot be reached."""
    return _publish(lambda part: _delivery(part, channel, queue=channel), channel, ids)


def publish_delivery(channel: str, ids: Sequence[str]) -> bool:
    """Queue another try for rows that have been through the pipeline; False if the broker cannot be reached."""
    return _publish(lambda part: _delivery(part, channel, queue=f"{channel}.retry"), channel, ids)


def publish_reconcile(channel: str, ids: Sequence[str]) -> bool:
    """Queue questions about sends in doubt; False if the broker cannot be reached."""
    kwargs, queue = {"channel": channel}, f"{channel}.retry"
    return _publish(
        lambda part: celery.signature("tasks.delivery.reconcile", args=[part], kwargs=kwargs, queue=queue), channel, ids
    )


def _delivery(ids: list[str], channel: str, *, queue: str) -> Signature:
    return celery.signature("tasks.delivery.deliver", args=[ids], kwargs={"channel": channel}, queue=queue)


def _publish(build: Callable[[list[str]], Signature], line: str, ids: Sequence[str]) -> bool:
    size = get_settings().batch_size
    try:
        for start in range(0, len(ids), size):
            build(list(ids[start : start + size])).apply_async(**_publishing())
    except UNREACHABLE as error:
        # Not lost: the rows say when the sweeper queues them again.
        log.warning("broker_unreachable", line=line, ids=len(ids), error=type(error).__name__)
        return False
    return True


def _publishing() -> dict[str, Any]:
    """How a message is handed over. A client of Redis finds a new connection by itself."""
    return dict(rabbitmq.PUBLISHING) if get_settings().is_rabbitmq else {"retry": False}


def countdown(seconds: float) -> float:
    """A wait as the broker can keep it."""
    return rabbitmq.whole_seconds(seconds) if get_settings().is_rabbitmq else seconds
