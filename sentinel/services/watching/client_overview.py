"""Clients at a glance: what each has, and how much it sent today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC

from sentinel.models import Client
from sentinel.queries import books
from sentinel.queries import clients as queries
from sentinel.queries.clients import Counts
from sentinel.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Overview:
    """What a client has, and by channel how many of its notifications were accepted since midnight (UTC)."""

    counts: Counts
    today: dict[str, int] = field(default_factory=dict)

    @property
    def total_today(self) -> int:
        """All channels together."""
        return sum(self.today.values())


def of(uow: UnitOfWork, clients: Sequence[Client]) -> dict[int, Overview]:
    """Return the overviews of some clients by their ids. What was accepted is read in the books, and not counted."""
    counts = queries.counts(uow.session, [each.id for each in clients], now=uow.now)
    only = clients[0].id if len(clients) == 1 else None
    today: dict[int, Counter[str]] = {each.id: Counter() for each in clients}
    for (client_id, channel), (accepted, _) in _booked_today(uow, only).items():
        if accepted and client_id in today:
            today[client_id][channel] = accepted
    return {each.id: Overview(counts[each.id], dict(today[each.id].most_common())) for each in clients}


def _booked_today(uow: UnitOfWork, client_id: int | None) -> dict[tuple[int, str], tuple[int, int]]:
    return books.entered(uow.session, uow.now.astimezone(UTC).date(), client_id=client_id)
