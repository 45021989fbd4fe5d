"""The engine of this process and its sessions. No wait for the database is without an end.

What limits which wait, and why the client has a deadline of its own: docs/decisions/070-no-wait-without-an-end.md.
"""

from __future__ import annotations

import re
import select
from functools import lru_cache
from typing import Any

import orjson
import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session, sessionmaker

from sentinel.settings import Settings, get_settings

ROW = re.compile(r"\n(?:DETAIL|CONTEXT):")

POOL_OVERFLOW = 2
"""Connections beyond the pool that a process may open for a moment."""

RECYCLE_SECONDS = 1800
"""A pooled connection is replaced after so long: what its server process has gathered is given back."""

KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}
"""An idle connection whose server has vanished is noticed within 45 seconds."""


class Connection(extensions.connection):  # type: ignore[misc] # psycopg2 has no types
    """A connection that knows how long its server may say nothing while an answer is awaited."""

    silence_seconds: int

    def __init__(self, dsn: str, **arguments: Any) -> None:
        settings = get_settings()
        self.silence_seconds = settings.database_connect_timeout_seconds
        super().__init__(dsn, **arguments)
        self.silence_seconds = silence_limit(settings)


def silence_limit(settings: Settings) -> int:
    """Seconds without an answer after which a server is taken for gone; its own timeouts come first."""
    return settings.statement_timeout_seconds + settings.database_silence_seconds


def _wait(connection: extensions.connection) -> None:
    """Wait until psycopg2 has its answer; a server silent for too long is given up (psycopg2 closes the connection).

    The server's own timeouts are no help when server, network or proxy have stopped, and TCP's only when the other
    kernel is gone too.
    """
    seconds = getattr(connection, "silence_seconds", None)
    events = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}
    while (state := connection.poll()) != extensions.POLL_OK:
        poll = select.poll()
        poll.register(connection.fileno(), events[state])
        if not poll.poll(None if seconds is None else seconds * 1000):
            raise psycopg2.OperationalError(f"the database server has been silent for {seconds:g} s")


extensions.set_wait_callback(_wait)


@lru_cache(maxsize=1)
def get_engine() -> Engine:
    """Make the pool of this process on first use; `forget_engine` after a fork."""
    settings = get_settings()
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.database_pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=settings.statement_timeout_seconds,
        pool_pre_ping=True,
        hide_parameters=True,  # an error must not print recipients and texts
        pool_recycle=RECYCLE_SECONDS,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args=_connect_args(settings),
    )
    event.listen(engine, "handle_error", _forget_row)
    return engine


def _forget_row(context: ExceptionContext) -> None:
    """Take out of an error what PostgreSQL adds to its first line: the refused row, with its recipient and text."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (ROW.split(str(error.args[0]), maxsplit=1)[0], *error.args[1:])


def _connect_args(settings: Settings) -> dict[str, Any]:
    return KEEPALIVES | {
        "connection_factory": Connection,
        "options": _server_limits(settings),
        "tcp_user_timeout": silence_limit(settings) * 1000,
        # PGAPPNAME says more where `sentinel api`, `worker` and `up` have set it.
        "fallback_application_name": "sentinel",
    }


def _server_limits(settings: Settings) -> str:
    """What the server itself cuts off; UTC whatever its zone."""
    limits = {
        "statement_timeout": settings.statement_timeout_seconds,
        "lock_timeout": settings.lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.idle_transaction_timeout_seconds,
    }
    return " ".join([*(f"-c {name}={seconds}s" for name, seconds in limits.items()), "-c timezone=UTC"])


@lru_cache(maxsize=1)
def _session_factory() -> sessionmaker[Session]:
    return sessionmaker(get_engine(), expire_on_commit=False)


def new_session() -> Session:
    """Open a session; the caller commits and closes it."""
    return _session_factory()()


def forget_engine() -> None:
    """Drop connections inherited from a parent process without closing the parent's sockets."""
    if get_engine.cache_info().currsize:
        get_engine().dispose(close=False)
    _session_factory.cache_clear()
    get_engine.cache_clear()
