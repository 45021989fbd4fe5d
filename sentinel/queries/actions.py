"""Actions of people: written beside what they do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from sentinel.models import Action


def add(session: Session, values: dict[str, Any]) -> None:
    """Store an action."""
    session.execute(insert(Action).values(**values))
