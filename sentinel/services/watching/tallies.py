"""What the metrics learn of notifications: how they ended, and what became of each try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sentinel.channels.base import Outcome
from sentinel.models.status import Reason, Status
from sentinel.queries import pipeline
from sentinel.queries.delivery import ClaimedRow
from sentinel.services.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from sentinel.channels.sender import Sent  # the API counts as well, and has no use for an HTTP client


def end(uow: UnitOfWork, ids: Sequence[str], status: Status, reason: Reason, *, channel: str) -> list[str]:
    """End waiting rows of one channel and count them; returns the ids that were still waiting."""
    ended = pipeline.finish(uow.session, ids, status, reason, now=uow.now)
    count_ended(uow, channel, status, reason, len(ended))
    return ended


def count_ended(uow: UnitOfWork, channel: str, status: str, reason: str | None, amount: int) -> None:
    """Count notifications that stop here."""
    if not amount:
        return
    if status == Status.SUPPRESSED:
        uow.count("notifications_suppressed_total", amount, reason=reason or "")
    elif status == Status.FAILED:
        uow.count("notifications_failed_total", amount, channel=channel, reason=reason or "")


def count_accepted(uow: UnitOfWork, channels: Iterable[str]) -> None:
    """Count new notifications by their channels."""
    for channel, amount in Counter(channels).items():
        uow.count("notifications_accepted_total", amount, channel=channel)


def count_tries(uow: UnitOfWork, provider: str, sent: Sequence[Sent]) -> None:
    """Count what a provider was asked, and how long each answer took."""
    for outcome, amount in Counter(result.receipt.outcome for result in sent).items():
        uow.count("attempts_total", amount, provider=provider, outcome=outcome.value)
        if outcome is Outcome.AMBIGUOUS:
            uow.count("ambiguous_total", amount, provider=provider)
    uow.observe("attempt_seconds", *(result.duration_ms / 1000 for result in sent), provider=provider)


def count_standings(
    uow: UnitOfWork, channel: str, provider: str, standings: Iterable[Mapping[str, Any]], rows: Mapping[str, ClaimedRow]
) -> None:
    """Count the messages that were sent or have failed, and how long the sent ones were on their way."""
    standings = list(standings)
    sent = [rows[standing["id"]] for standing in standings if standing["status"] == Status.SENT]
    if sent:
        uow.count("notifications_sent_total", len(sent), channel=channel, provider=provider)
        uow.observe("delivery_seconds", *(_seconds_on_the_way(row, uow.now) for row in sent), channel=channel)
    failed = Counter(standing["reason"] for standing in standings if standing["status"] == Status.FAILED)
    for reason, amount in failed.items():
        count_ended(uow, channel, Status.FAILED, reason, amount)


def _seconds_on_the_way(row: ClaimedRow, now: datetime) -> float:
    began = max(row.created_at, row.send_at or row.created_at)
    return (now - began).total_seconds()
