"""What clients want done with sends in doubt."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import DeliveryPolicy


def of_client(session: Session, client_id: int) -> dict[str, DeliveryPolicy]:
    """Return the policies that the client has set, by channel (`*`: all that have none of their own)."""
    rows = session.scalars(select(DeliveryPolicy).where(DeliveryPolicy.client_id == client_id))
    return {row.channel: row for row in rows}


def put(session: Session, client_id: int, channel: str, policy: str, *, now: datetime) -> None:
    """Set a policy, whether there was one or not."""
    values = {"ambiguous_policy": policy, "updated_at": now}
    statement = insert(DeliveryPolicy).values(client_id=client_id, channel=channel, **values)
    keys = [DeliveryPolicy.client_id, DeliveryPolicy.channel]
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


def remove(session: Session, client_id: int, channel: str) -> bool:
    """Remove a policy; False if there was none."""
    mine = delete(DeliveryPolicy).where(DeliveryPolicy.client_id == client_id, DeliveryPolicy.channel == channel)
    return bool(session.execute(mine).rowcount)  # type: ignore[attr-defined]
