"""The connection that tests hand on to each other, as long as their settings ask for an equal one.

To connect, and to have the server read its catalogue anew, is half the work of a test that asks for little.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy
from psycopg2.extensions import cursor
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool

from sentinel import db, tracing
from sentinel.prepared import Plans
from sentinel.settings import get_settings

_kept: dict[str, Engine] = {}
"""At most one, by what it was made with."""

_new: set[int] = set()
"""Connections without plans of tests before."""


@contextmanager
def kept() -> Iterator[None]:
    """Let `db.get_engine` find what the test before has left, where that is what it would make."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(db, "create_engine", _create_engine)
        yield
    _dispose()


def leave() -> None:
    """Forget the engine of this process. Its connection stays, if it is the only one and nobody uses it."""
    if db.get_engine.is_made:
        engine = db.get_engine()
        pool = engine.pool
        is_simple = isinstance(pool, QueuePool) and pool.checkedin() == 1 and not pool.checkedout()
        if not is_simple or engine not in _kept.values():
            engine.dispose()
            _kept.clear()
    _new.clear()
    db._session_factory.forget()
    db.get_engine.forget()


def _create_engine(url: str, **arguments: Any) -> Engine:
    if tracing.is_on():
        return sqlalchemy.create_engine(url, **arguments)
    settings = get_settings()
    limits = (settings.database_connect_timeout_seconds, settings.prepared_statements, settings.database_pool_size)
    key = repr((url, arguments["connect_args"], arguments["pool_timeout"], limits))
    if key not in _kept:
        _dispose()
        _kept[key] = sqlalchemy.create_engine(url, **arguments)
        event.listen(_kept[key], "connect", _note_new)
        event.listen(_kept[key], "checkout", _renew)
    return _kept[key]


def _note_new(connection: db.Connection, _record: object) -> None:
    _new.add(id(connection))


def _renew(connection: db.Connection, _record: object, _proxy: object) -> None:
    """Forget plans of tests before: what a test sees and counts depends on no other."""
    if id(connection) in _new:
        return
    with connection.cursor(cursor_factory=cursor) as asking:
        asking.execute("DEALLOCATE ALL")
    connection.plans = Plans(are_used=get_settings().prepared_statements)
    _new.add(id(connection))


def _dispose() -> None:
    for engine in _kept.values():
        engine.dispose()
    _kept.clear()
