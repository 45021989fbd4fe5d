"""Remembered answers, guarded by a transaction-scoped advisory lock on (client, key)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import IdempotencyKey

TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


def try_lock(session: Session, client_id: int, key: str) -> bool:
    """Lock the key until this transaction ends; False if another request works under it right now."""
    return bool(session.scalar(TRY_LOCK, {"name": f"idempotency:{client_id}:{key}"}))


def remembered(session: Session, client_id: int, key: str, *, now: datetime) -> IdempotencyKey | None:
    """Return the answer given under this key, unless it has been forgotten."""
    mine = (IdempotencyKey.client_id == client_id, IdempotencyKey.key == key)
    return session.scalar(select(IdempotencyKey).where(*mine, IdempotencyKey.expires_at > now))


def remember(session: Session, client_id: int, key: str, answer: Mapping[str, Any]) -> None:
    """Keep an answer (columns of `idempotency_keys`); replaces one that has been forgotten."""
    statement = insert(IdempotencyKey).values(client_id=client_id, key=key, **answer)
    keys = [IdempotencyKey.client_id, IdempotencyKey.key]
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(answer)))
