"""How endpoints fare: what was tried at their targets lately, and which ones messages failed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.ids import first_id
from sentinel.models import Endpoint
from sentinel.queries.values import recordset

# By the address, which is indexed, and not by the endpoint: who writes to the address directly reaches the same
# receiver, and what is said of it is true for both.
TRIES = text("""
    SELECT place.endpoint_id, n.id::text AS notification_id, a.number, a.started_at, a.outcome, a.reason, a.provider,
           a.provider_code, a.http_status, a.detail, a.hint, a.duration_ms
    FROM json_to_recordset(CAST(:places AS json)) AS place (
        endpoint_id int, client_id int, channel text, target text)
    CROSS JOIN LATERAL (
        SELECT id FROM notifications
        WHERE client_id = place.client_id AND hashtext(recipient) = hashtext(place.target)
          AND recipient = place.target AND channel = place.channel AND id >= CAST(:first AS uuid)
        ORDER BY id DESC LIMIT :most) n
    JOIN attempts a ON a.notification_id = n.id
    ORDER BY a.started_at DESC, a.number DESC
""")

LOOKED_AT = text("""
    SELECT count(*), min(created_at) FROM (
        SELECT created_at FROM notifications
        WHERE client_id = :client_id AND hashtext(recipient) = hashtext(:target)
          AND recipient = :target AND channel = :channel AND id >= CAST(:first AS uuid)
        ORDER BY id DESC LIMIT :most) newest
""")

# For each client by itself, so that the newest of one with few failures are found without reading those of the others.
TROUBLED = text("""
    SELECT DISTINCT ended.endpoint_id
    FROM clients c
    CROSS JOIN LATERAL (
        SELECT endpoint_id FROM notifications
        WHERE client_id = c.id AND status IN ('FAILED', 'UNDELIVERED') AND id >= CAST(:first AS uuid)
        ORDER BY id DESC LIMIT :most) ended
    WHERE ended.endpoint_id IS NOT NULL AND (CAST(:client_id AS int) IS NULL OR c.id = :client_id)
""")


@dataclass(frozen=True, slots=True)
class Try:
    """One try at an endpoint's target."""

    endpoint_id: int
    notification_id: str
    number: int
    started_at: datetime
    outcome: str
    reason: str | None
    provider: str
    provider_code: str | None
    http_status: int | None
    detail: str | None
    hint: str | None
    duration_ms: int


def tries(session: Session, endpoints: Sequence[Endpoint], *, since: datetime, most: int) -> list[Try]:
    """Return the tries of each endpoint's last `most` messages since a moment, newest first."""
    places = [
        {"endpoint_id": each.id, "client_id": each.client_id, "channel": each.channel, "target": each.target}
        for each in endpoints
    ]
    values = {"places": recordset(places), "first": first_id(since), "most": most}
    return [Try(*row) for row in session.execute(TRIES, values)]


def looked_at(session: Session, endpoint: Endpoint, *, since: datetime, most: int) -> tuple[int, datetime | None]:
    """Return how many messages the tries of an endpoint are of, and when the oldest one of them was made."""
    place = {"client_id": endpoint.client_id, "channel": endpoint.channel, "target": endpoint.target}
    count, oldest = session.execute(LOOKED_AT, {**place, "first": first_id(since), "most": most}).one()
    return count, oldest


def troubled(session: Session, client_id: int | None, *, since: datetime, most: int) -> list[int]:
    """Return the endpoints at which some of each client's `most` last failures happened (client None: of any)."""
    values = {"client_id": client_id, "first": first_id(since), "most": most}
    return list(session.scalars(TROUBLED, values))
