"""Claiming rows for sending, and writing down what came of it. Every write is fenced by the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.models.status import Reason
from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

EXPIRE = prepared("""
    UPDATE notifications
    SET status = 'FAILED', reason = 'expired', next_attempt_at = NULL, queue_at = NULL, updated_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'RETRYING' AND expires_at <= :now
    RETURNING id::text
""")

# What a message is made of.
CLAIMED = """id::text, recipient, subject, body, severity, metadata, attempts, attempt_limit, created_at, expires_at,
              send_at, (SELECT name FROM clients WHERE id = n.client_id) AS client, event_id::text, rule_ids,
              endpoint_id, (SELECT secret FROM endpoints WHERE id = n.endpoint_id) AS secret,
              CASE WHEN n.channel = 'webhook' THEN (SELECT body::text FROM events WHERE id = n.event_id) END AS event,
              (SELECT purpose FROM endpoints WHERE id = n.endpoint_id) = 'statuses' AS is_status,
              ticket_message_id"""

# Attempts are counted at the claim, so that a message that kills its worker comes to an end. `status || ''`: asked for
# the status alone, PostgreSQL would take the index of waiting rows for the smaller one, and read the whole backlog.
TAKE = """
    UPDATE notifications n
    SET status = 'SENDING', reason = NULL, provider = :provider, attempts = attempts + 1, next_attempt_at = NULL,
        queue_at = NULL, lease_id = :lease_id, lease_until = :lease_until, updated_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND channel = :channel AND status || '' IN ('PENDING', 'RETRYING')
      AND (next_attempt_at IS NULL OR next_attempt_at <= :now) AND (expires_at IS NULL OR expires_at > :now)
      AND group_id IS NULL AND NOT EXISTS (
          SELECT FROM suppressions s
          WHERE s.client_id = n.client_id AND s.channel = n.channel AND s.recipient = n.recipient
            AND s.lifted_at IS NULL)
      AND (CAST(:is_admitted AS boolean) OR NOT EXISTS (
          SELECT FROM provider_accounts a
          WHERE a.name = :provider AND (
              a.state <> 'closed' OR a.paused_until > :now OR a.window_started_at IS NOT NULL)))
    RETURNING {claimed}
"""
READ = "SELECT {claimed} FROM notifications n WHERE id = :id"
CLAIM = prepared(TAKE.format(claimed=CLAIMED))
AS_CLAIMED = text(READ.format(claimed=CLAIMED))

# Nobody else can hold the lease: a row that does not come back was taken for lost by the sweeper. If it is still in
# doubt since then, the worker that comes back with an acceptance settles it: nothing has to be sent again.
# Such a worker knows better what became of its try; that it was in doubt meanwhile, and may have been sent again, stays
# to be seen.
RECORD = prepared("""
    WITH tries AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id uuid, attempt smallint, status text, reason text, next_attempt_at timestamptz, queue_at timestamptz,
            extra_attempts smallint, outcome text, cause text, http_status smallint, provider_code text,
            provider_message_id text, detail text, hint text, started_at timestamptz, duration_ms int)),
    kept AS (
        INSERT INTO attempts (
            notification_id, number, provider, outcome, reason, http_status, provider_code, provider_message_id,
            detail, hint, worker, started_at, duration_ms)
        SELECT
            id, attempt, :provider, outcome, cause, http_status, provider_code, provider_message_id, detail, hint,
            :worker, started_at, duration_ms
        FROM tries
        ON CONFLICT (notification_id, number) DO UPDATE
        SET outcome = EXCLUDED.outcome,
            reason = CASE WHEN attempts.reason = 'worker_lost' AND EXCLUDED.reason IS NULL
                          THEN 'worker_lost' ELSE EXCLUDED.reason END,
            http_status = EXCLUDED.http_status,
            provider_code = EXCLUDED.provider_code, provider_message_id = EXCLUDED.provider_message_id,
            detail = EXCLUDED.detail, hint = EXCLUDED.hint, worker = EXCLUDED.worker,
            started_at = EXCLUDED.started_at, duration_ms = EXCLUDED.duration_ms)
    UPDATE notifications n
    SET status = t.status, reason = t.reason, next_attempt_at = t.next_attempt_at, queue_at = t.queue_at,
        provider_message_id = coalesce(t.provider_message_id, n.provider_message_id),
        attempt_limit = n.attempt_limit + t.extra_attempts,
        sent_at = CASE WHEN t.status = 'SENT' THEN CAST(:now AS timestamptz) END,
        lease_id = NULL, lease_until = NULL, updated_at = :now
    FROM tries t
    WHERE n.id = t.id AND (
        n.status = 'SENDING' AND n.lease_id = :lease_id
        OR n.status = 'AMBIGUOUS' AND n.reason = 'worker_lost' AND n.attempts = t.attempt AND t.status = 'SENT')
    RETURNING n.id::text
""")

RELEASE = prepared("""
    UPDATE notifications
    SET status = CASE WHEN attempts > 1 THEN 'RETRYING' ELSE 'PENDING' END, reason = :reason,
        attempts = attempts - 1, next_attempt_at = least(:until, expires_at), queue_at = least(:until, expires_at),
        lease_id = NULL, lease_until = NULL, updated_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'SENDING' AND lease_id = :lease_id
""")

NEXT_DUE = prepared("""
    SELECT id::text, next_attempt_at FROM notifications
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'RETRYING' AND next_attempt_at <= :until
    ORDER BY next_attempt_at
""")


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A row that is ours to send until the lease ends; `attempt` is the number of this try.

    The endpoint's secret is read at each try, so that a new one holds at once; the event (JSON text) only for programs.
    """

    id: str
    recipient: str
    subject: str | None
    body: str
    severity: str | None
    metadata: dict[str, Any]
    attempt: int
    attempt_limit: int
    created_at: datetime
    expires_at: datetime | None
    send_at: datetime | None
    client: str
    event_id: str | None
    rule_ids: list[int] | None
    endpoint_id: int | None
    secret: str | None = field(repr=False)
    event: str | None
    is_status: bool | None
    ticket_message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Ownership of claimed rows: whoever writes must name it."""

    id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """The provider account that is to send; `is_admitted`: its breaker was asked, and lets it."""

    provider: str
    is_admitted: bool


@dataclass(frozen=True, slots=True)
class By:
    """Who tried: under which lease, by which provider, on which worker."""

    lease_id: str
    provider: str
    worker: str


def expire(session: Session, ids: Sequence[str], *, now: datetime) -> list[str]:
    """End what waited for another try beyond its expiry; returns the ids."""
    return list(session.execute(EXPIRE, {"ids": array(ids), "now": now}).scalars())


def claim(
    session: Session, ids: Sequence[str], lease: Lease, account: Account, *, channel: str, now: datetime
) -> list[ClaimedRow]:
    """Take those of `ids` that wait and are due, for sending; the rest is someone else's, done, or not due.

    Nothing is taken for an account that had trouble lately, unless its breaker has admitted it.
    """
    values = {"ids": array(ids), "channel": channel, "now": now, **asdict(account)}
    rows = session.execute(CLAIM, values | {"lease_id": lease.id, "lease_until": lease.until})
    return [ClaimedRow(*row) for row in rows]


def as_claimed(session: Session, notification_id: str) -> ClaimedRow | None:
    """Return a row as a worker gets it that claims it; its endpoint and its secret are those of now."""
    row = session.execute(AS_CLAIMED, {"id": notification_id}).one_or_none()
    return None if row is None else ClaimedRow(*row)


def record(session: Session, by: By, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Keep each try, and write where its row stands after it; returns the ids that were still ours."""
    values = {"rows": recordset(rows), "lease_id": by.lease_id, "provider": by.provider, "worker": by.worker}
    return list(session.execute(RECORD, values | {"now": now}).scalars())


def release(
    session: Session, lease: Lease, ids: Sequence[str], *, reason: Reason | None, until: datetime, now: datetime
) -> None:
    """Give back rows that were claimed but never tried; the attempt is not counted."""
    values = {"ids": array(ids), "lease_id": lease.id, "reason": reason, "until": until, "now": now}
    session.execute(RELEASE, values)


def due_until(session: Session, ids: Sequence[str], *, until: datetime) -> list[tuple[str, datetime]]:
    """Return those of `ids` that want another try before `until`, soonest first."""
    rows = session.execute(NEXT_DUE, {"ids": array(ids), "until": until})
    return [(row.id, row.next_attempt_at) for row in rows]
