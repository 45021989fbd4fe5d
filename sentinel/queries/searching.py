"""Whether anything is known by a word that somebody searches for: asked of each client, where its indexes begin."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

_OF_CLIENTS = "FROM clients c WHERE c.id = coalesce(CAST(:client_id AS int), c.id)"

HAS_RECIPIENT = text(f"""
    SELECT EXISTS (SELECT {_OF_CLIENTS} AND EXISTS (
        SELECT FROM notifications n
        WHERE n.client_id = c.id AND hashtext(n.recipient) = hashtext(:word) AND n.recipient = :word))
""")  # noqa: S608 - put together from our own words

HAS_USER = text(f"""
    SELECT EXISTS (SELECT {_OF_CLIENTS} AND EXISTS (
        SELECT FROM notifications n WHERE n.client_id = c.id AND n.user_id = :word))
""")  # noqa: S608 - put together from our own words

# Who speaks for a dedupe key now, at each of its targets.
BY_DEDUPE_KEY = text(f"""
    SELECT d.notification_id::text
    FROM (SELECT c.id {_OF_CLIENTS}) AS of_client,
         LATERAL (SELECT notification_id FROM dedupe_claims
                  WHERE client_id = of_client.id AND dedupe_key = :word LIMIT :most) AS d
    LIMIT :most
""")  # noqa: S608 - put together from our own words

BY_PROVIDER_MESSAGE_ID = text("""
    SELECT DISTINCT notification_id::text FROM attempts
    WHERE provider = 'twilio' AND provider_message_id = :word LIMIT :most
""")


def has_recipient(session: Session, word: str, *, client_id: int | None) -> bool:
    """Whether something went to that address."""
    return bool(session.execute(HAS_RECIPIENT, {"word": word, "client_id": client_id}).scalar_one())


def has_user(session: Session, word: str, *, client_id: int | None) -> bool:
    """Whether something went to that user."""
    return bool(session.execute(HAS_USER, {"word": word, "client_id": client_id}).scalar_one())


def by_dedupe_key(session: Session, word: str, *, client_id: int | None, most: int) -> Sequence[str]:
    """Return the notifications that speak for a dedupe key."""
    return session.execute(BY_DEDUPE_KEY, {"word": word, "client_id": client_id, "most": most}).scalars().all()


def by_provider_message_id(session: Session, word: str, *, most: int) -> Sequence[str]:
    """Return the notifications that a provider knows by that id: of the one whose ids are indexed."""
    return session.execute(BY_PROVIDER_MESSAGE_ID, {"word": word, "most": most}).scalars().all()
