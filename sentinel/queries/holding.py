"""Waiting messages are put into groups, and what waits for the end of quiet hours for another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sentinel.models.status import Reason
from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

# What a limit has stopped, and what decides whether another message may tell it. What others say of themselves in
# their metadata makes no digest of a message: that has rules, which no caller names, and no event.
STOPPED = prepared("""
    SELECT id::text, client_id, channel, recipient, endpoint_id, user_id, rule_ids, failover, attempts, expires_at,
           event_id IS NULL AND rule_ids IS NOT NULL AND metadata ? 'group' AS is_digest,
           ticket_message_id IS NOT NULL OR metadata ?| ARRAY['sentinel', 'drill_run', 'self_test', 'test']
               OR EXISTS (SELECT FROM clients c WHERE c.id = client_id AND c.name = 'sentinel-self-test') AS is_apart
    FROM notifications
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status || '' = 'PENDING' AND group_id IS NULL
    ORDER BY id
""")

_NOTED = """
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT id, :now, 'held', jsonb_build_object('reason', reason, 'group_id', group_id, 'until', next_attempt_at)
    FROM held"""

HOLD = prepared(f"""
    WITH held AS (
        UPDATE notifications n
        SET group_id = r.group_id, next_attempt_at = r.until, queue_at = r.until, reason = :reason,
            failover_at = NULL, updated_at = :now
        FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, group_id uuid, until timestamptz)
        WHERE n.id = r.id AND n.status || '' = 'PENDING' AND (n.group_id IS NULL OR n.group_id = r.group_id)
        RETURNING n.id, n.reason, n.group_id, n.next_attempt_at)
    {_NOTED}
""")  # noqa: S608 - put together from our own words

# A group that repeats itself at night says once of each message that it waits.
WAIT_FOR_QUIET = prepared(f"""
    WITH held AS (
        UPDATE notifications n
        SET next_attempt_at = g.until, queue_at = g.until, reason = 'quiet_hours', updated_at = :now
        FROM json_to_recordset(CAST(:groups AS json)) AS g (id uuid, until timestamptz)
        WHERE n.group_id = g.id AND n.status = 'PENDING' AND n.next_attempt_at IS DISTINCT FROM g.until
        RETURNING n.id, n.reason, n.group_id, n.next_attempt_at)
    {_NOTED}
""")  # noqa: S608 - as above

# Locked in the order in which they are opened, before what they hold. What they hold is asked once nobody flushes them.
LOCK_OF_ENDPOINT = prepared("""
    SELECT id::text FROM message_groups
    WHERE client_id = :client_id AND endpoint_id = :endpoint_id AND ending IS NULL
    ORDER BY client_id, fingerprint FOR UPDATE
""")

# What waits for the end of quiet hours waits for another one: groups that are held because of them, and others that
# hold messages until then.
MOVE_QUIET = prepared(f"""
    WITH moved AS (
        UPDATE message_groups g
        SET next_flush_at = CASE WHEN kind = 'quiet_hours' THEN :until ELSE least(next_flush_at, :until) END
        WHERE id = ANY(CAST(:ids AS uuid[]))
          AND (kind = 'quiet_hours' OR EXISTS (
              SELECT FROM notifications h
              WHERE h.group_id = g.id AND h.status = 'PENDING' AND h.reason = 'quiet_hours'))
        RETURNING id),
    held AS (
        UPDATE notifications n SET queue_at = :until, next_attempt_at = :until, updated_at = :now
        FROM moved WHERE n.group_id = moved.id AND n.status = 'PENDING' AND n.reason = 'quiet_hours'
        RETURNING n.id, n.reason, n.group_id, n.next_attempt_at)
    {_NOTED}
""")  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Stopped:
    """A waiting message that a limit has stopped; `is_digest`: it tells others."""

    id: str
    client_id: int
    channel: str
    recipient: str
    endpoint_id: int | None
    user_id: str | None
    rule_ids: list[int] | None
    failover: list[dict[str, Any]] | None
    attempts: int
    expires_at: datetime | None
    is_digest: bool
    is_apart: bool
    """Somebody waits for just this one: a step of an escalation, a drill, a test, a word to the operators."""


def stopped(session: Session, ids: Sequence[str]) -> list[Stopped]:
    """Return those of `ids` that wait and are not held yet, in the order they were accepted."""
    return [Stopped(*row) for row in session.execute(STOPPED, {"ids": array(ids)})]


def hold(session: Session, rows: Sequence[Mapping[str, Any]], reason: Reason, *, now: datetime) -> None:
    """Hold waiting messages (`id`) in groups (`group_id`) of this transaction, `until` then; timelines say why."""
    session.execute(HOLD, {"rows": recordset(rows), "reason": reason, "now": now})


def wait_for_quiet(session: Session, groups: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Let what is held in `groups` (`id`) wait `until` it is quiet no more."""
    session.execute(WAIT_FOR_QUIET, {"groups": recordset(groups), "now": now})


def move_quiet(session: Session, client_id: int, endpoint_id: int, *, until: datetime, now: datetime) -> None:
    """Let what waits for the end of an endpoint's quiet hours wait `until` then."""
    ids = session.execute(LOCK_OF_ENDPOINT, {"client_id": client_id, "endpoint_id": endpoint_id}).scalars().all()
    if ids:
        session.execute(MOVE_QUIET, {"ids": array(ids), "until": until, "now": now})
