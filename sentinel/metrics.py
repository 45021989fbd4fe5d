"""Every metric, declared once; what all processes on all machines count comes together in one Redis hash."""

from __future__ import annotations

import os
import threading
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import redis

from sentinel.logs import get_logger
from sentinel.once import Once
from sentinel.stopping import at_end
from sentinel.store import get_store

log = get_logger(__name__)

HASH = "sentinel:metrics"
FLUSH_SECONDS = 1.0
"""What a killed process can lose, and how often a busy one goes to Redis."""

MOST_SERIES = 20_000
"""Most series a process keeps while Redis is away."""

WRITER_SECONDS = 3600
"""How long Redis remembers the last flush of a process: longer than any repetition of it is under way."""

SCANNED = 2000
"""Series that Redis looks at in one go: half a millisecond."""

MOMENTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WAITS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a name means, the labels it carries, and for durations the upper bounds of their buckets."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: dict[str, Metric] = {
    "events_ingested_total": Metric("Events stored.", ("client",)),
    "ingest_entries_total": Metric(
        "Entries of streams that were read, and `stored`, `duplicate`, `dead`, or `deleted` before they were stored.",
        ("source", "stream", "result"),
    ),
    "events_matched_total": Metric("Events that a rule matched, or that were addressed to a user."),
    "events_unmatched_total": Metric("Events that no rule matched."),
    "events_failed_total": Metric("Events that ended as FAILED, by a mistake of ours."),
    "rules_triggered_total": Metric("How often rules spoke: once per event and rule.", ("client",)),
    "tickets_opened_total": Metric("Tickets opened; events that joined one are not counted.", ("severity",)),
    "escalation_steps_total": Metric("Steps of escalations that were told, or had nobody to tell."),
    "escalations_reopened_total": Metric("Tickets that were acknowledged and not resolved in time."),
    "escalations_exhausted_total": Metric("Escalations whose last step was told, with nobody having answered."),
    "notifications_accepted_total": Metric("Notifications stored, by request or by rule.", ("channel",)),
    "notifications_sent_total": Metric("Notifications that a provider accepted.", ("channel", "provider")),
    "notifications_suppressed_total": Metric("Notifications that ended as SUPPRESSED.", ("reason",)),
    "notifications_failed_total": Metric("Notifications that ended as FAILED.", ("channel", "reason")),
    "notifications_cancelled_total": Metric("Notifications that somebody cancelled.", ("channel",)),
    "notifications_delivered_total": Metric(
        "Notifications that arrived, as providers report.", ("channel", "provider")
    ),
    "notifications_undelivered_total": Metric("Notifications that ended as UNDELIVERED.", ("channel", "reason")),
    "heartbeats_total": Metric("Signals of heartbeats: `ok`, `fail`, and those that were `missed`.", ("result",)),
    "drills_total": Metric("Drills that ended, `passed` or `failed`.", ("result",)),
    "self_tests_total": Metric("Self-tests that ended, `passed` or `failed`.", ("result",)),
    "receipts_total": Metric("Reports of providers; the same report again is not counted.", ("provider", "kind")),
    "receipts_unmatched_total": Metric("Reports that fit no notification of ours.", ("provider",)),
    "receipts_refused_total": Metric("Reports whose signature did not fit.", ("provider",)),
    "integrations_refused_total": Metric("Requests of other systems whose signature did not fit.", ("kind",)),
    "delivery_seconds": Metric("From a notification's acceptance to its SENT.", ("channel",), WAITS),
    "attempts_total": Metric("Tries at providers.", ("provider", "outcome")),
    "ambiguous_total": Metric("Sends whose end was not known, those of lost workers too.", ("provider",)),
    "reconciled_found_total": Metric("Sends in doubt that the provider turned out to have.", ("provider",)),
    "reconciled_missing_total": Metric("Sends in doubt that the provider turned out not to have.", ("provider",)),
    "attempt_seconds": Metric("Duration of a try at a provider.", ("provider",), MOMENTS),
    "suppressions_total": Metric("Addresses that were put on the suppression list.", ("reason",)),
    "breaker_openings_total": Metric("Provider accounts that stopped working.", ("provider",)),
    "failovers_total": Metric("Notifications that took over for another one.", ("channel",)),
    "group_flushes_total": Metric(
        "Groups that were due, and whether they were told `alone`, `together`, `again`, or not (`nothing`).",
        ("kind", "result"),
    ),
    "group_delay_seconds": Metric("How late groups were told that were due.", ("kind",), MOMENTS),
    "limiter_down_total": Metric("Messages that the limits could not be asked about, because Redis was away."),
    "api_throttled_total": Metric("Requests refused with 429, by rate or after many wrong API keys."),
    "api_unthrottled_total": Metric("Requests whose rate could not be asked about, because Redis was away."),
    "logins_total": Metric("Tries to log in to the console: `ok`, `refused`, `throttled`.", ("result",)),
    "worker_tasks_total": Metric("Tasks that a worker ended, however they ended.", ("worker", "task")),
    "worker_task_errors_total": Metric("Tasks that ended in an error of ours.", ("worker", "task")),
    "worker_task_seconds": Metric("Duration of a task.", ("worker", "task"), MOMENTS),
}
"""What is counted. Labels have few values; `client` is shown only with SENTINEL_METRICS_BY_CLIENT."""

GAUGES: dict[str, Metric] = {
    "notifications_in_flight": Metric("Notifications that have not ended.", ("channel", "status")),
    "notifications_oldest_due_seconds": Metric(
        "Since when the oldest notification that may be sent waits.", ("channel",)
    ),
    "notifications_held": Metric("Notifications that wait in a group.", ("channel",)),
    "groups_open": Metric("Groups that have something to say, or may have it again.", ("kind",)),
    "events_pending": Metric("Events whose rules have not been asked yet."),
    "events_oldest_pending_seconds": Metric("Since when the oldest of them waits."),
    "tickets_unresolved": Metric("Tickets that are not resolved.", ("severity", "status")),
    "escalations": Metric("Escalations that have not ended.", ("state",)),
    "escalations_overdue_seconds": Metric("Since when the next step of an escalation should have been told."),
    "rules_enabled": Metric("Rules that are on."),
    "clients_active": Metric("Clients that are on."),
    "endpoints_enabled": Metric("Endpoints that are on.", ("channel",)),
    "sweeper_last_success_age_seconds": Metric("Since when a periodic task has not run.", ("sweeper",)),
    "audit_discrepancies": Metric("What the last audit of the books found; 0 is right."),
    "audit_age_seconds": Metric("Since when the books have not been audited."),
    "self_test_failed": Metric("Whether the last self-test failed: 1 or 0; only while they are on."),
    "self_test_age_seconds": Metric("Since when no self-test has passed; only while they are on."),
    "heartbeats_down": Metric("Heartbeats that are down."),
    "breaker_open": Metric(
        "Whether a provider account is left alone: 1, or 0.5 while one message tries it.", ("provider",)
    ),
    "queue_length": Metric("Messages that wait in a queue of the broker.", ("queue",)),
    "ingest_lag_entries": Metric("Entries of a stream that are not stored yet.", ("source", "stream", "group")),
    "ingest_silent_seconds": Metric(
        "Since when no reader has told of a stream; grows while none stores.", ("source", "stream", "group")
    ),
    "part_up": Metric("Whether a part can be reached: 1 or 0.", ("part",)),
}
"""What is looked up when it is asked for."""

Series = tuple[str, ...]
"""What is added up together: a name and its labels' values; of durations also the bucket (`le`), or `sum`."""

SUM = "sum"
NO_BUCKET = "+Inf"

Additions = list[tuple[Series, float]]

# A flush whose answer was lost is sent again under its number, and adds nothing the second time.
ADD = """
    if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[1]) then return 0 end
    redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
    for i = 3, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1]) end
    return 1
"""


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter. Inside a unit of work use its `count`, which waits for the commit."""
    get_meter().add(counted(name, amount, labels))


def observe(name: str, *seconds: float, **labels: str) -> None:
    """Add durations to a histogram."""
    get_meter().add(observed(name, seconds, labels))


def flush() -> None:
    """Bring what this process has counted to Redis; what Redis does not take now is kept for the next time."""
    get_meter().flush()


def counted(name: str, amount: float, labels: Mapping[str, str]) -> Additions:
    """Return what a count adds; KeyError for a name or labels that are not declared."""
    return [(_series(name, labels), amount)]


def observed(name: str, seconds: Sequence[float], labels: Mapping[str, str]) -> Additions:
    """Return what durations add: one each to its bucket, themselves to the sum."""
    series = _series(name, labels)
    bounds = METRICS[name].buckets
    places = Counter(bisect_left(bounds, each) for each in seconds)
    buckets = [*map(str, bounds), NO_BUCKET]
    found: Additions = [((*series, buckets[place]), amount) for place, amount in places.items()]
    return [*found, ((*series, SUM), sum(seconds))]


def _series(name: str, labels: Mapping[str, str]) -> Series:
    declared = METRICS[name].labels
    if len(labels) != len(declared):
        raise KeyError(f"{name} has the labels {declared}, not {tuple(labels)}")
    return (name, *[labels[label] for label in declared])


class Meter:
    """Adds up what this process counts, and brings it to Redis from a thread of its own, at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._closing = threading.Event()
        self._amounts: dict[Series, float] = {}
        self._leaving: dict[Series, float] = {}
        self._writer = f"{HASH}:writer:{uuid.uuid4()}"
        self._flushes = 1
        self._is_away = False
        self._thread: threading.Thread | None = None

    def add(self, additions: Iterable[tuple[Series, float]]) -> None:
        """Add amounts; returns at once."""
        with self._lock:
            amounts = self._amounts
            for series, amount in additions:
                if series in amounts:
                    amounts[series] += amount
                elif len(amounts) < MOST_SERIES:
                    amounts[series] = amount
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Bring everything to Redis in one command; never raises when Redis is away."""
        with self._flushing:
            while self._leaving or self._take():
                try:
                    self._send()
                except redis.RedisError as error:
                    self._away(error)
                    return
                self._leaving = {}
                self._flushes += 1
                self._is_away = False

    def close(self) -> None:
        """Flush for the last time and stop."""
        if not self._closing.is_set():
            self._closing.set()
            self.flush()

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except Exception:  # the thread must live; what could not be sent is kept
                log.exception("metrics_not_flushed")

    def _take(self) -> bool:
        with self._lock:
            self._leaving, self._amounts = self._amounts, {}
        return bool(self._leaving)

    def _send(self) -> None:
        amounts = [part for series, amount in self._leaving.items() for part in (orjson.dumps(series), repr(amount))]
        get_store().eval(ADD, 2, HASH, self._writer, self._flushes, WRITER_SECONDS, *amounts)

    def _away(self, error: redis.RedisError) -> None:
        if not self._is_away:  # once per outage
            log.warning("metrics_wait_for_redis", error=type(error).__name__)
        self._is_away = True


@Once
def get_meter() -> Meter:
    """Return the meter of this process; what it still holds is flushed when the process ends."""
    meter = Meter()
    at_end(meter.close, turn=1)  # after the dispatcher, which counts
    return meter


# A child begins with nothing: what its parent has counted is the parent's to bring, and so is a lock it holds.
os.register_at_fork(after_in_child=get_meter.forget)


def totals() -> dict[Series, float]:
    """Return what all processes have counted; raises RedisError when Redis is away."""
    flush()
    stored = get_store().hgetall(HASH)
    return {tuple(orjson.loads(field)): float(amount) for field, amount in stored.items()}  # type: ignore[union-attr]


def totals_like(*patterns: str) -> dict[Series, float]:
    """Return what all processes have brought so far of series whose JSON text is like these (`*` is anything).

    The rest, which may be many series, does not travel. Raises RedisError when Redis is away.
    """
    found: dict[Series, float] = {}
    for pattern in patterns:
        like = pattern.replace("[", r"\[").replace("]", r"\]")
        for field, amount in get_store().hscan_iter(HASH, match=like, count=SCANNED):
            found[tuple(orjson.loads(field))] = float(amount)
    return found
