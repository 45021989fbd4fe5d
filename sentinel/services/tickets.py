"""Tickets: opened by rules, acknowledged and resolved by people."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.models import Escalation, Ticket
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries import escalations, tickets
from sentinel.queries.tickets import Shown, TicketFilter, Touched
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.escalating import beginning, following, history
from sentinel.services.escalating.beginning import Wanting
from sentinel.services.escalating.history import entry, note
from sentinel.services.notifications import TimelineItem
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import stats

LONGEST_TITLE = 500
"""Characters: titles and merge keys stand in indexes, whose entries must stay below 2,700 bytes."""

LARGEST_ID = 2**31 - 1

LONGEST_SNOOZE = timedelta(days=30)

Alarm = tuple[int, str | None]
"""A client and a merge key."""

Moment = tuple[datetime, str]
"""When an event came, and its id: which of two is the later one."""

RATHER = {
    TicketStatus.ACKNOWLEDGED: "nobody is told while it is acknowledged, so resolve it when it is done",
    TicketStatus.RESOLVED: "nobody is told of it any more",
}
"""Instead of snoozing a ticket."""


LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class By:
    """Who does something to a ticket, how (by the API, the command line, the console or a link), and why."""

    who: str
    how: str
    note: str | None = None
    """What they want others to know; it stays in the history."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a rule asks for; `severity` is one of critical, high, medium, low."""

    client_id: int
    event_id: str
    rule_id: int
    severity: str
    title: str
    device_id: str | None
    merge_key: str | None
    at: datetime
    """When the event came."""
    policy: str | None = None
    """The escalation policy that the rule names."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a rule says is over: the ticket of a merge key. `at`: when the event came."""

    client_id: int
    merge_key: str
    rule_id: int
    event_id: str
    at: datetime


def open_many(uow: UnitOfWork, wanted: Sequence[NewTicket]) -> int:
    """Open tickets; those with a merge key join the unresolved ticket of that key. Returns how many are new.

    An event counts once for a rule and title: repetitions change nothing.
    """
    found = {(each.event_id, each.rule_id, each.title): each for each in map(_short, wanted)}
    separate = [each for each in found.values() if each.merge_key is None]
    merging = [each for each in found.values() if each.merge_key is not None]
    touched = tickets.open_separate(uow.session, [asdict(each) for each in separate], now=uow.now) if separate else []
    touched += _join(uow, merging) if merging else []
    new = Counter(each.severity for each in touched if each.is_new)
    for severity, amount in new.items():
        uow.count("tickets_opened_total", amount, severity=severity)
    beginning.begin(uow, [_wanting(each, found) for each in touched if each.is_new or each.is_raised])
    stats.outdate(uow, {each.client_id for each in touched})
    return new.total()


def _wanting(touched: Touched, wanted: Mapping[tuple[str, int, str], NewTicket]) -> Wanting:
    return Wanting(touched, wanted[touched.event_id, touched.rule_id, touched.title].policy)


def resolve_many(uow: UnitOfWork, recovered: Sequence[Recovery], *, beside: Sequence[NewTicket] = ()) -> int:
    """Resolve the tickets of merge keys; returns how many. `beside`: tickets that the same events have opened.

    What opens or joins a ticket after a recovery keeps it open, also within one batch and at the same moment.
    """
    last_fall = _last_falls(beside)
    rows = [
        {"client_id": each.client_id, "merge_key": _short_key(each.merge_key), "by": f"rule {each.rule_id}"}
        | {"at": each.at}
        for each in recovered
        if (fall := last_fall.get(_alarm_of(each))) is None or fall < _moment_of(each)
    ]
    resolved = tickets.resolve_merged(uow.session, rows, now=uow.now) if rows else []
    note(uow, *(entry(ticket_id, "resolved", by=by, how="rule") for ticket_id, _, by in resolved))
    following.end(uow, {ticket_id: by for ticket_id, _, by in resolved})
    stats.outdate(uow, {client_id for _, client_id, _ in resolved})
    return len(resolved)


def _last_falls(opened: Sequence[NewTicket]) -> dict[Alarm, Moment]:
    found: dict[Alarm, Moment] = {}
    for each in opened:
        found[_alarm_of(each)] = max(_moment_of(each), found.get(_alarm_of(each), _moment_of(each)))
    return found


def _alarm_of(said: NewTicket | Recovery) -> Alarm:
    return said.client_id, said.merge_key


def _moment_of(said: NewTicket | Recovery) -> Moment:
    return said.at, said.event_id


def _join(uow: UnitOfWork, merging: Sequence[NewTicket]) -> list[Touched]:
    fresh = tickets.take_events(uow.session, [asdict(each) for each in merging])
    rows = [asdict(each) for each in merging if (each.event_id, each.rule_id, each.title) in fresh]
    return tickets.join(uow.session, rows, worst_first=SEVERITIES, now=uow.now) if rows else []


def _short(ticket: NewTicket) -> NewTicket:
    title, key = ticket.title, ticket.merge_key
    if len(title) > LONGEST_TITLE:
        title = f"{title[: LONGEST_TITLE - 1]}…"
    return replace(ticket, title=title, merge_key=None if key is None else _short_key(key))


def _short_key(key: str) -> str:
    """A merge key as it is stored; cut off, two keys could become one."""
    return key if len(key) <= LONGEST_TITLE else hashlib.sha256(key.encode()).hexdigest()


def get(uow: UnitOfWork, ticket_id: int, *, client_id: int | None) -> Ticket:
    """Return one ticket of the client (None: of any, for operators)."""
    found = tickets.get(uow.session, ticket_id, client_id=client_id) if ticket_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no ticket {ticket_id}; see GET /tickets")
    return found


def of_event(uow: UnitOfWork, event_id: str) -> Sequence[Ticket]:
    """Return the tickets that an event opened or joined."""
    return tickets.of_event(uow.session, event_id)


def escalation_of(uow: UnitOfWork, ticket: Ticket) -> Escalation | None:
    """Return how far a ticket is escalated; None if it has taken no policy."""
    return escalations.of_ticket(uow.session, ticket.id)


def page(uow: UnitOfWork, wanted: TicketFilter, *, size: int) -> tuple[list[Shown], int | None]:
    """Return a page of tickets, newest first, and the cursor of the next page, if any."""
    rows = tickets.page(uow.session, wanted, size=size + 1)
    cursor = rows[size - 1].ticket.id if len(rows) > size else None
    return rows[:size], cursor


def move(
    uow: UnitOfWork,
    ticket_id: int,
    status: TicketStatus,
    *,
    client_id: int | None,
    by: By,
    version: int | None = None,
) -> Ticket:
    """Acknowledge or resolve a ticket, if it still stands where that is possible."""
    _check_note(by)
    found = get(uow, ticket_id, client_id=client_id)
    is_moved = tickets.move(uow.session, found.id, status, by=by.who, version=version, now=uow.now)
    uow.session.refresh(found)
    if not is_moved and version is not None and version != found.version:
        raise _stale(found, version)
    if not is_moved:
        raise ConflictError(_why_not(found, status))
    note(uow, entry(found.id, status, by=by.who, how=by.how, note=by.note))
    if status is TicketStatus.RESOLVED:
        following.end(uow, {found.id: by.who})
    else:
        following.acknowledge(uow, found.id)
    return found


def snooze(
    uow: UnitOfWork, ticket_id: int, until: datetime, *, client_id: int | None, by: By, version: int | None = None
) -> Ticket:
    """Let the escalation of an open ticket rest until a time; then it goes on with its next step."""
    _check_note(by)
    _check_rest(until, now=uow.now)
    found = get(uow, ticket_id, client_id=client_id)
    tickets.hold(uow.session, found.id)
    uow.session.refresh(found)
    if version is not None and version != found.version:
        raise _stale(found, version)
    if found.status != TicketStatus.OPEN:
        raise ConflictError(
            f"{_standing(found)}; only what is open can be snoozed: {RATHER[TicketStatus(found.status)]}"
        )
    if not following.snooze(uow, found.id, until):
        raise ConflictError(
            f"ticket {found.id} has no escalation that would tell anybody, so there is nothing to snooze; "
            "acknowledge or resolve it"
        )
    note(uow, entry(found.id, "snoozed", by=by.who, how=by.how, until=until, note=by.note))
    return found


def wake(uow: UnitOfWork, ticket_id: int, *, client_id: int | None, by: By) -> Ticket:
    """End the rest of a snoozed ticket: its next step is told at once."""
    _check_note(by)
    found = get(uow, ticket_id, client_id=client_id)
    tickets.hold(uow.session, found.id)
    uow.session.refresh(found)
    if found.status != TicketStatus.OPEN or not following.wake(uow, found.id):
        raise ConflictError(f"ticket {found.id} is not snoozed (any more), so there is nothing to wake")
    note(uow, entry(found.id, "woken", by=by.who, how=by.how, note=by.note))
    return found


def _check_note(by: By) -> None:
    if by.note is not None and len(by.note) > LONGEST_NOTE:
        message, remedy = f"has {len(by.note)} characters", f"at most {LONGEST_NOTE} are kept"
        raise InvalidInputError(FieldError("note", shown(by.note), message, remedy))


def _check_rest(until: datetime, *, now: datetime) -> None:
    if not now < until <= now + LONGEST_SNOOZE:
        message, remedy = "is no time to come within reach", f"choose a time within {LONGEST_SNOOZE.days} days"
        raise InvalidInputError(FieldError("snoozed_until", until.isoformat(), message, remedy))


def timeline(uow: UnitOfWork, ticket_id: int, *, client_id: int | None) -> list[TimelineItem]:
    """Tell what happened to a ticket, oldest first."""
    return history.timeline(uow, get(uow, ticket_id, client_id=client_id))


def _stale(found: Ticket, version: int) -> ConflictError:
    return ConflictError(f"ticket {found.id} is version {found.version} by now, not {version}; look at it again")


def _why_not(found: Ticket, status: TicketStatus) -> str:
    if found.status not in SOURCES[status]:
        sources = " or ".join(sorted(SOURCES[status], reverse=True))
        return f"{_standing(found)}; only what is {sources} can be {status}"
    return f"ticket {found.id} changed in this very moment; try again"


def _standing(found: Ticket) -> str:
    """Where a ticket stands, since when and by whom."""
    who, at = (
        (found.resolved_by, found.resolved_at)
        if found.status == TicketStatus.RESOLVED
        else (found.acknowledged_by, found.acknowledged_at)
    )
    since = f" by {who} at {at:%Y-%m-%d %H:%M:%SZ}" if at is not None else ""
    return f"ticket {found.id} was {found.status}{since}"
