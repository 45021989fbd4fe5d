"""The set operations of evaluate, dedupe and rate_limit. Only rows that stop here are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sentinel.models.status import WAITING, Reason, Status, sources
from sentinel.prepared import prepared
from sentinel.queries.suppressions import SUPPRESSED
from sentinel.queries.values import array, recordset

# `status || ''`: asked for the status alone, PostgreSQL would take the index of waiting rows for the smaller one, and
# read the whole backlog for each batch.
CANDIDATES = prepared(f"""
    SELECT n.id::text, n.client_id, n.user_id, n.event_id::text, n.endpoint_id, n.channel, n.recipient,
           n.dedupe_key, n.attempts,
           n.expires_at <= :now AS is_expired, c.is_active AS is_client_active,
           {SUPPRESSED} AS is_suppressed, n.ticket_message_id IS NOT NULL AS is_step,
           n.released_at IS NOT NULL AS was_released
    FROM notifications n JOIN clients c ON c.id = n.client_id
    WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status || '' = 'PENDING'
      AND (n.next_attempt_at IS NULL OR n.next_attempt_at <= :now) AND n.group_id IS NULL
    ORDER BY n.id
""")  # noqa: S608 - put together from our own words

FINISH = prepared("""
    UPDATE notifications
    SET status = :status, reason = :reason, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = ANY(CAST(:sources AS text[]))
    RETURNING id::text
""")

# One claim per client, key and target. A claim is taken over once it has run out, or when its holder ended without
# telling anybody, itself or by another message: then the repetition is the first that can be heard. Sorted, so that two
# batches cannot deadlock.
CLAIM_KEYS = prepared("""
    WITH keyed AS (
        SELECT DISTINCT ON (client_id, dedupe_key, channel, recipient)
            client_id, dedupe_key, channel, recipient, id,
            CAST(:now AS timestamptz) + make_interval(secs => coalesce(dedupe_seconds, :seconds)) AS until
        FROM notifications
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status || '' = 'PENDING' AND dedupe_key IS NOT NULL
        ORDER BY client_id, dedupe_key, channel, recipient, id)
    INSERT INTO dedupe_claims AS held (client_id, dedupe_key, channel, recipient, notification_id, expires_at)
    SELECT client_id, dedupe_key, channel, recipient, id, until FROM keyed
    ON CONFLICT (client_id, dedupe_key, channel, recipient) DO UPDATE
    SET notification_id = EXCLUDED.notification_id, expires_at = EXCLUDED.expires_at
    WHERE held.expires_at <= :now OR NOT EXISTS (
        SELECT FROM notifications holder
        WHERE holder.id = held.notification_id
          AND (holder.status <> ALL(CAST(:unheard AS text[])) OR holder.told_by IS NOT NULL))
""")

SUPPRESS_DUPLICATES = prepared("""
    UPDATE notifications n
    SET status = 'SUPPRESSED', reason = 'duplicate', duplicate_of = held.notification_id,
        next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    FROM dedupe_claims held
    WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status || '' = 'PENDING' AND n.dedupe_key IS NOT NULL
      AND held.client_id = n.client_id AND held.dedupe_key = n.dedupe_key
      AND held.channel = n.channel AND held.recipient = n.recipient AND held.notification_id <> n.id
    RETURNING n.id::text
""")

DEFER = prepared("""
    WITH later AS (
        SELECT n.id, least(greatest(r.until, n.next_attempt_at), n.expires_at) AS until
        FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, until timestamptz)
        JOIN notifications n ON n.id = r.id),
    moved AS (
        UPDATE notifications n
        SET next_attempt_at = later.until, queue_at = later.until, reason = :reason, updated_at = :now
        FROM later
        WHERE n.id = later.id AND n.status = ANY(CAST(:sources AS text[]))
        RETURNING n.id, n.next_attempt_at)
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, 'deferred', jsonb_build_object('reason', CAST(:reason AS text), 'until', next_attempt_at)
    FROM moved
""")

UNHEARD = frozenset({Status.FAILED, Status.UNDELIVERED, Status.SUPPRESSED, Status.CANCELLED})
"""Ends in which nobody was told: the holder of a dedupe key that ended so gives the key up."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the stages need to know of a waiting row."""

    id: str
    client_id: int
    user_id: str | None
    event_id: str | None
    endpoint_id: int | None
    channel: str
    recipient: str
    dedupe_key: str | None
    attempts: int
    is_expired: bool
    is_client_active: bool
    is_suppressed: bool
    is_step: bool = False
    """An escalation sends it."""
    was_released: bool = False
    """It was held, and had passed dedupe before."""


def candidates(session: Session, ids: Sequence[str], *, now: datetime) -> list[Candidate]:
    """Return those of `ids` that are PENDING and due, in the order they were accepted."""
    return [Candidate(*row) for row in session.execute(CANDIDATES, {"ids": array(ids), "now": now})]


def finish(session: Session, ids: Sequence[str], status: Status, reason: Reason, *, now: datetime) -> list[str]:
    """End waiting rows; returns the ids that were still waiting."""
    allowed = WAITING & set(map(Status, sources(status)))
    values = {"ids": array(ids), "status": status, "reason": reason, "now": now, "sources": array(allowed)}
    return list(session.execute(FINISH, values).scalars())


def claim_keys(session: Session, ids: Sequence[str], *, now: datetime, seconds: int) -> None:
    """Claim the dedupe keys of `ids` for the first row of each, where nobody holds them; for `seconds` by default."""
    session.execute(CLAIM_KEYS, {"ids": array(ids), "now": now, "seconds": seconds, "unheard": array(UNHEARD)})


def suppress_duplicates(session: Session, ids: Sequence[str], *, now: datetime) -> list[str]:
    """End the rows whose key another row holds; returns their ids."""
    return list(session.execute(SUPPRESS_DUPLICATES, {"ids": array(ids), "now": now}).scalars())


def defer(session: Session, rows: Sequence[Mapping[str, Any]], reason: Reason, *, now: datetime) -> None:
    """Put rows (`id`, `until`) off, never past their expiry; attempts stay as they are."""
    allowed = array({Status.PENDING, Status.RETRYING})
    session.execute(DEFER, {"rows": recordset(rows), "reason": reason, "now": now, "sources": allowed})
