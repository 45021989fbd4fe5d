"""No wait for the database is without an end: each limit against the real server, and at the wire where it is gone."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from tests.conftest import Configure


class Wire:
    """A proxy before PostgreSQL that can stop passing bytes on: both kernels still answer, nobody else does."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flows = asyncio.Event()
        self._flows.set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._connect, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stall(self) -> None:
        """Pass nothing on from now on."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def flow(self) -> None:
        """Pass on what has waited, and all that comes."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """Close every connection; nothing of it outlives a test."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(self._pump(reader, server_writer), self._pump(server_reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass  # an end like any other
        finally:
            for each in (writer, server_writer):
                each.transport.abort()

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
        writer.write_eof()


@pytest.fixture
def wire(database: Configure, servers: Servers) -> Iterator[Wire]:
    """The database behind a proxy, with limits that a test can wait for."""
    url = urlsplit(servers.database_url)
    assert url.hostname
    assert url.port
    proxy = Wire(url.hostname, url.port)
    database(
        DATABASE_URL=servers.database_url.replace(f":{url.port}/", f":{proxy.port}/"),
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
