"""Failover chains of clients, by channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import FailoverChain
from sentinel.queries.unique import FRESH


def of_client(session: Session, client_id: int) -> Sequence[FailoverChain]:
    """Return the chains that the client has set, by channel."""
    wanted = select(FailoverChain).where(FailoverChain.client_id == client_id).order_by(FailoverChain.channel)
    return session.scalars(wanted).all()


def get(session: Session, client_id: int, channel: str) -> FailoverChain | None:
    """Return the chain of one channel."""
    return session.get(FailoverChain, (client_id, channel))


def put(
    session: Session, client_id: int, channel: str, targets: list[dict[str, Any]], *, now: datetime
) -> FailoverChain:
    """Set a chain, whether there was one or not."""
    values = {"targets": targets, "updated_at": now}
    statement = insert(FailoverChain).values(client_id=client_id, channel=channel, **values)
    keys = [FailoverChain.client_id, FailoverChain.channel]
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=values).returning(FailoverChain)
    return session.scalars(upsert, execution_options=FRESH).one()


def remove(session: Session, client_id: int, channel: str) -> bool:
    """Remove a chain; False if there is none."""
    mine = (FailoverChain.client_id == client_id, FailoverChain.channel == channel)
    return bool(session.execute(delete(FailoverChain).where(*mine)).rowcount)  # type: ignore[attr-defined]
