"""The Celery object and the sending of work to it. Tasks are known by name only; messages carry ids only."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from celery import Celery, chain, signature
from celery.signals import setup_logging
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sentinel.logs import configure_logs, get_logger
from sentinel.settings import get_settings

log = get_logger(__name__)

celery = Celery("sentinel")
celery.config_from_object("celeryconfig")


@setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    """Take over the logs of every Celery program: workers, beat and Flower."""
    configure_logs(get_settings())


UNREACHABLE = (OperationalError, RedisError, OSError)
"""What a broker that cannot be reached raises."""

BACKLOG = 100_000
"""Most ids the dispatcher keeps while the broker is away; the sweeper queues the others again."""


def publish_pipeline(channel: str, ids: Sequence[str]) -> bool:
    """Queue the whole chain for waiting rows of one channel; False if the broker cannot be reached."""
    return _publish(
        lambda part: chain(
            signature("tasks.pipeline.evaluate", args=[part]),
            signature("tasks.pipeline.dedupe"),
            signature("tasks.pipeline.rate_limit"),
            signature("tasks.delivery.deliver", kwargs={"channel": channel}, queue=channel),
        ),
        channel,
        ids,
    )


def publish_delivery(channel: str, ids: Sequence[str]) -> bool:
    """Queue another try for rows that have been through the pipeline; False if the broker cannot be reached."""
    return _publish(
        lambda part: signature(
            "tasks.delivery.deliver", args=[part], kwargs={"channel": channel}, queue=f"{channel}.retry"
        ),
        channel,
        ids,
    )


def _publish(build: Callable[[list[str]], signature], channel: str, ids: Sequence[str]) -> bool:
    size = get_settings().batch_size
    try:
        for start in range(0, len(ids), size):
            build(list(ids[start : start + size])).apply_async(retry=False)
    except UNREACHABLE as error:
        # Not lost: the rows say when the sweeper queues them again.
        log.warning("broker_unreachable", channel=channel, ids=len(ids), error=type(error).__name__)
        return False
    return True


class Dispatcher:
    """Gathers the ids that this process commits and publishes them in chains, outside the request.

    When idle, an id leaves at once. When busy, a chain leaves at most every `linger_seconds` per channel and takes
    along everything that was committed meanwhile: a chain costs the same for one id as for five hundred.
    """

    def __init__(self, publish: Callable[[str, list[str]], bool], *, linger_seconds: float) -> None:
        self._publish = publish
        self._linger = linger_seconds
        self._waiting: dict[str, list[str]] = {}
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, channel: str, ids: Sequence[str]) -> None:
        """Take over committed ids; returns at once. Beyond the backlog they are left to the sweeper."""
        with self._changed:
            waiting = self._waiting.setdefault(channel, [])
            if len(waiting) + len(ids) > BACKLOG:
                log.warning("dispatcher_full", channel=channel, ids=len(ids))
                return
            waiting.extend(ids)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Publish what waits and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                return
            channel, ids = taken
            try:
                self._publish(channel, ids)
            except Exception:  # the thread must live; the rows are stored and will be swept
                log.exception("dispatch_failed", channel=channel, ids=len(ids))
            self._due[channel] = time.monotonic() + self._linger

    def _take(self) -> tuple[str, list[str]] | None:
        """Wait for the channel that may send next; None when closing and empty."""
        with self._changed:
            while True:
                waiting = [channel for channel, ids in self._waiting.items() if ids]
                if not waiting:
                    if self._closing:
                        return None
                    self._changed.wait()
                    continue
                channel = min(waiting, key=lambda name: self._due.get(name, 0.0))
                pause = self._due.get(channel, 0.0) - time.monotonic()
                if pause <= 0 or self._closing:
                    return channel, self._waiting.pop(channel)
                self._changed.wait(pause)


@lru_cache(maxsize=1)
def get_dispatcher() -> Dispatcher:
    """Return the dispatcher of this process; what it still holds is published when the process ends."""
    dispatcher = Dispatcher(publish_pipeline, linger_seconds=get_settings().linger_ms / 1000)
    atexit.register(dispatcher.close)
    return dispatcher
