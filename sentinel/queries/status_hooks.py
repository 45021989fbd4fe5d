"""What clients have not been told yet, and the webhooks that want to hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sentinel.models import Endpoint

# The conditions are those of ix_notifications_untold, word for word: nothing else is read.
TAKE_UNTOLD = text("""
    WITH untold AS (
        SELECT id FROM notifications
        WHERE is_followed AND told_status IS DISTINCT FROM status
          AND status IN ('CANCELLED', 'DELIVERED', 'FAILED', 'SENT', 'SUPPRESSED', 'UNDELIVERED')
        ORDER BY id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE notifications n SET told_status = n.status FROM untold WHERE n.id = untold.id
    RETURNING n.id::text, n.client_id, n.status, n.reason, n.channel, n.recipient, n.provider, n.provider_message_id,
              n.event_id::text, n.user_id, n.failover_of::text, n.attempts, n.metadata, n.created_at, n.updated_at,
              n.sent_at
""")


@dataclass(frozen=True, slots=True)
class Untold:
    """A notification that stands where its client does not know yet."""

    id: str
    client_id: int
    status: str
    reason: str | None
    channel: str
    recipient: str
    provider: str | None
    provider_message_id: str | None
    event_id: str | None
    user_id: str | None
    failover_of: str | None
    attempts: int
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None


def take_untold(session: Session, *, most: int) -> list[Untold]:
    """Take up to `most` notifications whose clients are to be told, oldest first, and mark them as told."""
    found = [Untold(*row) for row in session.execute(TAKE_UNTOLD, {"most": most})]
    return sorted(found, key=lambda each: each.updated_at)


def hooks_of(session: Session, client_ids: Sequence[int]) -> Sequence[Endpoint]:
    """Return the enabled webhooks of these clients that want to hear of statuses."""
    wanted = select(Endpoint).where(Endpoint.purpose == "statuses", Endpoint.is_enabled)
    return session.scalars(wanted.where(Endpoint.client_id.in_(client_ids)).order_by(Endpoint.id)).all()
