"""What tests ask the database: rows and attempts as they stand now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, or_, select

from sentinel.db import new_session
from sentinel.models import Attempt, Notification
from sentinel.models.status import FINAL


def row(notification_id: str) -> Notification:
    """A notification."""
    with new_session() as session:
        return session.scalars(select(Notification).where(Notification.id == notification_id)).one()


def rows() -> dict[str, Notification]:
    """All notifications, by id."""
    with new_session() as session:
        return {found.id: found for found in session.scalars(select(Notification))}


def tries(notification_id: str) -> Sequence[Attempt]:
    """The attempts of a notification, in order."""
    with new_session() as session:
        wanted = select(Attempt).where(Attempt.notification_id == notification_id).order_by(Attempt.number)
        return session.scalars(wanted).all()


def count_statuses() -> Counter[str]:
    """How many notifications stand where."""
    with new_session() as session:
        counted = session.execute(
            select(Notification.status, func.count().label("total")).group_by(Notification.status)
        )
        return Counter({found.status: found.total for found in counted})


def count_ambiguous() -> int:
    """How many tries have an end that is not known, or was not for a while."""
    was_in_doubt = or_(Attempt.outcome == "AMBIGUOUS", Attempt.reason == "worker_lost")
    with new_session() as session:
        return session.scalar(select(func.count()).where(was_in_doubt)) or 0


def have_ended() -> bool:
    """Whether nothing is on its way any more."""
    return set(count_statuses()) <= {str(status) for status in FINAL}
