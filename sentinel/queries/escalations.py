"""Escalations: what is due, how it moves, and what was told to whom. Every move is fenced by the token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sentinel.models import Client, Escalation, Ticket, TicketEntry, TicketMessage
from sentinel.models.status import Reason, Status, sources
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries.values import array, recordset

COLUMNS = {
    "ticket_id": "int",
    "client_id": "int",
    "policy": "text",
    "steps": "jsonb",
    "repeat": "smallint",
    "repeat_wait_seconds": "int",
    "acknowledge_timeout_seconds": "int",
    "tells_end": "boolean",
    "state": "text",
    "round": "smallint",
    "step": "smallint",
    "run": "int",
    "token": "int",
    "next_step_at": "timestamptz",
}
NAMES = ", ".join(COLUMNS)
TYPES = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
FOUND = f"""
    SELECT {", ".join(f"e.{name}" for name in COLUMNS)}, t.status, t.severity, t.title, t.device_id, t.events,
           t.last_event_at, t.event_id::text, t.acknowledged_by, t.resolved_by, c.name AS client
    FROM escalations e JOIN tickets t ON t.id = e.ticket_id JOIN clients c ON c.id = t.client_id
"""  # noqa: S608 - put together from our own words

# A ticket that somebody is just taking is left to them: the sweep comes again in a second. Rows are locked where people
# lock them, too: the ticket and then its escalation.
TAKE_DUE = text(f"""
    {FOUND} WHERE e.next_step_at <= :now ORDER BY e.next_step_at LIMIT :most
    FOR NO KEY UPDATE OF t, e SKIP LOCKED
""")
TAKE_DUE_ONE = text(f"""
    {FOUND} WHERE e.ticket_id = :ticket_id AND e.next_step_at <= :now
    FOR NO KEY UPDATE OF t, e SKIP LOCKED
""")
LOCKED = text(f"""
    {FOUND} WHERE e.ticket_id = ANY(CAST(:ids AS int[])) ORDER BY e.ticket_id FOR NO KEY UPDATE OF e
""")

# What the ticket copies of its policy, and where it begins; another policy takes the place of the one before.
BEGIN = text(f"""
    INSERT INTO escalations ({NAMES}, created_at, updated_at)
    SELECT {NAMES}, :now, :now FROM json_to_recordset(CAST(:rows AS json)) AS r ({TYPES})
    ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE
    SET ({", ".join(list(COLUMNS)[2:])}, updated_at) = ({", ".join(f"EXCLUDED.{name}" for name in list(COLUMNS)[2:])},
        EXCLUDED.updated_at)
""")  # noqa: S608 - as above

MOVE = text("""
    UPDATE escalations e
    SET state = r.state, round = r.round, step = r.step, run = r.run, token = r.token, next_step_at = r.next_step_at,
        updated_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        ticket_id int, before int, state text, round smallint, step smallint, run int, token int,
        next_step_at timestamptz)
    WHERE e.ticket_id = r.ticket_id AND e.token = r.before
    RETURNING e.ticket_id
""")

REOPEN = text("""
    UPDATE tickets
    SET status = 'open', acknowledged_at = NULL, acknowledged_by = NULL, version = version + 1, updated_at = :now
    WHERE id = ANY(CAST(:ids AS int[])) AND status = ANY(CAST(:sources AS text[]))
""")

ADD_MESSAGES = text("""
    WITH kept AS (
        INSERT INTO ticket_messages (
            id, ticket_id, notification_id, run, token, round, step, target, who, channel, recipient, endpoint_id,
            expires_at)
        SELECT id, ticket_id, notification_id, run, token, round, step, target, who, channel, recipient, endpoint_id,
               expires_at
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id bigint, ticket_id int, notification_id uuid, run int, token int, round smallint, step smallint,
            target text, who text, channel text, recipient text, endpoint_id int, expires_at timestamptz)
        RETURNING id, notification_id, step)
    UPDATE notifications n SET ticket_message_id = kept.id FROM kept
    WHERE n.id = kept.notification_id AND kept.step IS NOT NULL
""")

# The notifications of steps, and those that took over for them.
STEPS = """
    steps (message_id, id) AS (
        SELECT id, notification_id FROM ticket_messages
        WHERE ticket_id = ANY(CAST(:ids AS int[])) AND step IS NOT NULL
        UNION ALL
        SELECT s.message_id, n.id FROM steps s JOIN notifications n ON n.failover_of = s.id)
"""

# Whoever was told and can have heard of it: what was never sent needs no end.
TOLD = text(f"""
    WITH RECURSIVE {STEPS},
    told AS (
        SELECT m.ticket_id, m.target, m.who, coalesce(n.channel, m.channel) AS channel,
               coalesce(n.recipient, m.recipient) AS recipient,
               CASE WHEN n.id IS NULL THEN m.endpoint_id ELSE n.endpoint_id END AS endpoint_id, m.token
        FROM steps s JOIN ticket_messages m ON m.id = s.message_id LEFT JOIN notifications n ON n.id = s.id
        WHERE coalesce(n.status, '') NOT IN ('CANCELLED', 'FAILED', 'SUPPRESSED'))
    SELECT DISTINCT ON (ticket_id, channel, recipient) ticket_id, target, who, channel, recipient, endpoint_id
    FROM told ORDER BY ticket_id, channel, recipient, token DESC
""")  # noqa: S608 - put together from our own words

# Locked in the order of their ids, as whoever sends them does.
WITHDRAW = text(f"""
    WITH RECURSIVE {STEPS},
    held AS (
        SELECT n.id, m.ticket_id
        FROM steps s JOIN ticket_messages m ON m.id = s.message_id JOIN notifications n ON n.id = s.id
        WHERE n.status = ANY(CAST(:sources AS text[]))
        ORDER BY n.id FOR NO KEY UPDATE OF n),
    withdrawn AS (
        UPDATE notifications n
        SET status = 'CANCELLED', reason = :reason, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
        FROM held WHERE n.id = held.id AND n.status = ANY(CAST(:sources AS text[]))
        RETURNING n.id, n.channel, held.ticket_id),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'cancelled', jsonb_build_object('ticket_id', ticket_id, 'because', CAST(:reason AS text))
        FROM withdrawn)
    SELECT channel FROM withdrawn
""")  # noqa: S608 - as above

NOTE = text("""
    INSERT INTO ticket_entries (ticket_id, at, kind, detail)
    SELECT ticket_id, :now, kind, detail
    FROM json_to_recordset(CAST(:rows AS json)) AS r (ticket_id int, kind text, detail jsonb)
""")

STATUSES = text("""
    SELECT n.id::text, n.status, n.reason
    FROM ticket_messages m JOIN notifications n ON n.id = m.notification_id
    WHERE m.ticket_id = :ticket_id
""")

USE_LINK = text("""
    UPDATE ticket_messages SET used_at = :now, used_for = :used_for
    WHERE id = :id AND used_at IS NULL AND expires_at > :now
""")


@dataclass(frozen=True, slots=True)
class StoredEscalation:
    """An escalation as its row has it, and what its messages say of the ticket."""

    ticket_id: int
    client_id: int
    policy: str
    steps: list[dict[str, Any]]
    repeat: int
    repeat_wait_seconds: int
    acknowledge_timeout_seconds: int | None
    tells_end: bool
    state: str
    round: int
    step: int
    run: int
    token: int
    next_step_at: datetime | None
    status: str
    severity: str
    title: str
    device_id: str | None
    events: int
    last_event_at: datetime
    event_id: str
    acknowledged_by: str | None
    resolved_by: str | None
    client: str


@dataclass(frozen=True, slots=True)
class ToldTarget:
    """A target that a ticket was told to."""

    ticket_id: int
    target: str
    who: str
    channel: str
    recipient: str
    endpoint_id: int | None


def take_due(session: Session, *, now: datetime, most: int) -> list[StoredEscalation]:
    """Take up to `most` escalations that somebody should look at, until the transaction ends."""
    return [StoredEscalation(*row) for row in session.execute(TAKE_DUE, {"now": now, "most": most})]


def take_due_one(session: Session, ticket_id: int, *, now: datetime) -> list[StoredEscalation]:
    """Take the escalation of this ticket, if it is still due and nobody else has it."""
    return [StoredEscalation(*row) for row in session.execute(TAKE_DUE_ONE, {"ticket_id": ticket_id, "now": now})]


def locked(session: Session, ticket_ids: Iterable[int]) -> list[StoredEscalation]:
    """Return the escalations of these tickets; they are this transaction's until it ends."""
    found = session.execute(LOCKED, {"ids": array(map(str, ticket_ids))})
    return [StoredEscalation(*row) for row in found]


def begin(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Begin escalations (`COLUMNS`), or put another policy in the place of the one before."""
    session.execute(BEGIN, {"rows": recordset(rows), "now": now})


def move(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> set[int]:
    """Bring escalations that still have the token `before` to where `rows` say; returns the tickets of those."""
    return set(session.execute(MOVE, {"rows": recordset(rows), "now": now}).scalars())


def reopen(session: Session, ticket_ids: Iterable[int], *, now: datetime) -> None:
    """Open acknowledged tickets again."""
    values = {"ids": array(map(str, ticket_ids)), "sources": array(SOURCES[TicketStatus.OPEN]), "now": now}
    session.execute(REOPEN, values)


def add_messages(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note which notifications tell of tickets; those of steps name their row, of which their link is made."""
    session.execute(ADD_MESSAGES, {"rows": recordset(rows)})


def told(session: Session, ticket_ids: Iterable[int]) -> list[ToldTarget]:
    """Return whom these tickets were told to."""
    return [ToldTarget(*row) for row in session.execute(TOLD, {"ids": array(map(str, ticket_ids))})]


def withdraw(session: Session, ticket_ids: Iterable[int], *, reason: Reason, now: datetime) -> list[str]:
    """Cancel what waits to be sent of the steps of these tickets; returns the channel of each message."""
    values = {"ids": array(map(str, ticket_ids)), "sources": array(sources(Status.CANCELLED))}
    return list(session.execute(WITHDRAW, values | {"reason": reason, "now": now}).scalars())


def note(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Write into the history of each ticket (`ticket_id`) what happened (`kind`, `detail`)."""
    session.execute(NOTE, {"rows": recordset(rows), "now": now})


def entries_of(session: Session, ticket_id: int) -> Sequence[TicketEntry]:
    """Return the history of a ticket, oldest first."""
    statement = select(TicketEntry).where(TicketEntry.ticket_id == ticket_id).order_by(TicketEntry.id)
    return session.scalars(statement).all()


def statuses_of(session: Session, ticket_id: int) -> dict[str, tuple[str, str | None]]:
    """Return where the notifications of a ticket stand, and why; those that are deleted are left out."""
    return {row.id: (row.status, row.reason) for row in session.execute(STATUSES, {"ticket_id": ticket_id})}


def link(session: Session, message_id: int) -> tuple[TicketMessage, Ticket, Escalation, str] | None:
    """Return what a link belongs to: its message, the ticket, how far that is escalated, and the client's name."""
    statement = (
        select(TicketMessage, Ticket, Escalation, Client.name)
        .join(Ticket, Ticket.id == TicketMessage.ticket_id)
        .join(Escalation, Escalation.ticket_id == Ticket.id)
        .join(Client, Client.id == Ticket.client_id)
        .where(TicketMessage.id == message_id)
        .execution_options(populate_existing=True)
    )
    found = session.execute(statement).one_or_none()
    return (found[0], found[1], found[2], found[3]) if found else None


def use_link(session: Session, message_id: int, used_for: str, *, now: datetime) -> bool:
    """Use a link up; False if it was used before, or is too old."""
    values = {"id": message_id, "used_for": used_for, "now": now}
    return bool(session.execute(USE_LINK, values).rowcount)  # type: ignore[attr-defined]


def of_ticket(session: Session, ticket_id: int) -> Escalation | None:
    """Return how far a ticket is escalated; None if it is not."""
    statement = select(Escalation).where(Escalation.ticket_id == ticket_id)
    return session.scalar(statement, execution_options={"populate_existing": True})
