"""What Alembic has written down."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

REVISION = text("SELECT version_num FROM alembic_version")


def revision(session: Session) -> str | None:
    """Return the revision that the database is at."""
    found: str | None = session.execute(REVISION).scalar()
    return found
