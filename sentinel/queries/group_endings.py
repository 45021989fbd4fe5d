"""How what groups hold ends: told by another message, for a reason of its own, or cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sentinel.prepared import prepared
from sentinel.queries.flushing import IS_FRESH, MAY_GO, OF_NO_ALERT
from sentinel.queries.values import array, recordset

# What is held and neither told as it is nor kept ends. `endings` says of each alert that is an exception why. What
# speaks of no alert and may not pass stays, or ends for the reason `unless_passing`, and what has expired for that.
END = prepared(f"""
    WITH held AS (
        SELECT h.id, h.group_id, h.alert_key, g.told_by, g.unless_passing,
               NOT {IS_FRESH} AND {OF_NO_ALERT} AS is_expired,
               NOT {MAY_GO} AND {IS_FRESH} AND {OF_NO_ALERT} AS waits
        FROM json_to_recordset(CAST(:groups AS json)) AS g (
            id uuid, told_by uuid, passing text[], unless_passing text)
        JOIN notifications h ON h.group_id = g.id AND h.status = 'PENDING'),
    ending AS (
        SELECT h.id,
               coalesce(e.reason, CASE WHEN h.is_expired THEN 'expired' WHEN h.waits THEN h.unless_passing
                                       WHEN h.told_by IS NULL THEN 'outdated' ELSE 'grouped' END) AS reason,
               CASE WHEN e.reason IS NULL AND NOT h.waits AND NOT h.is_expired THEN h.told_by END AS told_by,
               e.silence_id, e.inhibited_by
        FROM held h
        LEFT JOIN json_to_recordset(CAST(:endings AS json)) AS e (
            group_id uuid, alert_key text, reason text, silence_id uuid, inhibited_by jsonb, stays boolean)
            ON e.group_id = h.group_id AND e.alert_key = h.alert_key
        WHERE e.stays IS NOT TRUE AND NOT (h.waits AND h.unless_passing IS NULL)
        LIMIT :most),
    ended AS (
        UPDATE notifications n
        SET status = 'SUPPRESSED', reason = ending.reason, told_by = ending.told_by, silence_id = ending.silence_id,
            inhibited_by = ending.inhibited_by,
            failover = NULL, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
        FROM ending WHERE n.id = ending.id AND n.status = 'PENDING'
        RETURNING n.channel, n.reason, n.silence_id)
    SELECT channel, reason, count(*), silence_id::text FROM ended GROUP BY channel, reason, silence_id
""")  # noqa: S608 - put together from our own words

# The rest of what a group holds ends in turns of its own, beside a group in its place that those join who come now.
SET_ENDING = prepared("""
    UPDATE message_groups g
    SET fingerprint = replace(g.id::text, '-', ''), ending = r.ending, began_at = NULL, next_flush_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, ending jsonb)
    WHERE g.id = r.id
""")

GO_ON_APART = prepared("""
    INSERT INTO message_groups (
        id, client_id, fingerprint, kind, scope, rule_id, channel, recipient, labels, grouped_by, endpoint_id,
        user_id, template, failover, rule_ids, wait_seconds, interval_seconds, repeat_seconds, pause_seconds,
        says_resolved, flap_changes, flap_seconds, began_at, next_flush_at, created_at)
    SELECT r.apart_id, g.client_id, r.fingerprint, g.kind, g.scope, g.rule_id, g.channel, g.recipient, g.labels,
           g.grouped_by, g.endpoint_id, g.user_id, g.template, g.failover, g.rule_ids, g.wait_seconds,
           g.interval_seconds, g.repeat_seconds, g.pause_seconds, g.says_resolved, g.flap_changes, g.flap_seconds,
           g.began_at, g.next_flush_at, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, apart_id uuid, fingerprint text)
    JOIN message_groups g ON g.id = r.id
""")

MOVE_ALERTS = prepared("""
    UPDATE group_alerts a SET group_id = r.apart_id
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, apart_id uuid)
    WHERE a.group_id = r.id
""")

STILL_HOLDING = prepared("""
    SELECT g.id::text FROM unnest(CAST(:ids AS uuid[])) AS g (id)
    WHERE EXISTS (SELECT FROM notifications n WHERE n.group_id = g.id AND n.status = 'PENDING')
""")

CANCEL = prepared("""
    WITH cancelled AS (
        UPDATE notifications
        SET status = 'CANCELLED', reason = NULL, next_attempt_at = NULL, queue_at = NULL, updated_at = :now
        WHERE group_id = CAST(:id AS uuid) AND status = 'PENDING'
        RETURNING id),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'cancelled', jsonb_build_object('group_id', CAST(:id AS text)) FROM cancelled)
    SELECT count(*) FROM cancelled
""")

CLOSE = prepared("DELETE FROM message_groups WHERE id = ANY(CAST(:ids AS uuid[]))")


@dataclass(frozen=True, slots=True)
class EndedRows:
    """How many held messages of a channel ended, and why; with the silence that holds them back, if one does."""

    channel: str
    reason: str
    number: int
    silence_id: str | None


def end(
    session: Session,
    groups: Sequence[Mapping[str, Any]],
    endings: Sequence[Mapping[str, Any]],
    *,
    most: int,
    now: datetime,
) -> list[EndedRows]:
    """End up to `most` of what is held in `groups` (`id`, `told_by`, `passing`, `unless_passing`), but what stays.

    `endings` are the exceptions.
    """
    values = {"groups": recordset(groups), "endings": recordset(endings), "most": most, "now": now}
    return [EndedRows(*row) for row in session.execute(END, values)]


def end_later(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Let what groups (`id`) hold still end as `ending` says, and nobody join them.

    One that goes on (`apart_id`, `fingerprint`) does so in a new row, with its alerts.
    """
    session.execute(SET_ENDING, {"rows": recordset(rows), "now": now})
    going = [each for each in rows if each["apart_id"] is not None]
    if going:
        session.execute(GO_ON_APART, {"rows": recordset(going), "now": now})
        session.execute(MOVE_ALERTS, {"rows": recordset(going)})


def still_holding(session: Session, ids: Sequence[str]) -> set[str]:
    """Return those of these groups that hold anything."""
    return set(session.execute(STILL_HOLDING, {"ids": array(ids)}).scalars())


def cancel(session: Session, group_id: str, *, now: datetime) -> int:
    """Cancel what is held in a group; returns how many messages."""
    return int(session.execute(CANCEL, {"id": group_id, "now": now}).scalar_one())


def close(session: Session, ids: Sequence[str]) -> None:
    """Let groups go that have nothing left to say."""
    session.execute(CLOSE, {"ids": array(ids)})
