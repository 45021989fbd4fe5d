"""Suppressions: addresses that a client does not write to any more, whoever said so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sentinel.models.status import Status
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import suppressions as queries
from sentinel.services import tallies
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """An address to leave alone. `recipient` is in its one spelling; `source` is a provider's name, or who wrote it."""

    client_id: int
    channel: str
    recipient: str
    reason: SuppressionReason
    source: str
    notification_id: str | None = None
    note: str | None = None


def suppress_many(uow: UnitOfWork, wanted: Sequence[NewSuppression]) -> int:
    """Suppress addresses; returns how many were not before. Those that were keep their reason and their date."""
    first = {(each.client_id, each.channel, each.recipient): each for each in reversed(wanted)}
    rows = queries.insert(uow.session, [asdict(each) for each in first.values()], now=uow.now) if first else []
    for reason, amount in Counter(reason for _, reason in rows).items():
        uow.count("suppressions_total", amount, reason=reason)
    return len(rows)


def end_suppressed(uow: UnitOfWork, ids: Sequence[str], *, channel: str) -> list[str]:
    """End what waits for a send to a suppressed address, with that reason; returns the ids that ended."""
    ended = queries.end_suppressed(uow.session, ids, now=uow.now)
    for reason, amount in Counter(each.reason for each in ended).items():
        tallies.count_ended(uow, channel, Status.SUPPRESSED, reason, amount)
    return [each.id for each in ended]
