"""Reads and writes of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, text, union
from sqlalchemy.orm import Session

from sentinel.models import Client, Escalation, Ticket, TicketEvent
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries.values import array, recordset

COLUMNS = """
    client_id int, event_id uuid, rule_id int, severity text, title text, device_id text, merge_key text,
    at timestamptz
"""

# Who has no escalation policies is asked no more about them.
HAS_POLICIES = "EXISTS (SELECT FROM escalation_policies p WHERE p.client_id = tickets.client_id) AS has_policies"

# Sorted, so that two batches cannot deadlock.
OPEN = text(f"""
    INSERT INTO tickets (
        client_id, event_id, rule_id, severity, title, status, device_id, last_event_at, created_at, updated_at)
    SELECT client_id, event_id, rule_id, severity, title, 'open', device_id, at, :now, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r ({COLUMNS})
    ORDER BY event_id, rule_id, title
    ON CONFLICT (event_id, rule_id, title) DO NOTHING
    RETURNING id, client_id, severity, event_id::text, rule_id, title, true AS is_new, false AS is_raised,
              false AS is_acknowledged, {HAS_POLICIES}
""")  # noqa: S608 - put together from our own words

TAKE_EVENTS = text("""
    INSERT INTO ticket_events (event_id, rule_id, title)
    SELECT event_id, rule_id, title
    FROM json_to_recordset(CAST(:rows AS json)) AS r (event_id uuid, rule_id int, title text)
    ORDER BY event_id, rule_id, title
    ON CONFLICT (event_id, rule_id, title) DO NOTHING
    RETURNING event_id::text, rule_id, title
""")

# One row per ticket, however many events of the batch join it: the first of the worst speaks for it.
JOIN = text(f"""
    WITH given AS (
        SELECT r.*, array_position(CAST(:worst_first AS text[]), severity) AS rank
        FROM json_to_recordset(CAST(:rows AS json)) AS r ({COLUMNS})),
    speaking AS (
        SELECT DISTINCT ON (client_id, merge_key) *,
            count(*) OVER (PARTITION BY client_id, merge_key) AS joining,
            max(at) OVER (PARTITION BY client_id, merge_key) AS last_at
        FROM given ORDER BY client_id, merge_key, rank, at, event_id),
    joined AS (
        INSERT INTO tickets AS present (
            client_id, event_id, rule_id, severity, title, status, device_id, merge_key, events, last_event_at,
            created_at, updated_at)
        SELECT
            client_id, event_id, rule_id, severity, title, 'open', device_id, merge_key, joining, last_at, :now, :now
        FROM speaking ORDER BY client_id, merge_key
        ON CONFLICT (client_id, merge_key) WHERE merge_key IS NOT NULL AND status <> 'resolved' DO UPDATE
        SET (event_id, rule_id, severity, title, version) = (
                SELECT w.event_id, w.rule_id, w.severity, w.title, w.version
                FROM (VALUES
                    (1, present.event_id, present.rule_id, present.severity, present.title, present.version),
                    (2, EXCLUDED.event_id, EXCLUDED.rule_id, EXCLUDED.severity, EXCLUDED.title, present.version + 1))
                    AS w (place, event_id, rule_id, severity, title, version)
                ORDER BY array_position(CAST(:worst_first AS text[]), w.severity), w.place LIMIT 1),
            events = present.events + EXCLUDED.events,
            last_event_at = greatest(present.last_event_at, EXCLUDED.last_event_at),
            updated_at = EXCLUDED.updated_at
        RETURNING id, client_id, merge_key, severity, event_id, rule_id, title, status, xmax = 0 AS is_new),
    noted AS (
        UPDATE ticket_events e SET ticket_id = joined.id
        FROM given g JOIN joined ON joined.client_id = g.client_id AND joined.merge_key = g.merge_key
        WHERE e.event_id = g.event_id AND e.rule_id = g.rule_id AND e.title = g.title)
    SELECT
        tickets.id, client_id, tickets.severity, tickets.event_id::text, tickets.rule_id, tickets.title, is_new,
        NOT is_new AND (tickets.event_id, tickets.rule_id, tickets.title) = (s.event_id, s.rule_id, s.title)
            AS is_raised,
        tickets.status = 'acknowledged' AS is_acknowledged, {HAS_POLICIES}
    FROM joined AS tickets JOIN speaking AS s USING (client_id, merge_key)
""")  # noqa: S608 - put together from our own words

# An event of an earlier time than the last one that joined says nothing about what has happened since. Of a key's
# recoveries the last speaks. It is asked again of the row as it is after a wait for its lock: whoever held it may have
# joined a later event.
RESOLVE_MERGED = text("""
    WITH meant AS (
        SELECT DISTINCT ON (t.id) t.id, r.by, r.at
        FROM json_to_recordset(CAST(:rows AS json)) AS r (client_id int, merge_key text, by text, at timestamptz)
        JOIN tickets t ON t.client_id = r.client_id AND t.merge_key = r.merge_key
            AND t.merge_key IS NOT NULL AND t.status <> 'resolved' AND t.last_event_at <= r.at
        ORDER BY t.id, r.at DESC),
    held AS (
        SELECT t.id FROM tickets t JOIN meant USING (id) WHERE t.last_event_at <= meant.at
        ORDER BY t.client_id, t.merge_key FOR NO KEY UPDATE OF t)
    UPDATE tickets t
    SET status = 'resolved', version = version + 1, updated_at = :now, resolved_at = :now, resolved_by = meant.by
    FROM meant JOIN held USING (id)
    WHERE t.id = meant.id AND t.status = ANY(CAST(:sources AS text[])) AND t.last_event_at <= meant.at
    RETURNING t.id, t.client_id, t.resolved_by
""")

MOVE = text("""
    UPDATE tickets
    SET status = :status, version = version + 1, updated_at = :now,
        acknowledged_at = CASE WHEN :status = 'acknowledged' THEN :now ELSE acknowledged_at END,
        acknowledged_by = CASE WHEN :status = 'acknowledged' THEN :by ELSE acknowledged_by END,
        resolved_at = CASE WHEN :status = 'resolved' THEN CAST(:now AS timestamptz) END,
        resolved_by = CASE WHEN :status = 'resolved' THEN :by END
    WHERE id = :id AND status = ANY(CAST(:sources AS text[])) AND version = coalesce(:version, version)
""")


@dataclass(frozen=True, slots=True)
class Touched:
    """A ticket that is new, or that an event has joined; event, rule and title are those that speak for it now.

    `is_raised`: an event that joined gave it its severity. `has_policies`: its client has escalation policies.
    """

    id: int
    client_id: int
    severity: str
    event_id: str
    rule_id: int
    title: str
    is_new: bool
    is_raised: bool
    is_acknowledged: bool
    has_policies: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket, its client's name, and how far it is escalated (None: it has taken no policy)."""

    ticket: Ticket
    client: str
    escalation: Escalation | None


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What a list is narrowed to; None means any. `before` is the id that the page ended with."""

    client_id: int | None = None
    statuses: tuple[str, ...] = ()
    severity: str | None = None
    device_id: str | None = None
    since: datetime | None = None
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = {"client_id": self.client_id, "severity": self.severity, "device_id": self.device_id}
        found = [getattr(Ticket, name) == value for name, value in exact.items() if value is not None]
        if self.statuses:
            found.append(Ticket.status.in_(self.statuses))
        if self.since is not None:
            found.append(Ticket.created_at >= self.since)
        if self.before is not None:
            found.append(Ticket.id < self.before)
        return found


def open_separate(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Touched]:
    """Open a ticket for each row that has none yet."""
    return [Touched(*row) for row in session.execute(OPEN, {"rows": recordset(rows), "now": now})]


def take_events(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, int, str]]:
    """Note which event, rule and title are counted from now on; returns those that were not before."""
    return {(row[0], row[1], row[2]) for row in session.execute(TAKE_EVENTS, {"rows": recordset(rows)})}


def join(
    session: Session, rows: Sequence[Mapping[str, Any]], *, worst_first: Sequence[str], now: datetime
) -> list[Touched]:
    """Join each row to the unresolved ticket of its key, or open one."""
    values = {"rows": recordset(rows), "worst_first": array(worst_first), "now": now}
    return [Touched(*row) for row in session.execute(JOIN, values)]


def get(session: Session, ticket_id: int, *, client_id: int | None) -> Ticket | None:
    """Return one ticket, if it belongs to the client (None: any client, for operators)."""
    wanted = TicketFilter(client_id=client_id).conditions()
    return session.scalar(select(Ticket).where(Ticket.id == ticket_id, *wanted))


def page(session: Session, wanted: TicketFilter, *, size: int) -> list[Shown]:
    """Return up to `size` tickets, newest first."""
    statement = (
        select(Ticket, Client.name, Escalation)
        .join(Client, Client.id == Ticket.client_id)
        .outerjoin(Escalation, Escalation.ticket_id == Ticket.id)
        .where(*wanted.conditions())
        .order_by(Ticket.id.desc())
        .limit(size)
    )
    return [Shown(*row) for row in session.execute(statement)]


def of_event(session: Session, event_id: str) -> Sequence[Ticket]:
    """Return the tickets that an event opened or joined."""
    joined = select(TicketEvent.ticket_id).where(TicketEvent.event_id == event_id)
    wanted = union(select(Ticket.id).where(Ticket.event_id == event_id), joined).subquery()
    return session.scalars(select(Ticket).where(Ticket.id.in_(select(wanted))).order_by(Ticket.id)).all()


def resolve_merged(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[tuple[int, int, str]]:
    """Resolve the unresolved tickets of these keys (`client_id`, `merge_key`, `by`, `at`).

    Returns id, client and who, of those that were resolved.
    """
    values = {"rows": recordset(rows), "sources": array(SOURCES[TicketStatus.RESOLVED]), "now": now}
    return [(row[0], row[1], row[2]) for row in session.execute(RESOLVE_MERGED, values)]


def hold(session: Session, ticket_id: int) -> None:
    """Let nobody else move this ticket until the transaction ends."""
    session.execute(select(Ticket.id).where(Ticket.id == ticket_id).with_for_update(key_share=True))


def move(
    session: Session, ticket_id: int, status: TicketStatus, *, by: str, version: int | None, now: datetime
) -> bool:
    """Bring a ticket to `status`; False if it may not go there now, or is not of `version` any more."""
    values = {"id": ticket_id, "status": status, "sources": array(SOURCES[status]), "version": version}
    return bool(session.execute(MOVE, values | {"by": by, "now": now}).rowcount)  # type: ignore[attr-defined]
