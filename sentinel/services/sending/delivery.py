"""Deliver: claim, send with no session open, write down what came of it."""

from __future__ import annotations

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from sentinel import stopping
from sentinel.channels.base import Message, Outcome
from sentinel.channels.registry import provider_names
from sentinel.channels.sender import Result, Sender, Sent, Unsent, places_of
from sentinel.clock import utc_now
from sentinel.logs import get_logger, log_each
from sentinel.models.status import Reason, Status
from sentinel.once import Once
from sentinel.queries import accounts, delivery
from sentinel.queries.delivery import By, ClaimedRow, Lease
from sentinel.services import suppressions, traces
from sentinel.services.sending import breaker, learning, outcomes
from sentinel.services.sending.messages import message_of
from sentinel.services.unit_of_work import UnitOfWork, single_statements, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import WRITE_MARGIN_SECONDS, Settings, get_settings

log = get_logger(__name__)

SHORTEST_WAIT_SECONDS = 1.0
"""Tries that fall due close together share one message."""

DATABASE_WAIT_SECONDS = 0.5
"""Between two tries to write results down while the database is away."""


@dataclass(frozen=True, slots=True)
class Again:
    """Ids that want another message in `seconds`; empty when nothing is left to do here."""

    ids: list[str]
    seconds: float = 0.0


@Once
def get_sender() -> Sender:
    """Return the sender of this process, made on first use after the fork."""
    return Sender(get_settings())


def deliver(channel: str, ids: Sequence[str], *, worker: str) -> Again:
    """Send what is still ours of `ids`, in slices small enough that a killed worker leaves few sends in doubt.

    Returns the ids to queue again: those left when the time was up or the worker was told to stop, or those that are
    due for another try soon.
    """
    settings = get_settings()
    if not provider_names(channel, settings):
        _refuse(channel, ids)
        return Again([])
    size = 2 * places_of(channel, settings)
    stop_at = time.monotonic() + settings.task_time_limit_seconds / 3
    has_retries = False
    for start in range(0, len(ids), size):
        if time.monotonic() > stop_at or stopping.is_asked():
            return Again(list(ids[start:]))
        has_retries |= _send_slice(channel, ids[start : start + size], worker, settings)
    return _due_soon(ids, settings) if has_retries else Again([])


def _send_slice(channel: str, ids: Sequence[str], worker: str, settings: Settings) -> bool:
    """Send one slice by whichever provider may be asked; True if some of it wants another try.

    An account that is being tried gets one message; what became of it decides how the others go.
    """
    done = Round(channel, worker, settings)
    has_retries = done.run(ids)
    if done.is_probe:
        has_retries |= Round(channel, worker, settings).run([each for each in ids if each not in done.claimed])
    return has_retries


def _refuse(channel: str, ids: Sequence[str]) -> None:
    with unit_of_work() as uow:
        tallies.end(uow, ids, Status.FAILED, Reason.NOT_CONFIGURED, channel=channel)


def _due_soon(ids: Sequence[str], settings: Settings) -> Again:
    """Find what the broker should bring back; longer waits are left to the sweeper."""
    with unit_of_work() as uow:
        until = uow.now + timedelta(seconds=settings.broker_wait_seconds)
        due = delivery.due_until(uow.session, ids, until=until)
        if not due:
            return Again([])
        # One message for all: it comes when the first is due, and asks again for the others.
        wait = (due[0][1] - uow.now).total_seconds()
        return Again([each for each, _ in due], max(SHORTEST_WAIT_SECONDS, wait))


class Round:
    """One slice of a batch: a lease, a claim, its sends and their records."""

    def __init__(self, channel: str, worker: str, settings: Settings) -> None:
        self._channel = channel
        self._worker = worker
        self._settings = settings
        self._admission = breaker.Admission(None)
        self._provider = ""
        self._rows: dict[str, ClaimedRow] = {}
        self._traces: Mapping[str, str] = {}
        self._lease = Lease(str(uuid.uuid4()), utc_now() + timedelta(seconds=settings.lease_seconds))

    @property
    def is_probe(self) -> bool:
        """Whether this round tried an account that had rested."""
        return self._admission.is_probe

    @property
    def claimed(self) -> Collection[str]:
        """The ids that this round has sent or given back."""
        return self._rows.keys()

    def run(self, ids: Sequence[str]) -> bool:
        """Send one slice; True if some of it wants another try."""
        settings = self._settings
        window = settings.lease_seconds - settings.send_deadline_seconds - WRITE_MARGIN_SECONDS
        start_before = time.monotonic() + window
        messages = self._claim(ids)
        if messages is None:
            return False
        tally: Counter[str] = Counter()
        sender = get_sender()
        for group in sender.send(self._channel, self._provider, messages, start_before=start_before):
            self._write_surely(group)
            tally.update(result.receipt.outcome if isinstance(result, Sent) else "UNSENT" for result in group)
        if tally:
            log.info("batch_sent", channel=self._channel, provider=self._provider, **tally)
        # Rows that were not claimed may be waiting for their own next try.
        return len(messages) < len(ids) or any(outcome != Outcome.OK for outcome in tally)

    def _write_surely(self, group: Sequence[Result]) -> None:
        """Write results down, outlasting a database that is away for as long as the rows are ours.

        What is not written is a send in doubt: the sweeper would call it AMBIGUOUS and might send again.
        """
        while True:
            try:
                self._write(group)
            except OperationalError:
                if utc_now() > self._lease.until:
                    raise
                log.warning("database_away", channel=self._channel, results=len(group))
                time.sleep(DATABASE_WAIT_SECONDS)
            else:
                return

    def _claim(self, ids: Sequence[str]) -> list[Message] | None:
        """Take rows for sending; None while all accounts rest: then they wait, without using up an attempt."""
        # Each statement stands for itself: what a crash leaves between them is found by lease, probe time and sweeper.
        with single_statements() as uow:
            claimed = self._claim_untroubled(uow, ids) or self._claim_admitted(uow, ids)
            if claimed is None:
                self._end_hopeless(uow, ids)
                breaker.park(uow, self._channel, ids, self._admission)
                return None
            self._rows = {row.id: row for row in claimed}
            self._traces = traces.of_notifications(uow, self._rows)
            if len(claimed) < len(ids):
                self._end_hopeless(uow, [each for each in ids if each not in self._rows])
        return [message_of(row, self._channel, traceparent=self._traces.get(row.id)) for row in claimed]

    def _claim_untroubled(self, uow: UnitOfWork, ids: Sequence[str]) -> list[ClaimedRow]:
        """Take rows for the first provider, if its account had no trouble: then its breaker has nothing to say."""
        self._admission = breaker.Admission(provider_names(self._channel, self._settings)[0])
        return self._claim_rows(uow, ids, is_admitted=False)

    def _claim_admitted(self, uow: UnitOfWork, ids: Sequence[str]) -> list[ClaimedRow] | None:
        """Take rows for the provider that the breakers admit; None while all accounts rest."""
        self._admission = breaker.admit(uow, self._channel, probe_until=self._lease.until)
        if self._admission.provider is None:
            return None
        return self._claim_probe(uow, ids) if self.is_probe else self._claim_rows(uow, ids)

    def _end_hopeless(self, uow: UnitOfWork, ids: Sequence[str]) -> None:
        """End what has expired, also while its account rests, and what waits for a suppressed address."""
        expired = delivery.expire(uow.session, ids, now=uow.now)
        tallies.count_ended(uow, self._channel, Status.FAILED, Reason.EXPIRED, len(expired))
        suppressions.end_suppressed(uow, ids, channel=self._channel)

    def _claim_rows(self, uow: UnitOfWork, ids: Sequence[str], *, is_admitted: bool = True) -> list[ClaimedRow]:
        self._provider = self._admission.provider or ""
        account = delivery.Account(self._provider, is_admitted=is_admitted)
        return delivery.claim(uow.session, ids, self._lease, account, channel=self._channel, now=uow.now)

    def _claim_probe(self, uow: UnitOfWork, ids: Sequence[str]) -> list[ClaimedRow]:
        """Take the first row that is still ours to send; without one the account waits for another worker."""
        for each in ids:
            if claimed := self._claim_rows(uow, [each]):
                return claimed
        accounts.give_probe_back(uow.session, self._provider, until=self._lease.until, now=uow.now)
        return []

    def _write(self, group: Sequence[Result]) -> None:
        sent = [result for result in group if isinstance(result, Sent)]
        unsent = [result for result in group if isinstance(result, Unsent)]
        with self._transaction(group) as uow:
            if sent:
                rows = [self._tried(result, uow.now) for result in sent]
                by = By(self._lease.id, self._provider, self._worker)
                kept = set(delivery.record(uow.session, by, rows, now=uow.now))
                told = (
                    {"notification_id": row["id"], "outcome": row["outcome"], "status": row["status"]} for row in rows
                )
                log_each(log, "notification_tried", told)
                tallies.count_tries(uow, self._provider, sent)
                ours = [row for row in rows if row["id"] in kept]
                tallies.count_standings(uow, self._channel, self._provider, ours, self._rows)
                if len(kept) < len(sent):
                    log.warning("lease_lost", channel=self._channel, messages=len(sent) - len(kept))
            learning.learn(uow, self._provider, sent)
            breaker.learn(uow, self._channel, [result.receipt for result in sent], self._admission)
            if unsent:
                self._give_back(uow.session, unsent, uow.now)

    def _transaction(self, group: Sequence[Result]) -> AbstractContextManager[UnitOfWork]:
        """Where all went well there is one statement to run, which needs no transaction around it."""
        all_well = all(isinstance(each, Sent) and each.receipt.outcome is Outcome.OK for each in group)
        return single_statements() if all_well and not self._admission.is_watched else unit_of_work()

    def _tried(self, result: Sent, now: datetime) -> dict[str, Any]:
        """One try as it is kept, and where its message stands after it."""
        row, receipt = self._rows[result.message.id], result.receipt
        tried = outcomes.Try(row.attempt, row.attempt_limit, row.created_at, row.expires_at, self._provider)
        step = outcomes.next_step(receipt, tried, self._settings, now=now)
        return {
            "id": row.id,
            "attempt": row.attempt,
            "status": step.status,
            "reason": step.reason,
            "next_attempt_at": step.due_at,
            "queue_at": self._queue_at(step, now),
            "extra_attempts": step.extra_attempts,
            "outcome": receipt.outcome,
            "cause": receipt.reason,
            "http_status": receipt.http_status,
            "provider_code": receipt.provider_code,
            "provider_message_id": receipt.provider_message_id,
            "detail": receipt.detail,
            "hint": receipt.hint,
            "started_at": result.started_at,
            "duration_ms": result.duration_ms,
        }

    def _queue_at(self, step: outcomes.Step, now: datetime) -> datetime | None:
        """Leave a short retry to the broker's message, and look ourselves only if that message is late."""
        if step.due_at is None or step.status is not Status.RETRYING:
            return step.due_at
        if (step.due_at - now).total_seconds() > self._settings.broker_wait_seconds:
            return step.due_at
        return step.due_at + timedelta(seconds=self._settings.hint_seconds)

    def _give_back(self, session: Session, unsent: Sequence[Unsent], now: datetime) -> None:
        """Let messages wait as long as what stopped them lasts; there was no try, so none is counted."""
        waits: dict[tuple[Reason | None, float], list[str]] = defaultdict(list)
        for result in unsent:
            waits[self._wait(result)].append(result.message.id)
        for (reason, seconds), ids in waits.items():
            until = now + timedelta(seconds=seconds)
            delivery.release(session, self._lease, ids, reason=reason, until=until, now=now)

    def _wait(self, result: Unsent) -> tuple[Reason | None, float]:
        if result.rest_seconds is not None:
            return Reason.RECEIVER_RESTS, float(ceil(result.rest_seconds))  # whole seconds: few groups
        if result.cause is not None:
            return Reason.ACCOUNT_PAUSED, outcomes.pause_seconds(result.cause, self._settings)
        return None, 0.0
