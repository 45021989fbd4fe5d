"""Writes that another row may forbid: names are unique."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

Row = TypeVar("Row")

UNIQUE_VIOLATION = "23505"
FRESH: dict[str, Any] = {"populate_existing": True}
"""What the session has of the row is older."""


class TakenError(Exception):
    """Another row has that name."""


def inserted(session: Session, statement: Insert, model: type[Row]) -> Row:
    """Add one row and return it. Raises `TakenError`."""
    found = updated(session, statement, model)
    if found is None:
        raise TakenError
    return found


def updated(session: Session, statement: Insert | Update, model: type[Row]) -> Row | None:
    """Write one row and return it; None if there was none to change. Raises `TakenError`."""
    try:
        with session.begin_nested():
            return session.scalar(statement.returning(model), execution_options=FRESH)
    except IntegrityError as error:
        if getattr(error.orig, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise TakenError from error
