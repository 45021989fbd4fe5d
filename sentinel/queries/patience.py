"""Questions of people who look: none may read for longer than somebody waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from sentinel.errors import TooBroadError

LIMIT = text("SELECT set_config('statement_timeout', :milliseconds, true)")


@contextmanager
def patience(session: Session, *, seconds: float) -> Iterator[None]:
    """Give each statement so long until the transaction ends. Raises `TooBroadError`; nothing can be asked after it."""
    session.execute(LIMIT, {"milliseconds": str(int(seconds * 1000))})
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise TooBroadError(f"that takes longer than {seconds:g} s to find") from None
        raise
