"""Pauses of provider accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import ProviderAccount


def paused_until(session: Session, name: str, *, now: datetime) -> datetime | None:
    """Return until when the account rests; None if it may be used."""
    statement = select(ProviderAccount.paused_until)
    return session.scalar(statement.where(ProviderAccount.name == name, ProviderAccount.paused_until > now))


def pause(session: Session, name: str, until: datetime, *, reason: str, hint: str | None, now: datetime) -> None:
    """Let the account rest until `until`; a later end wins over an earlier one."""
    values = {"paused_until": until, "reason": reason, "hint": hint, "updated_at": now}
    statement = insert(ProviderAccount).values(name=name, **values)
    later = statement.excluded.paused_until > ProviderAccount.paused_until
    session.execute(statement.on_conflict_do_update(index_elements=[ProviderAccount.name], set_=values, where=later))
