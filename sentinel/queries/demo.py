"""Demo clients: found by their names' beginning, filled and emptied with one statement each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

COUNT_CLIENTS = text("""
    SELECT count(*) FROM clients c
    WHERE starts_with(c.name, :prefix) AND EXISTS (SELECT FROM rules r WHERE r.client_id = c.id)
""")

# Their endpoints go with the rules.
DELETE_RULES = text("""
    DELETE FROM rules USING clients c WHERE rules.client_id = c.id AND starts_with(c.name, :prefix)
""")

# A rule's e-mail and its webhook; the client's webhooks share a secret, which signs nothing that anybody receives.
INSERT_ENDPOINTS = text("""
    INSERT INTO endpoints (client_id, rule_id, channel, target, secret, is_enabled, version, created_at, updated_at)
    SELECT r.client_id, r.id, t.channel, t.target, t.secret, t.is_enabled, 1, :now, :now
    FROM rules r CROSS JOIN LATERAL (VALUES
        ('email', :name || '@' || :domain, NULL, true),
        ('webhook', 'https://' || :domain || '/' || :name || '/' || replace(r.name, '/', '-'),
         :secret, :has_webhooks)
    ) AS t (channel, target, secret, is_enabled)
    WHERE r.client_id = :client_id
""")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a client's endpoints have in common."""

    name: str
    domain: str
    secret: str = field(repr=False)
    """As it is stored: sealed."""
    has_webhooks: bool


def count_clients(session: Session, prefix: str) -> int:
    """Return how many clients of that prefix have rules."""
    count: int = session.execute(COUNT_CLIENTS, {"prefix": prefix}).scalar_one()
    return count


def delete_rules(session: Session, prefix: str) -> None:
    """Delete the rules of clients of that prefix, with their endpoints."""
    session.execute(DELETE_RULES, {"prefix": prefix})


def insert_endpoints(session: Session, client_id: int, own: Belongings, *, now: datetime) -> None:
    """Give every rule of the client an e-mail and a webhook."""
    session.execute(INSERT_ENDPOINTS, asdict(own) | {"client_id": client_id, "now": now})
