"""What rules of a client may speak of: fields that its events had lately, its endpoints, templates and policies."""

from __future__ import annotations

from sentinel.channels.registry import CHANNELS
from sentinel.queries import rules as queries
from sentinel.rules.completion import KnownNames, values_of
from sentinel.services.ruling.rule_texts import known_policies
from sentinel.services.unit_of_work import UnitOfWork

EVENTS_LOOKED_AT = 50
MOST_NAMES = 200


def known_names(uow: UnitOfWork, client_id: int) -> KnownNames:
    """Return the names that a writer of a rule can choose from."""
    session = uow.session
    return KnownNames(
        values_of(queries.newest_bodies(session, client_id, most=EVENTS_LOOKED_AT)),
        CHANNELS,
        queries.known_endpoints(session, client_id, most=MOST_NAMES),
        queries.known_templates(session, client_id, most=MOST_NAMES),
        known_policies(session, client_id, most=MOST_NAMES),
    )
