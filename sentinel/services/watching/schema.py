"""Which schema the database has, and which one this version brings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sentinel.queries import schema
from sentinel.services.unit_of_work import UnitOfWork

VERSIONS = Path(__file__).resolve().parents[3] / "migrations" / "versions"


def revisions(uow: UnitOfWork) -> tuple[str | None, str | None]:
    """The database's revision and the newest one, as Alembic would say; to load that takes too much for a page."""
    return schema.revision(uow.session), newest_revision()


@lru_cache(maxsize=1)
def newest_revision() -> str | None:
    """The newest migration that came with this code: they are numbered."""
    return max((file.name.partition("_")[0] for file in VERSIONS.glob("[0-9]*.py")), default=None)
