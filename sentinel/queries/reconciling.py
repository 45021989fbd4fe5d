"""Sends in doubt: which are due, what is known of them, and where they go. Every answer is fenced by its question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.queries.values import array, recordset

# `updated_at` of an AMBIGUOUS row is when the doubt began: waiting does not change it.
_ASKABLE = """
    coalesce(provider = ANY(CAST(:asked AS text[])), false) AND lookups < :most_lookups
    AND updated_at > :doubted_after AND (lookups = 0 OR coalesce(failover_at > :now, true))
"""

# As the index `ix_notifications_waiting` has it.
_DUE = "status IN ('PENDING', 'RETRYING', 'AMBIGUOUS') AND status = 'AMBIGUOUS' AND queue_at <= :now"

_JUDGE = """
    judged AS (
        SELECT n.id, n.lookups, due.is_missing, wish.policy,
               wish.policy = 'at_least_once' AND n.attempts < n.attempt_limit
                   AND (n.expires_at IS NULL OR n.expires_at > :now) AS again
        FROM due JOIN notifications n ON n.id = due.id
        CROSS JOIN LATERAL (
            SELECT coalesce(
                (SELECT p.ambiguous_policy FROM delivery_policies p
                 WHERE p.client_id = n.client_id AND p.channel IN (n.channel, '*') ORDER BY p.channel = '*' LIMIT 1),
                :policy) AS policy) wish),
    moved AS (
        UPDATE notifications n
        SET status = CASE WHEN again THEN 'RETRYING' ELSE 'FAILED' END,
            reason = CASE WHEN again THEN n.reason ELSE 'ambiguous' END,
            next_attempt_at = CASE WHEN again THEN CAST(:now AS timestamptz) END,
            queue_at = CASE WHEN again THEN CAST(:queue_at AS timestamptz) END,
            lookups = CASE WHEN again THEN 0 ELSE n.lookups END,
            updated_at = :now
        FROM judged WHERE n.id = judged.id
        RETURNING n.id, n.channel, n.status),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'doubt_decided', jsonb_build_object('policy', policy) || CASE WHEN lookups > 0
            THEN jsonb_build_object('is_missing', is_missing, 'lookups', lookups) ELSE '{}' END
        FROM judged)
    SELECT id::text, channel, status FROM moved
"""

DECIDE_DUE = text(f"""
    WITH due AS (
        SELECT id, false AS is_missing FROM notifications WHERE {_DUE} AND NOT ({_ASKABLE})
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED),
    {_JUDGE}
""")  # noqa: S608 - put together from our own words

ANSWERS = "json_to_recordset(CAST(:rows AS json)) AS a (id uuid, attempt smallint, lookup smallint"
_ASKED = "n.id = a.id AND n.status = 'AMBIGUOUS' AND n.attempts = a.attempt AND n.lookups = a.lookup"
"""The row stands as it did when the question was asked."""

DECIDE_MISSING = text(f"""
    WITH due AS (
        SELECT n.id, true AS is_missing FROM notifications n JOIN {ANSWERS}) ON {_ASKED} FOR UPDATE OF n),
    {_JUDGE}
""")  # noqa: S608 - put together from our own words

TAKE_ASKABLE = text(f"""
    WITH due AS (
        SELECT id FROM notifications WHERE {_DUE} AND ({_ASKABLE})
        ORDER BY queue_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE notifications n SET queue_at = :again FROM due WHERE n.id = due.id
    RETURNING n.id::text, n.channel
""")  # noqa: S608 - put together from our own words

TAKE_QUESTIONS = text("""
    WITH mine AS (
        SELECT id FROM notifications
        WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'AMBIGUOUS' AND channel = :channel AND provider = :provider
        FOR UPDATE SKIP LOCKED)
    UPDATE notifications n SET lookups = lookups + 1, queue_at = :queue_at
    FROM mine WHERE n.id = mine.id
    RETURNING n.id::text, n.recipient, n.body, n.attempts, n.lookups, coalesce((
        SELECT min(started_at) FROM attempts a
        WHERE a.notification_id = n.id AND a.provider = n.provider AND a.outcome = 'AMBIGUOUS'), n.updated_at),
        n.ticket_message_id
""")

POSTPONE = text("""
    UPDATE notifications SET next_attempt_at = :until, queue_at = :until
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'AMBIGUOUS' AND channel = :channel AND provider = :provider
""")

ASK_AGAIN = text(f"""
    UPDATE notifications n SET next_attempt_at = a.queue_at, queue_at = a.queue_at
    FROM {ANSWERS}, queue_at timestamptz)
    WHERE {_ASKED}
""")  # noqa: S608 - put together from our own words

SETTLE_FOUND = text(f"""
    WITH moved AS (
        UPDATE notifications n
        SET status = 'SENT', reason = NULL, provider_message_id = a.provider_message_id,
            sent_at = greatest(a.accepted_at, n.created_at), next_attempt_at = NULL, queue_at = NULL, updated_at = :now
        FROM {ANSWERS}, provider_message_id text, accepted_at timestamptz)
        WHERE {_ASKED}
        RETURNING n.id, n.provider, n.attempts, n.lookups, n.provider_message_id, n.created_at, n.send_at, n.sent_at),
    corrected AS (
        UPDATE attempts t SET provider_message_id = moved.provider_message_id
        FROM moved WHERE t.notification_id = moved.id AND t.number = moved.attempts),
    noted AS (
        INSERT INTO timeline_entries (notification_id, at, kind, detail)
        SELECT id, :now, 'reconciled', jsonb_build_object(
            'provider', provider, 'provider_message_id', provider_message_id, 'lookups', lookups)
        FROM moved)
    SELECT extract(epoch FROM sent_at - greatest(created_at, send_at))::float FROM moved
""")  # noqa: S608 - put together from our own words

# Two workers that adopt at once take turns: what one adopts, the other must see as taken.
TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext('sentinel.reconciling'))")

HOLDERS = text("""
    SELECT provider_message_id, notification_id::text FROM attempts
    WHERE provider = :provider AND provider_message_id = ANY(CAST(:found AS text[]))
""")

WITH_TWIN = text("""
    SELECT n.id::text FROM notifications n
    WHERE n.id = ANY(CAST(:ids AS uuid[])) AND EXISTS (
        SELECT FROM notifications twin
        WHERE twin.status = 'SENDING' AND twin.channel = n.channel AND twin.recipient = n.recipient
          AND twin.body = n.body)
""")


@dataclass(frozen=True, slots=True)
class Limits:
    """Which doubts a provider may be asked about: of these providers, asked less often, begun later."""

    asked: Sequence[str]
    most_lookups: int
    doubted_after: datetime


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """Where a doubt went."""

    id: str
    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """A send in doubt whose provider is being asked for the `lookup`th time; `since` is when it was first tried."""

    id: str
    recipient: str
    body: str
    attempt: int
    lookup: int
    since: datetime
    ticket_message_id: int | None = None


def decide_due(
    session: Session, limits: Limits, *, policy: str, now: datetime, queue_at: datetime, most: int
) -> list[DecidedRow]:
    """Move due rows that nobody is asked about to RETRYING or FAILED, as their client's policy says."""
    values = {"policy": policy, "queue_at": queue_at} | _bounds(limits, now, most)
    return [DecidedRow(*row) for row in session.execute(DECIDE_DUE, values)]


def take_askable(
    session: Session, limits: Limits, *, now: datetime, again: datetime, most: int
) -> dict[str, list[str]]:
    """Take up to `most` due rows whose provider may be asked, by channel; they come up again at `again`."""
    taken: dict[str, list[str]] = {}
    for found, channel in session.execute(TAKE_ASKABLE, {"again": again} | _bounds(limits, now, most)):
        taken.setdefault(channel, []).append(found)
    return taken


def _bounds(limits: Limits, now: datetime, most: int) -> dict[str, Any]:
    return {
        "asked": array(limits.asked),
        "most_lookups": limits.most_lookups,
        "doubted_after": limits.doubted_after,
        "now": now,
        "most": most,
    }


def take_questions(
    session: Session, ids: Sequence[str], *, channel: str, provider: str, queue_at: datetime
) -> list[DoubtRow]:
    """Take those of `ids` that are in doubt, to ask their provider; counted, and due again if nobody answers."""
    values = {"ids": array(ids), "channel": channel, "provider": provider, "queue_at": queue_at}
    return [DoubtRow(*row) for row in session.execute(TAKE_QUESTIONS, values)]


def postpone(session: Session, ids: Sequence[str], *, channel: str, provider: str, until: datetime) -> None:
    """Let doubts wait until their provider may be asked; nothing is counted."""
    session.execute(POSTPONE, {"ids": array(ids), "channel": channel, "provider": provider, "until": until})


def take_turn(session: Session) -> None:
    """Wait until no other transaction adopts messages."""
    session.execute(TAKE_TURN)


def holders(session: Session, provider: str, provider_message_ids: Iterable[str]) -> dict[str, str]:
    """Return which of the provider's messages belong to a notification already, and to which."""
    values = {"provider": provider, "found": array(provider_message_ids)}
    return {row.provider_message_id: row.notification_id for row in session.execute(HOLDERS, values)}


def with_twin(session: Session, ids: Sequence[str]) -> set[str]:
    """Return those of `ids` whose recipient is being sent the same text right now."""
    return set(session.execute(WITH_TWIN, {"ids": array(ids)}).scalars())


def settle_found(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[float]:
    """Mark rows SENT with the message that was found; returns how many seconds each was on its way."""
    return list(session.execute(SETTLE_FOUND, {"rows": recordset(rows), "now": now}).scalars())


def decide_missing(
    session: Session, rows: Sequence[Mapping[str, Any]], *, policy: str, now: datetime, queue_at: datetime
) -> list[DecidedRow]:
    """Move rows that their provider does not know to RETRYING or FAILED, as their client's policy says."""
    values = {"rows": recordset(rows), "policy": policy, "now": now, "queue_at": queue_at}
    return [DecidedRow(*row) for row in session.execute(DECIDE_MISSING, values)]


def ask_again(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put off rows whose provider could not say, each until its `queue_at`."""
    session.execute(ASK_AGAIN, {"rows": recordset(rows)})
