"""What a flush reads and writes: groups that are due, what is held in them, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

# What a rule and an endpoint group by now: how groups are told apart. The first is a place in `rules.serialise`.
_RULE_GROUPS_BY = """jsonb_build_array(
    coalesce(r.syntax #> '{1,3,9,1}', '[0]'), coalesce(r.syntax #> '{1,3,9,2}', 'false'))"""
_ENDPOINT_GROUPS_BY = "coalesce(e.grouping -> 'group_by', '[]')"

# A rule or an endpoint that is gone or disabled, or groups otherwise by now or not at all, has its groups told for the
# last time; so has an endpoint that is somewhere else by now.
IS_LAST = f"""(
    g.scope = 'rule' AND NOT EXISTS (
        SELECT FROM rules r
        WHERE r.id = g.rule_id AND r.is_enabled AND jsonb_typeof(r.syntax #> '{{1,3,9}}') = 'array'
          AND {_RULE_GROUPS_BY} = g.grouped_by)
    OR g.endpoint_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM endpoints e
        WHERE e.id = g.endpoint_id AND e.is_enabled AND e.channel = g.channel AND e.target = g.recipient
          AND (g.scope <> 'endpoint'
               OR jsonb_typeof(e.grouping) = 'object' AND {_ENDPOINT_GROUPS_BY} = g.grouped_by)))"""  # noqa: S608 - put together from our own words
_GROUPS = f"""
    SELECT g.id::text, g.client_id, g.kind, g.channel, g.recipient, g.labels::text, g.endpoint_id, g.user_id,
           g.template, g.failover::text, g.rule_ids, g.wait_seconds, g.interval_seconds, g.repeat_seconds,
           g.pause_seconds, g.says_resolved, g.flap_changes, g.flap_seconds, coalesce(g.began_at, g.created_at),
           g.next_flush_at, g.last_told_at, g.last_notification_id::text,
           g.kind = 'grouping' AND {IS_LAST} AS is_last,
           (SELECT e.quiet_hours::text FROM endpoints e WHERE e.id = g.endpoint_id) AS quiet_hours, g.fingerprint,
           g.ending::text
    FROM message_groups g
"""  # noqa: S608 - put together from our own words
TAKE_DUE = prepared(f"""
    {_GROUPS} WHERE g.next_flush_at <= :now
    ORDER BY g.next_flush_at LIMIT :most FOR UPDATE OF g SKIP LOCKED
""")
TAKE_ONE = prepared(f"""
    {_GROUPS} WHERE g.id = CAST(:id AS uuid) AND g.client_id = coalesce(CAST(:client_id AS int), g.client_id)
      AND g.ending IS NULL
    FOR UPDATE OF g
""")
DUE_IDS = prepared("SELECT id::text FROM message_groups WHERE next_flush_at <= :now ORDER BY next_flush_at LIMIT :most")
TAKE_DUE_ONE = prepared(f"""
    {_GROUPS} WHERE g.id = CAST(:id AS uuid) AND g.next_flush_at <= :now FOR UPDATE OF g SKIP LOCKED
""")

# In the order in which they are opened, so that nobody deadlocks.
HASTEN_LAST = prepared(f"""
    UPDATE message_groups SET next_flush_at = :now
    WHERE id IN (
        SELECT id FROM message_groups g
        WHERE g.client_id = :client_id AND g.kind = 'grouping' AND g.next_flush_at > :now AND g.began_at IS NOT NULL
          AND {IS_LAST}
        ORDER BY client_id, fingerprint FOR UPDATE)
""")  # noqa: S608 - put together from our own words

# One that cannot be told is tried again in a minute, then in two, and at last each hour.
PUT_ASIDE = prepared("""
    UPDATE message_groups
    SET next_flush_at = CAST(:now AS timestamptz) + make_interval(secs => least(60 * power(2, failures), 3600)),
        failures = least(failures + 1, 100)
    WHERE id = CAST(:id AS uuid)
""")

ALERTS = prepared("""
    SELECT group_id::text, alert_key, status = 'firing', since, told, changes, severity, notification_id::text
    FROM group_alerts WHERE group_id = ANY(CAST(:ids AS uuid[]))
""")

# What is known of alerts by whatever event. A broadcast is kept with the client that sent it.
END_ALERTS = prepared("""
    UPDATE group_alerts a SET status = 'resolved', since = :now
    FROM events e, firing_alerts f
    WHERE a.group_id = ANY(CAST(:ids AS uuid[])) AND a.status = 'firing' AND e.id = a.event_id
      AND f.client_id = e.client_id AND f.key = a.alert_key AND NOT f.is_firing
    RETURNING a.group_id::text, a.alert_key, false, a.since, a.told, a.changes, a.severity, a.notification_id::text
""")

# What speaks of an alert that the group does not know is told by itself.
OF_NO_ALERT = """NOT EXISTS (
    SELECT FROM group_alerts a WHERE a.group_id = h.group_id AND a.alert_key = h.alert_key)"""
IS_FRESH = "(h.expires_at IS NULL OR h.expires_at > :now)"

SINGLES = prepared(f"""
    SELECT group_id::text, severity, count(*) AS number, min(id::text) AS first_id,
           CASE WHEN count(expires_at) = count(*) THEN max(expires_at) END AS expires_at
    FROM notifications h
    WHERE group_id = ANY(CAST(:ids AS uuid[])) AND status = 'PENDING' AND {OF_NO_ALERT} AND {IS_FRESH}
    GROUP BY group_id, severity
""")  # noqa: S608 - put together from our own words

# Where only some severities may be told now, `passing` has them ('': none).
MAY_GO = "(g.passing IS NULL OR coalesce(h.severity, '') = ANY(g.passing))"

STILL_HELD = prepared("""
    SELECT id::text FROM notifications
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status || '' = 'PENDING' AND group_id IS NOT NULL
""")

# Of an event as much as a list of many tells.
_EVENT = """(
    SELECT jsonb_object_agg(key, value) FROM jsonb_each(e.body)
    WHERE key IN ('labels', 'annotations', 'source', 'name', 'type', 'title', 'summary', 'message', 'text',
                  'description', 'status'))::text"""

SHOWN_ALERTS = prepared(f"""
    SELECT a.group_id::text, a.alert_key, a.title, a.severity, a.since, a.event_id::text, {_EVENT}
    FROM json_to_recordset(CAST(:wanted AS json)) AS w (group_id uuid, alert_key text)
    JOIN group_alerts a USING (group_id, alert_key)
    LEFT JOIN events e ON e.id = a.event_id
""")  # noqa: S608 - put together from our own words

# What no event made is called by its own words.
SHOWN_SINGLES = prepared(f"""
    SELECT g.id::text, NULL, CASE WHEN e.id IS NULL THEN left(coalesce(n.subject, n.body), 200) END, n.severity,
           n.created_at, n.event_id::text, {_EVENT}
    FROM json_to_recordset(CAST(:groups AS json)) AS g (id uuid, passing text[])
    CROSS JOIN LATERAL (
        SELECT id, event_id, subject, body, severity, created_at FROM notifications h
        WHERE h.group_id = g.id AND h.status = 'PENDING' AND {OF_NO_ALERT} AND {IS_FRESH} AND {MAY_GO}
        ORDER BY id LIMIT :most) n
    LEFT JOIN events e ON e.id = n.event_id
    ORDER BY g.id, n.id
""")  # noqa: S608 - as above

RULE_NAMES = prepared("SELECT id, name FROM rules WHERE id = ANY(CAST(:ids AS int[]))")

# What was said last of each alert that is not over, or whose end is not told.
SAID = prepared("""
    SELECT a.group_id::text, a.alert_key, e.body::text
    FROM group_alerts a JOIN events e ON e.id = a.event_id
    WHERE a.group_id = ANY(CAST(:ids AS uuid[])) AND NOT (a.status = 'resolved' AND a.told = 'resolved')
""")


# From now on it is a message as any other, on its way since this moment; its other targets' patience begins now. Of
# its alert no group knows any longer.
RELEASE = prepared("""
    WITH released AS (
        UPDATE notifications n
        SET group_id = NULL, alert_key = NULL, released_at = :now, send_at = :now, next_attempt_at = NULL,
            queue_at = :queue_at, updated_at = :now,
            failover_at = CAST(:now AS timestamptz)
                + make_interval(secs => CAST(n.failover -> 0 ->> 'after_seconds' AS float8))
        FROM notifications before
        WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status || '' = 'PENDING' AND before.id = n.id
        RETURNING n.id, n.channel, before.group_id, n.created_at),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'released', jsonb_build_object('group_id', group_id, 'held_since', created_at) FROM released)
    SELECT id::text, channel FROM released
""")

PUT_OFF = prepared("""
    UPDATE notifications n SET queue_at = g.until, next_attempt_at = g.until
    FROM json_to_recordset(CAST(:groups AS json)) AS g (id uuid, until timestamptz)
    WHERE n.group_id = g.id AND n.status = 'PENDING'
""")

# What a receiver believes of each alert from now on: what is so, but for the `others`.
BELIEVE = prepared("""
    UPDATE group_alerts a SET told = believed.told
    FROM (
        SELECT known.group_id, known.alert_key, coalesce(o.told, known.status) AS told
        FROM group_alerts known
        LEFT JOIN json_to_recordset(CAST(:others AS json)) AS o (group_id uuid, alert_key text, told text)
            USING (group_id, alert_key)
        WHERE known.group_id = ANY(CAST(:ids AS uuid[]))) believed
    WHERE a.group_id = believed.group_id AND a.alert_key = believed.alert_key AND a.told <> believed.told
""")

# `decision.remembers` says the same.
FORGET = prepared("""
    DELETE FROM group_alerts a USING message_groups g
    WHERE g.id = ANY(CAST(:ids AS uuid[])) AND a.group_id = g.id AND a.status = 'resolved' AND a.told = 'resolved'
      AND (g.flap_changes = 0 OR coalesce(a.changes[1] + make_interval(secs => g.flap_seconds) <= :now, true))
""")

GO_ON = prepared("""
    UPDATE message_groups g
    SET next_flush_at = r.next_flush_at, last_told_at = r.last_told_at, last_notification_id = r.last_notification_id,
        began_at = r.began_at, failures = 0
    FROM json_to_recordset(CAST(:groups AS json)) AS r (
        id uuid, next_flush_at timestamptz, last_told_at timestamptz, last_notification_id uuid, began_at timestamptz)
    WHERE g.id = r.id
""")


@dataclass(frozen=True, slots=True)
class DueGroup:
    """A group whose time has come, locked; `is_last`: the rule or endpoint whose terms it has is gone."""

    id: str
    client_id: int
    kind: str
    channel: str
    recipient: str
    labels: str
    endpoint_id: int | None
    user_id: str | None
    template: str | None
    failover: str | None
    rule_ids: list[int]
    wait_seconds: int
    interval_seconds: int | None
    repeat_seconds: int | None
    pause_seconds: int
    says_resolved: bool
    flap_changes: int
    flap_seconds: int
    began_at: datetime
    next_flush_at: datetime
    last_told_at: datetime | None
    last_notification_id: str | None
    is_last: bool
    quiet_hours: str | None
    """Of its endpoint, as that has them by now."""
    fingerprint: str
    ending: str | None
    """It was told, and this is what becomes of the rest that it holds, as JSON text."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert of a group as it stands, and the last message about it."""

    group_id: str
    key: str
    is_firing: bool
    since: datetime
    told: str
    changes: list[datetime]
    severity: str | None
    notification_id: str


@dataclass(frozen=True, slots=True)
class Singles:
    """The held messages of a group that speak of no alert and have one severity."""

    group_id: str
    severity: str | None
    number: int
    first_id: str
    expires_at: datetime | None
    """When the last of them does, if all do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a list tells of one alert, or of one event that is none; without a title the event has one."""

    group_id: str
    alert_key: str | None
    title: str | None
    severity: str | None
    since: datetime
    event_id: str | None
    event: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What was said last of an alert, as JSON text."""

    group_id: str
    alert_key: str
    body: str


def take_due(session: Session, *, most: int, now: datetime) -> list[DueGroup]:
    """Return up to `most` groups whose time has come, locked, the latest first."""
    return [DueGroup(*row) for row in session.execute(TAKE_DUE, {"most": most, "now": now})]


def hasten_last(session: Session, client_id: int, *, now: datetime) -> None:
    """Let those groups of a client be due to which nobody comes any more."""
    session.execute(HASTEN_LAST, {"client_id": client_id, "now": now})


def due_ids(session: Session, *, most: int, now: datetime) -> list[str]:
    """Return the ids of up to `most` groups whose time has come, the latest first."""
    return list(session.execute(DUE_IDS, {"most": most, "now": now}).scalars())


def take_due_one(session: Session, group_id: str, *, now: datetime) -> list[DueGroup]:
    """Return the group, locked, if it is still due and nobody else has it."""
    return [DueGroup(*row) for row in session.execute(TAKE_DUE_ONE, {"id": group_id, "now": now})]


def put_aside(session: Session, group_id: str, *, now: datetime) -> None:
    """Let a group that cannot be told wait, longer each time."""
    session.execute(PUT_ASIDE, {"id": group_id, "now": now})


def take(session: Session, group_id: str, *, client_id: int | None) -> DueGroup | None:
    """Return a group of the client (None: of any), due or not, locked."""
    found = session.execute(TAKE_ONE, {"id": group_id, "client_id": client_id}).one_or_none()
    return None if found is None else DueGroup(*found)


def alerts_of(session: Session, ids: Sequence[str]) -> list[AlertRow]:
    """Return the alerts of these groups."""
    return [AlertRow(*row) for row in session.execute(ALERTS, {"ids": array(ids)})]


def end_alerts(session: Session, ids: Sequence[str], *, now: datetime) -> list[AlertRow]:
    """Let those alerts of these groups be over of which that is known; returns them."""
    return [AlertRow(*row) for row in session.execute(END_ALERTS, {"ids": array(ids), "now": now})]


def singles_of(session: Session, ids: Sequence[str], *, now: datetime) -> list[Singles]:
    """Return what is held in these groups that speaks of no alert and has not expired."""
    return [Singles(*row) for row in session.execute(SINGLES, {"ids": array(ids), "now": now})]


def still_held(session: Session, ids: Sequence[str]) -> set[str]:
    """Return those of `ids` that are held in a group."""
    return set(session.execute(STILL_HELD, {"ids": array(ids)}).scalars())


def said_of(session: Session, ids: Sequence[str]) -> Iterator[Said]:
    """Return what was said last of the alerts of these groups."""
    for row in session.execute(SAID, {"ids": array(ids)}):
        yield Said(*row)


def shown_alerts(session: Session, wanted: Sequence[Mapping[str, str]]) -> list[Shown]:
    """Return what there is to tell of alerts (`group_id`, `alert_key`)."""
    return [Shown(*row) for row in session.execute(SHOWN_ALERTS, {"wanted": recordset(wanted)})]


def shown_singles(session: Session, groups: Sequence[Mapping[str, Any]], *, most: int, now: datetime) -> list[Shown]:
    """Return what there is to tell of the first `most` of these in each group (`id`, `passing`)."""
    values = {"groups": recordset(groups), "most": most, "now": now}
    return [Shown(*row) for row in session.execute(SHOWN_SINGLES, values)]


def rule_names(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of rules that are still there."""
    return {row.id: row.name for row in session.execute(RULE_NAMES, {"ids": array(map(str, ids))})}


def release(session: Session, ids: Sequence[str], *, queue_at: datetime, now: datetime) -> dict[str, str]:
    """Let held messages go as they are; returns the channel of each."""
    rows = session.execute(RELEASE, {"ids": array(ids), "queue_at": queue_at, "now": now})
    return {row.id: row.channel for row in rows}


def put_off(session: Session, groups: Sequence[Mapping[str, Any]]) -> None:
    """Let what is still held in `groups` (`id`) wait `until` then."""
    session.execute(PUT_OFF, {"groups": recordset(groups)})


def believe(session: Session, ids: Sequence[str], others: Sequence[Mapping[str, Any]]) -> None:
    """Write down what is believed of the alerts of these groups: that they are as they are, but for the `others`."""
    session.execute(BELIEVE, {"ids": array(ids), "others": recordset(others)})


def forget(session: Session, ids: Sequence[str], *, now: datetime) -> None:
    """Let alerts go that are over, and known to be, and whose changes no longer count."""
    session.execute(FORGET, {"ids": array(ids), "now": now})


def go_on(session: Session, groups: Sequence[Mapping[str, Any]]) -> None:
    """Write down when groups are due again, and when and by what they were told."""
    session.execute(GO_ON, {"groups": recordset(groups)})
