"""What has ended badly starts over, each when its turn comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.models.status import RETRYABLE
from sentinel.queries.values import array

# The pace is in the rows: the first second's worth is due at once, each other has a time of its own.
RETRY = text("""
    WITH wanted AS (
        SELECT id, CASE WHEN turn >= :rate
            THEN CAST(:began_at AS timestamptz) + make_interval(secs => turn / CAST(:rate AS float8)) END AS due_at
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, nth),
             LATERAL (SELECT :place + nth - 1) AS counted (turn))
    UPDATE notifications n
    SET status = 'PENDING', reason = 'retried', told_status = NULL, attempt_limit = attempts + :attempts,
        updated_at = :now, replay_id = coalesce(CAST(:replay_id AS int), replay_id),
        next_attempt_at = CASE WHEN w.due_at IS NOT NULL
            THEN least(w.due_at, CASE WHEN expires_at > :now THEN expires_at END) END,
        queue_at = CASE WHEN w.due_at IS NULL THEN :queue_at
            ELSE least(w.due_at, CASE WHEN expires_at > :now THEN expires_at END) END,
        expires_at = CASE WHEN expires_at > :now THEN expires_at END
    FROM wanted w
    WHERE n.id = w.id AND n.status = ANY(CAST(:sources AS text[]))
    RETURNING n.id::text, n.channel, n.next_attempt_at
""")


@dataclass(frozen=True, slots=True)
class Pace:
    """So many a second from `began_at` on; `place` of them have had their turn. The bulk replay whose pace it is."""

    rate: float
    began_at: datetime
    place: int = 0
    replay_id: int | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """A row that was started over; `due_at` is its turn (None: at once)."""

    id: str
    channel: str
    due_at: datetime | None


def retry(
    session: Session, ids: Sequence[str], pace: Pace, *, attempts: int, now: datetime, queue_at: datetime
) -> list[Retried]:
    """Start ended rows over with `attempts` more tries, each when its turn comes; returns those that were ended."""
    values = {"ids": array(ids), "attempts": attempts, "now": now, "queue_at": queue_at, "sources": array(RETRYABLE)}
    paced = {"place": pace.place, "rate": pace.rate, "began_at": pace.began_at, "replay_id": pace.replay_id}
    return [Retried(*row) for row in session.execute(RETRY, values | paced)]
