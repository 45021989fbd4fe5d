"""Gauges: what is so at this moment, asked of the database and the broker when the metrics are read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from itertools import product

from kombu.exceptions import KombuError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from sentinel import metrics, stream_lag
from sentinel.broker import UNREACHABLE, celery, queue_lengths
from sentinel.channels.registry import CHANNELS
from sentinel.logs import get_logger
from sentinel.metrics import Series
from sentinel.models.group import GroupKind
from sentinel.models.status import IN_FLIGHT
from sentinel.models.ticket import TicketStatus
from sentinel.once import Once
from sentinel.queries import gauges
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.unit_of_work import unit_of_work

log = get_logger(__name__)

FRESH_SECONDS = 5.0
"""Several readers, or an impatient one, cost the database no more than one."""

CONNECT_SECONDS = 1

ANSWER_SECONDS = 3.0
"""How long a reader waits for the database: Prometheus gives up after ten seconds, a statement after more."""

LATE_SECONDS = 60.0
"""How old a question may be whose answer came after its reader had gone: a minute is as long as scrapes lie apart."""

Values = dict[Series, float]


class Gauges:
    """The gauges as they were at most five seconds ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Values = {}
        self._read_at = -FRESH_SECONDS
        self._question: Future[Values] | None = None
        self._asked_at = 0.0

    def read(self) -> Values:
        """Return values by name and labels. A part that is away is said to be; what only it knows is left out."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._values = self._of_database() | _of_broker() | _of_streams()
                self._read_at = time.monotonic()
            return self._values

    def _of_database(self) -> Values:
        """Wait for the one question that is under way; a database that lets a reader wait too long is not up."""
        question = self._current_question()
        wait([question], timeout=ANSWER_SECONDS)
        if not question.done():
            log.warning("metrics_without_database", error=f"no answer within {ANSWER_SECONDS:g} s")
            return {("part_up", "database"): 0}
        self._question = None
        return question.result()

    def _current_question(self) -> Future[Values]:
        """Return the question that is under way or was answered lately, or else ask."""
        question = self._question
        if question and not (question.done() and time.monotonic() - self._asked_at > LATE_SECONDS):
            return question
        self._question, self._asked_at = Future(), time.monotonic()
        # A daemon: a process that ends does not wait for a database that hangs.
        threading.Thread(target=_answer, args=[self._question], name="gauges", daemon=True).start()
        return self._question


@Once
def get_gauges() -> Gauges:
    """Return the gauges of this process."""
    return Gauges()


def counters() -> tuple[dict[Series, float] | None, Values]:
    """Return what was counted, and whether Redis, which keeps it, is up.

    None while it is away: counters that fell to 0 and came back would look like as many new events.
    """
    try:
        return metrics.totals(), {("part_up", "redis"): 1}
    except RedisError as error:
        log.warning("metrics_without_redis", error=type(error).__name__)
        return None, {("part_up", "redis"): 0}


def _answer(question: Future[Values]) -> None:
    try:
        question.set_result(_ask_database())
    except Exception as error:  # noqa: BLE001 - for the reader, who waits for it
        question.set_exception(error)


def _ask_database() -> Values:
    try:
        with unit_of_work() as uow:
            return _zeros() | gauges.gauges(uow.session, now=uow.now) | {("part_up", "database"): 1}
    except SQLAlchemyError as error:
        log.warning("metrics_without_database", error=type(error).__name__)
        return {("part_up", "database"): 0}


def _zeros() -> Values:
    """What can be counted and is not there is 0: an alert on a missing value never fires."""
    in_flight = product(["notifications_in_flight"], CHANNELS, map(str, IN_FLIGHT))
    unresolved = product(["tickets_unresolved"], SEVERITIES, (TicketStatus.OPEN.value, TicketStatus.ACKNOWLEDGED.value))
    of_channels = product(["notifications_oldest_due_seconds", "notifications_held"], CHANNELS)
    of_groups = product(["groups_open"], GroupKind)
    return dict.fromkeys([*in_flight, *of_channels, *unresolved, *of_groups], 0.0)


def _of_broker() -> Values:
    try:
        with celery.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            lengths = queue_lengths(connection)
    except (*UNREACHABLE, KombuError) as error:
        log.warning("metrics_without_broker", error=type(error).__name__)
        return {("part_up", "broker"): 0}
    found: Values = {("queue_length", name): float(length) for name, length in lengths.items()}
    return found | {("part_up", "broker"): 1}


def _of_streams() -> Values:
    """What readers have told; Redis itself is asked, and said to be away, by `counters`."""
    found: Values = {}
    try:
        for group, lag in stream_lag.lags().items():
            found["ingest_lag_entries", *group] = float(lag.entries)
            found["ingest_silent_seconds", *group] = lag.silent_seconds
    except RedisError as error:
        log.warning("metrics_without_streams", error=type(error).__name__)
        return {}
    return found
