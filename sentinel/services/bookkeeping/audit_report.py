"""What an audit finds, and how it is told: discrepancies by kind, and the balance by client, channel and day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sentinel.models.status import IN_FLIGHT, Status
from sentinel.queries.audit import Found
from sentinel.queries.books import Standing

MOST_LISTED = 10_000
"""Most discrepancies that a report lists; it counts them all."""

MOST_KEPT = 500
"""Most discrepancies that are kept with a run."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of discrepancy: what it means, and what to do."""

    meaning: str
    remedy: str


KINDS: dict[str, Kind] = {
    "unbalanced": Kind(
        "more or fewer notifications of this day, client and channel than the books say",
        "rows were deleted, restored or added behind Sentinel's back: find out by whom; `sentinel audit --settle` "
        "makes the books follow the rows",
    ),
    "sent_without_evidence": Kind(
        "counts as sent, yet no try, look-up or receipt shows that a provider has it",
        "look at its timeline; if the recipient has nothing, send it again as a new notification",
    ),
    "attempts_differ": Kind(
        "its number of tries is not the number of tries that were kept",
        "look at its timeline: a try without a record may have reached the provider",
    ),
    "end_without_reason": Kind("ended badly and does not say why", "look at its timeline and at the log"),
    "end_that_waits": Kind("has ended and is still due", "somebody changed the row by hand; clear next_attempt_at"),
    "waits_unseen": Kind(
        "waits, and nobody will look at it for a long time",
        "cancel it, or set its queue_at to now: the sweeper takes it up",
    ),
    "duplicate_of_nothing": Kind(
        "was held back as the duplicate of a notification that does not exist",
        "nobody was told: send it again as a new notification",
    ),
    "failover_of_nothing": Kind(
        "took over for a notification that does not exist", "look for who deleted it; this one stands for itself"
    ),
    "failover_late": Kind(
        "could not be delivered, and the target that was to take over has not",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
    "event_without_messages": Kind(
        "rules spoke for this event, and neither a notification nor a ticket is there",
        "see `GET /events/{id}/explain`; post the event again under another event_id",
    ),
    "said_twice": Kind(
        "two notifications of one dedupe key were sent within its time",
        "if SENTINEL_DEDUPE_SECONDS was raised meanwhile it is none; else report it, with both timelines",
    ),
    "overdue": Kind(
        "waits, and its time is long over", "see whether beat and a pipeline worker run: `sentinel doctor`"
    ),
    "held_overdue": Kind(
        "waits in a group whose time is over", "see whether beat and a pipeline worker run: `sentinel doctor`"
    ),
    "lease_over": Kind(
        "is being sent by a worker that is long gone", "see whether beat and a pipeline worker run: `sentinel doctor`"
    ),
    "event_overdue": Kind(
        "has not met the rules, and its time is long over",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
    "escalation_late": Kind(
        "a ticket whose next step should have been told more than two minutes ago (the id is the ticket's)",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
    "receipt_overdue": Kind(
        "a provider's report was not looked at, and its time is long over",
        "see whether beat and a pipeline worker run: `sentinel doctor`",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What the books say of a client, channel and day, and where its rows stand."""

    day: date
    client_id: int
    channel: str
    accepted: int
    pruned: int
    standings: Sequence[Standing]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(each.number for each in self.standings)

    @property
    def is_balanced(self) -> bool:
        """Whether each accepted notification is there, or was deleted after its retention."""
        return self.accepted == self.rows + self.pruned

    def count(self, *statuses: Status) -> int:
        """How many rows stand at one of `statuses`."""
        return sum(each.number for each in self.standings if each.status in statuses)

    @property
    def in_flight(self) -> int:
        """How many rows have not ended."""
        return self.count(*IN_FLIGHT)


@dataclass(slots=True)
class Report:
    """What an audit has found. `since` is how far back it looked; not as far as asked if it is not complete."""

    started_at: datetime
    since: datetime
    names: dict[int, str]
    finished_at: datetime | None = None
    is_complete: bool = True
    lines: list[Line] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def checked(self) -> int:
        """How many notifications the days have that it looked at."""
        return sum(line.rows for line in self.lines)

    @property
    def discrepancies(self) -> int:
        """How many there are."""
        return self.counts.total()

    def add(self, found: Iterable[Found]) -> None:
        """Count and list discrepancies."""
        for each in found:
            self.counts[each.kind] += 1
            if len(self.found) < MOST_LISTED:
                self.found.append(each)

    def name_of(self, client_id: int | None) -> str | None:
        """Return a client's name; its number if it is gone."""
        return None if client_id is None else self.names.get(client_id, str(client_id))


def as_json(report: Report, *, most: int = MOST_KEPT) -> dict[str, Any]:
    """Write a report down: the balance by day and channel of all clients together, and the first discrepancies."""
    return {
        "since": report.since,
        "is_complete": report.is_complete,
        "balance": [balance_view(lines) for lines in by_day_and_channel(report.lines)],
        "kinds": [
            {"kind": kind, "count": count, "meaning": KINDS[kind].meaning, "remedy": KINDS[kind].remedy}
            for kind, count in report.counts.most_common()
        ],
        "found": [
            {"kind": each.kind, "id": each.id, "client": report.name_of(each.client_id), "detail": each.detail}
            for each in report.found[:most]
        ],
    }


def by_day_and_channel(lines: Iterable[Line]) -> list[list[Line]]:
    """Group lines, newest day first."""
    groups: dict[tuple[date, str], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.day, line.channel].append(line)
    return [groups[key] for key in sorted(groups, key=lambda key: (-key[0].toordinal(), key[1]))]


def balance_view(lines: Sequence[Line]) -> dict[str, Any]:
    """Add lines of one day and channel up."""
    reasons: dict[str, Counter[str]] = {status: Counter() for status in (Status.SUPPRESSED, Status.FAILED)}
    for each in (standing for line in lines for standing in line.standings):
        if each.status in (Status.FAILED, Status.UNDELIVERED):
            reasons[Status.FAILED][each.reason or "unknown"] += each.number
        elif each.status == Status.SUPPRESSED:
            reasons[Status.SUPPRESSED][each.reason or "unknown"] += each.number
    return {
        "day": lines[0].day,
        "channel": lines[0].channel,
        "accepted": sum(line.accepted for line in lines),
        "delivered": sum(line.count(Status.SENT, Status.DELIVERED) for line in lines),
        "suppressed": dict(reasons[Status.SUPPRESSED]),
        "failed": dict(reasons[Status.FAILED]),
        "cancelled": sum(line.count(Status.CANCELLED) for line in lines),
        "in_flight": sum(line.in_flight for line in lines),
        "pruned": sum(line.pruned for line in lines),
        "is_balanced": all(line.is_balanced for line in lines),
    }
