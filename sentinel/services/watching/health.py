"""Which parts can be reached."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from sentinel.db import new_session


def parts_down() -> dict[str, str]:
    """Name the parts without which nothing can be accepted, and what they answered; empty when all is well.

    The broker is not among them: without it rows are stored, and go out when it is back.
    """
    try:
        with new_session() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return {"database": type(error).__name__}
    return {}
