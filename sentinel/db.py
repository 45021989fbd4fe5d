"""The engine of this process and its sessions. No wait for the database is without an end.

What limits which wait, and why the client has a deadline of its own: docs/decisions/070-no-wait-without-an-end.md.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable
from typing import Any

import orjson
import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session, sessionmaker

from sentinel import tracing
from sentinel.once import Once
from sentinel.prepared import Plans
from sentinel.settings import Settings, get_settings

ROW = re.compile(r"\n(?:DETAIL|CONTEXT):")

POOL_OVERFLOW = 2
"""Connections beyond the pool that a process may open for a moment."""

RECYCLE_SECONDS = 1800
"""A pooled connection is replaced after so long: what its server process has gathered is given back."""

REST_SECONDS = 10
"""After so long in the pool a connection is tried before it is used: a host may have vanished without a word."""

KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}
"""An idle connection whose server has vanished is noticed within 45 seconds."""


class Cursor(extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
    """Sends BEGIN together with the first statement of a transaction, and runs prepared statements by name."""

    def execute(self, query: str | bytes, parameters: Any = None) -> None:
        """Run a statement; in a transaction, unless the connection's statements stand alone."""
        if self.name is not None:
            self.connection.leave_transactions_to_driver()
            super().execute(query, parameters)
        else:
            begin = "BEGIN;" if self.connection.has_to_begin() else ""
            if isinstance(query, bytes):  # several rows for one statement, put together by psycopg2
                super().execute(begin.encode() + query, parameters)
            else:
                self._execute_planned(begin, query, parameters)

    def _execute_planned(self, begin: str, query: str, parameters: Any) -> None:
        plans: Plans = self.connection.plans
        super().execute(begin + plans.begin(query), parameters)
        plans.keep(query)


class Connection(extensions.connection):  # type: ignore[misc] # as above
    """A connection that spares round trips, and knows how long its server may say nothing while an answer is awaited.

    psycopg2 is left in its autocommit mode; BEGIN, COMMIT and ROLLBACK are sent from here. Which of them is due, libpq
    knows without asking the server. docs/decisions/086-fewer-round-trips.md
    """

    autocommit: bool
    silence_milliseconds: int
    stands_alone = False
    """Whether each statement is a transaction of its own; until the connection returns to the pool."""

    def __init__(self, dsn: str, **arguments: Any) -> None:
        settings = get_settings()
        self._answers: select.poll | None = None
        self.silence_milliseconds = settings.database_connect_timeout_seconds * 1000
        super().__init__(dsn, **arguments)
        self.silence_milliseconds = silence_limit(settings) * 1000
        self._answers = select.poll()
        self._answers.register(self.fileno(), select.POLLIN)
        self.cursor_factory = Cursor
        self.plans = Plans(are_used=settings.prepared_statements)
        self.rest()

    def wait_for(self, state: int) -> bool:
        """Wait until the server has said something, or has taken what it was told; False if it is silent too long."""
        if state == extensions.POLL_READ and self._answers:
            return bool(self._answers.poll(self.silence_milliseconds))
        return wait_for(self, state, self.silence_milliseconds)

    def has_to_begin(self) -> bool:
        """Whether the next statement is the first of a transaction."""
        return (
            not self.stands_alone
            and self.autocommit
            and self.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE
        )

    def leave_transactions_to_driver(self) -> None:
        """Let psycopg2 begin: it opens cursors of the server in its own transactions only."""
        if self.autocommit:
            self.autocommit = False

    def commit(self) -> None:
        """Commit what was begun."""
        self._end("COMMIT", super().commit)

    def rollback(self) -> None:
        """Undo what was begun."""
        self._end("ROLLBACK", super().rollback)

    def _end(self, statement: str, driver_ends: Callable[[], None]) -> None:
        if not self.autocommit:
            driver_ends()
        elif self.get_transaction_status() != extensions.TRANSACTION_STATUS_IDLE:
            self._say(statement)

    def _say(self, statement: str) -> None:
        with self.cursor(cursor_factory=extensions.cursor) as cursor:
            cursor.execute(statement)

    def rest(self) -> None:
        """Go to the pool: what a session has changed is as it was, and the time is noted."""
        self.stands_alone = False
        if not self.autocommit:
            self.autocommit = True
        self.rests_since = time.monotonic()

    def is_alive(self) -> bool:
        """Whether the server is still there, after a rest: it is asked if it spoke unasked, or after a long rest.

        A server that ends closes its connections, which is something to read.
        """
        if time.monotonic() - self.rests_since < REST_SECONDS and not (self._answers and self._answers.poll(0)):
            return True
        try:
            self._say("SELECT 1")
        except psycopg2.Error:
            return False
        return True


def silence_limit(settings: Settings) -> int:
    """Seconds without an answer after which a server is taken for gone; its own timeouts come first."""
    return settings.statement_timeout_seconds + settings.database_silence_seconds


EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


def wait_for(connection: extensions.connection, state: int, milliseconds: int | None) -> bool:
    """Wait until a connection's socket is ready for what psycopg2 wants to do; False if that takes too long."""
    poll = select.poll()
    poll.register(connection.fileno(), EVENTS[state])
    return bool(poll.poll(milliseconds))


def _wait(connection: extensions.connection) -> None:
    """Wait until psycopg2 has its answer; a server silent for too long is given up (psycopg2 closes the connection).

    The server's own timeouts are no help when server, network or proxy have stopped, and TCP's only when the other
    kernel is gone too.
    """
    while (state := connection.poll()) != extensions.POLL_OK:
        if not isinstance(connection, Connection):
            wait_for(connection, state, None)
        elif not connection.wait_for(state):
            seconds = connection.silence_milliseconds / 1000
            raise psycopg2.OperationalError(f"the database server has been silent for {seconds:g} s")


extensions.set_wait_callback(_wait)


@Once
def get_engine() -> Engine:
    """Make the pool of this process on first use; `forget_engine` after a fork."""
    settings = get_settings()
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.database_pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=settings.statement_timeout_seconds,
        hide_parameters=True,  # an error must not print recipients and texts
        pool_recycle=RECYCLE_SECONDS,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        use_native_hstore=False,  # nobody uses it, and each new connection asked for it
        connect_args=_connect_args(settings),
    )
    event.listen(engine, "handle_error", _forget_row)
    event.listen(engine, "checkin", _rest)
    event.listen(engine, "checkout", _require_life)
    tracing.watch(engine)
    return engine


def _rest(connection: Connection | None, _record: object) -> None:
    """Note when a connection came back to the pool; one that broke does not."""
    if connection is not None:
        connection.rest()


def _require_life(connection: Connection, _record: object, _proxy: object) -> None:
    """Have the pool make all connections anew when the server has gone away and come back."""
    if not connection.is_alive():
        raise InvalidatePoolError


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
    others = ["-c timezone=UTC"]
    if settings.prepared_statements:
        others.append("-c plan_cache_mode=force_generic_plan")  # one plan for any values, at once
    return " ".join([*(f"-c {name}={seconds}s" for name, seconds in limits.items()), *others])


@Once
def _session_factory() -> sessionmaker[Session]:
    return sessionmaker(get_engine(), expire_on_commit=False)


def new_session() -> Session:
    """Open a session; the caller commits and closes it."""
    return _session_factory()()


def new_session_of_single_statements() -> Session:
    """Open a session in which each statement is a transaction of its own, committed when it has run.

    It costs the round trip of the statement alone. For reads that need not see one moment, and for one write.
    """
    session = new_session()
    connection: Any = session.connection().connection.driver_connection
    connection.stands_alone = True
    return session


def forget_engine() -> None:
    """Drop connections inherited from a parent process without closing the parent's sockets."""
    if get_engine.is_made:
        get_engine().dispose(close=False)
    _session_factory.forget()
    get_engine.forget()
