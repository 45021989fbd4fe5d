"""The database as operators' commands use it: what goes wrong there is one sentence with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from sentinel.errors import NotFoundError, SentinelError
from sentinel.queries import clients
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

UNDEFINED_TABLE = "42P01"
UNDEFINED_COLUMN = "42703"
QUERY_CANCELED = "57014"


@contextmanager
def plain_words() -> Iterator[None]:
    """Write what goes wrong in the database for people."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        raise SentinelError(in_words(error)) from None


@contextmanager
def operator_work() -> Iterator[UnitOfWork]:
    """A unit of work whose database errors are written for people."""
    with plain_words(), unit_of_work() as uow:
        yield uow


def in_words(error: DBAPIError) -> str:
    """What the database said, and what to do about it."""
    code = getattr(error.orig, "pgcode", None)
    if code in (UNDEFINED_TABLE, UNDEFINED_COLUMN):
        return "the database's schema is not the one this version needs; run `sentinel db upgrade`"
    if code == QUERY_CANCELED:
        return (
            "the database needed longer than SENTINEL_STATEMENT_TIMEOUT_SECONDS; "
            "narrow the command with --since, --channel or --client, or raise that setting for this command"
        )
    reason = (str(error.orig).strip() or type(error).__name__).splitlines()[0]
    return f"the database of DATABASE_URL cannot be used: {reason}; see `sentinel doctor`"


def client_id(session: Session, name: str | None) -> int | None:
    """The id behind a client's name; None for no name, which means all clients."""
    if name is None:
        return None
    client = clients.by_name(session, name)
    if client is None:
        raise NotFoundError(f"there is no client {name!r}; see `sentinel keys list` for those that have keys")
    return client.id
