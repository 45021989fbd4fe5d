"""Groups of held messages: opened and joined by the fan-out. How they are told: `queries/flushing.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

# A message that joins a group which was told already waits for the next of its intervals, reckoned from then on; one
# that joins a group which still waits does not delay it. `decision.tick` says the same. Sorted, so that two batches
# cannot deadlock; the row stays locked until the messages are stored, so that a flush sees all of them or none. What
# is held for another reason than to be grouped waits for a time of the clock, and not from its first message on.
NEXT = """
    CASE WHEN g.began_at IS NULL THEN EXCLUDED.next_flush_at
         WHEN EXCLUDED.kind <> 'grouping' THEN least(g.next_flush_at, EXCLUDED.next_flush_at)
         WHEN g.last_told_at IS NULL OR EXCLUDED.interval_seconds IS NULL THEN least(
             g.next_flush_at, greatest(g.began_at + (EXCLUDED.next_flush_at - EXCLUDED.began_at), EXCLUDED.began_at))
         ELSE least(g.next_flush_at, g.last_told_at + make_interval(secs => EXCLUDED.interval_seconds * greatest(
             1, ceil(extract(epoch FROM EXCLUDED.began_at - g.last_told_at) / EXCLUDED.interval_seconds))))
    END"""
OPEN = prepared(f"""
    INSERT INTO message_groups AS g (
        id, client_id, fingerprint, kind, scope, rule_id, channel, recipient, labels, grouped_by, endpoint_id, user_id,
        template, failover, rule_ids, wait_seconds, interval_seconds, repeat_seconds, pause_seconds, says_resolved,
        flap_changes, flap_seconds, began_at, next_flush_at, created_at)
    SELECT id, client_id, fingerprint, kind, scope, rule_id, channel, recipient, labels, grouped_by, endpoint_id,
           user_id, template, failover, rule_ids, wait_seconds, interval_seconds, repeat_seconds, pause_seconds,
           says_resolved, flap_changes, flap_seconds, CAST(:now AS timestamptz), due_at, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, client_id int, fingerprint text, kind text, scope text, rule_id int, channel text, recipient text,
        labels jsonb, grouped_by jsonb, endpoint_id int, user_id text, template text, failover jsonb, rule_ids int[],
        wait_seconds int, interval_seconds int, repeat_seconds int, pause_seconds int, says_resolved boolean,
        flap_changes smallint, flap_seconds int, due_at timestamptz)
    ORDER BY client_id, fingerprint
    ON CONFLICT (client_id, fingerprint) DO UPDATE SET
        grouped_by = EXCLUDED.grouped_by, endpoint_id = EXCLUDED.endpoint_id, user_id = EXCLUDED.user_id,
        template = EXCLUDED.template, failover = EXCLUDED.failover,
        rule_ids = ARRAY(SELECT DISTINCT unnest(g.rule_ids || EXCLUDED.rule_ids) ORDER BY 1),
        wait_seconds = EXCLUDED.wait_seconds, interval_seconds = EXCLUDED.interval_seconds,
        repeat_seconds = EXCLUDED.repeat_seconds, pause_seconds = EXCLUDED.pause_seconds,
        says_resolved = EXCLUDED.says_resolved, flap_changes = EXCLUDED.flap_changes,
        flap_seconds = EXCLUDED.flap_seconds, next_flush_at = {NEXT},
        began_at = coalesce(g.began_at, EXCLUDED.began_at)
    RETURNING id::text, client_id, fingerprint, next_flush_at
""")  # noqa: S608 - put together from our own words

# `first` is what the first of several events in this batch said, `turns` how often it changed among them. What came
# before the event that is known changes nothing: workers overtake each other. Nobody else writes alerts of a group
# whose row this transaction holds.
SPEAK = prepared("""
    WITH spoken AS (
        SELECT r.*, r.turns + CAST(r.first <> coalesce(known.status, 'resolved') AS int) AS changed,
               known.since, known.changes
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            group_id uuid, alert_key text, first text, status text, turns int, event_id uuid, notification_id uuid,
            severity text, title text, flap_changes int)
        LEFT JOIN group_alerts known USING (group_id, alert_key)
        WHERE known.event_id IS NULL OR known.event_id < r.event_id)
    INSERT INTO group_alerts AS a (
        group_id, alert_key, status, since, event_id, notification_id, severity, title, changes)
    SELECT group_id, alert_key, status,
           CASE WHEN changed > 0 OR since IS NULL THEN CAST(:now AS timestamptz) ELSE since END,
           event_id, notification_id, severity, title,
           (array_fill(CAST(:now AS timestamptz), ARRAY[least(changed, flap_changes + 1)])
            || coalesce(changes, '{}'))[1:flap_changes + 1]
    FROM spoken ORDER BY group_id, alert_key
    ON CONFLICT (group_id, alert_key) DO UPDATE SET
        status = EXCLUDED.status, since = EXCLUDED.since, event_id = EXCLUDED.event_id,
        notification_id = EXCLUDED.notification_id, severity = EXCLUDED.severity, title = EXCLUDED.title,
        changes = EXCLUDED.changes
""")

LOCK = prepared("SELECT id FROM message_groups WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")

# The message that would have said so is cancelled: the one before it that is still held says so now, if there is one.
UNSAY = prepared("""
    WITH unsaid AS (
        SELECT a.group_id, a.alert_key, before.id, before.event_id, before.severity
        FROM group_alerts a
        LEFT JOIN LATERAL (
            SELECT id, event_id, severity FROM notifications n
            WHERE n.group_id = a.group_id AND n.status = 'PENDING' AND n.alert_key = a.alert_key
            ORDER BY id DESC LIMIT 1) before ON true
        WHERE a.group_id = CAST(:group_id AS uuid) AND a.notification_id = CAST(:notification_id AS uuid)
          AND a.status <> a.told),
    said AS (
        UPDATE group_alerts a
        SET notification_id = unsaid.id, event_id = unsaid.event_id, severity = unsaid.severity
        FROM unsaid
        WHERE a.group_id = unsaid.group_id AND a.alert_key = unsaid.alert_key AND unsaid.id IS NOT NULL)
    DELETE FROM group_alerts a USING unsaid
    WHERE a.group_id = unsaid.group_id AND a.alert_key = unsaid.alert_key AND unsaid.id IS NULL
""")


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group that messages join, and when it is due."""

    id: str
    client_id: int
    fingerprint: str
    due_at: datetime


def open_groups(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[OpenGroup]:
    """Open groups, or join those that are there; each is this transaction's until it ends."""
    return [OpenGroup(*row) for row in session.execute(OPEN, {"rows": recordset(rows), "now": now})]


def speak(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Write down what is said of alerts of groups that this transaction holds, each once."""
    session.execute(SPEAK, {"rows": recordset(rows), "now": now})


def lock(session: Session, ids: Sequence[str]) -> None:
    """Keep others from flushing or joining these groups until the transaction ends."""
    session.execute(LOCK, {"ids": array(ids)})


def unsay(session: Session, group_id: str, notification_id: str) -> None:
    """Forget what only this message, which ended, would have said of its alert."""
    session.execute(UNSAY, {"group_id": group_id, "notification_id": notification_id})
