"""No wait for the database is without an end: each limit against the real server, and at the wire where it is gone."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from tests.conftest import Configure
from tests.wires import Wire


@pytest.fixture
def wire(database: Configure, servers: Servers) -> Iterator[Wire]:
    """The database behind a proxy, with limits that a test can wait for."""
    proxy = Wire(servers.database_url)
    database(
        DATABASE_URL=proxy.url,
        SENTINEL_STATEMENT_TIMEOUT_SECONDS="1",
        SENTINEL_DATABASE_SILENCE_SECONDS="1",
        SENTINEL_DATABASE_CONNECT_TIMEOUT_SECONDS="1",
    )
    yield proxy
    get_engine().dispose()
    proxy.close()


@contextmanager
def takes(at_least: float, at_most: float) -> Iterator[None]:
    """The block lasts so many seconds."""
    began = time.monotonic()
    yield
    assert at_least <= time.monotonic() - began <= at_most


def code_of(error: DBAPIError) -> type[BaseException]:
    return type(error.orig) if error.orig else type(error)


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Configure) -> None:
    database(SENTINEL_STATEMENT_TIMEOUT_SECONDS="1")

    with takes(0.9, 3), get_engine().connect() as connection, pytest.raises(OperationalError) as failed:
        connection.execute(text("SELECT pg_sleep(10)"))

    assert code_of(failed.value) is errors.QueryCanceled


def test_a_wait_for_a_lock_ends_before_the_statement_does(database: Configure) -> None:
    database(SENTINEL_LOCK_TIMEOUT_SECONDS="1")

    with get_engine().connect() as holder, get_engine().connect() as other, takes(0.9, 3):
        holder.execute(text("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(OperationalError) as failed:
            other.execute(text("SELECT count(*) FROM clients"))

    assert code_of(failed.value) is errors.LockNotAvailable


def test_a_forgotten_transaction_gives_its_locks_back(database: Configure) -> None:
    database(SENTINEL_IDLE_TRANSACTION_TIMEOUT_SECONDS="1")

    with get_engine().connect() as forgotten, get_engine().connect() as other, takes(0.9, 3):
        forgotten.execute(text("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE"))
        other.execute(text("SELECT count(*) FROM clients"))
        with pytest.raises(OperationalError, match="idle-in-transaction timeout"):
            forgotten.execute(text("SELECT 1"))
        forgotten.rollback()


def test_a_server_that_vanishes_in_the_middle_of_a_statement_hangs_nobody(wire: Wire) -> None:
    with get_engine().connect() as connection:
        connection.execute(text("SELECT 1"))
        wire.stall()

        with takes(1.8, 4), pytest.raises(OperationalError, match="silent for 2 s"):
            connection.execute(text("SELECT 1"))


def test_a_server_that_accepts_and_says_nothing_hangs_no_login(wire: Wire) -> None:
    wire.stall()

    with takes(0.9, 3), pytest.raises(OperationalError, match="silent for 1 s"):
        get_engine().connect()


def test_after_the_outage_the_same_pool_works_again(wire: Wire) -> None:
    def ask() -> int:
        with get_engine().connect() as connection:
            return int(connection.execute(text("SELECT 1")).scalar_one())

    assert ask() == 1
    wire.stall()
    with pytest.raises(OperationalError):
        ask()

    wire.flow()

    assert ask() == 1


def test_tcp_gives_up_a_host_that_is_gone(database: Configure) -> None:
    """What the kernel was told; a host cannot be made to vanish here."""
    settings = database(SENTINEL_STATEMENT_TIMEOUT_SECONDS="7", SENTINEL_DATABASE_SILENCE_SECONDS="2")
    assert settings.database_silence_seconds == 2

    with get_engine().connect() as connection:
        number = connection.connection.driver_connection.fileno()  # type: ignore[union-attr]
        with socket.socket(fileno=number) as found:
            option: Callable[[int, int], int] = found.getsockopt
            shown = (
                option(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            )
            found.detach()

    assert shown == (1, 30, 9000)
