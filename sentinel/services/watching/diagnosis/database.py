"""The database: reachable, new enough, at this version's schema, on time, with room for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import ceil, floor

from sqlalchemy.exc import SQLAlchemyError

from sentinel.clock import utc_now
from sentinel.db import POOL_OVERFLOW, new_session
from sentinel.errors import ConfigurationError
from sentinel.queries import diagnosis
from sentinel.queries.diagnosis import Server
from sentinel.services.watching.diagnosis.findings import Finding, broken, first_line, ok, warning
from sentinel.settings import Settings

OLDEST_VERSION = 150000
CLOCK_WARNING = timedelta(seconds=1)
CLOCK_LIMIT = timedelta(seconds=5)
"""What delivery keeps back of a lease: farther apart, and a lease means different things to two workers."""
FULL = 0.9
ROOM = 0.8
"""Of all connections, as many may be ours at most."""
API_NAME = "sentinel api"


def check_database(settings: Settings) -> tuple[Server | None, list[Finding]]:
    """Ask the server; None if there is no answer."""
    try:
        with new_session() as session:
            session.connection()  # made before the clocks are compared: logging in takes its time
            before = utc_now()
            server = diagnosis.server(session)
            middle = before + (utc_now() - before) / 2
    except ConfigurationError as error:
        return None, [broken("database", str(error), "set DATABASE_URL, or run `sentinel up`")]
    except SQLAlchemyError as error:
        remedy = "check DATABASE_URL, and that PostgreSQL runs and lets this machine in"
        return None, [broken("database", f"cannot be reached: {first_line(error)}", remedy)]
    return server, [*_judged(server), _clock(abs(server.now - middle)), _used(server, settings)]


def _judged(server: Server) -> Iterator[Finding]:
    if server.version_number < OLDEST_VERSION:
        yield broken("database", f"PostgreSQL {server.version} is too old", "use PostgreSQL 15 or newer")
    elif server.is_replica:
        remedy = "point DATABASE_URL at the primary"
        yield broken("database", f"PostgreSQL {server.version} is a read-only replica", remedy)
    else:
        yield ok("database", f"PostgreSQL {server.version}")
    if not server.is_durable:
        remedy = "set fsync and synchronous_commit to on"
        yield warning("database", "may forget accepted notifications in a power cut", remedy)


def _clock(difference: timedelta) -> Finding:
    message = f"{difference.total_seconds():.2f} s apart from the database's"
    remedy = "let both machines keep time with NTP"
    if difference > CLOCK_LIMIT:
        return broken("clock", message, remedy)
    if difference > CLOCK_WARNING:
        return warning("clock", message, remedy)
    return ok("clock", message)


def _used(server: Server, settings: Settings) -> Finding:
    message = f"{server.connections_used} of {server.connections} connections are in use"
    if server.connections_used > FULL * server.connections:
        remedy = f"raise max_connections, or lower SENTINEL_DATABASE_POOL_SIZE ({settings.database_pool_size})"
        return broken("connections", message, remedy)
    return ok("connections", message)


def check_pools(settings: Settings, server: Server, *, worker_processes: int) -> Finding:
    """Whether all pools together fit, if each process used all it may, with room for psql, backups and a migration."""
    each = settings.database_pool_size + POOL_OVERFLOW
    # Other machines may run the API, too: what is connected tells of them.
    api_processes = max(settings.api_workers, ceil(server.ours.get(API_NAME, 0) / each))
    processes = api_processes + worker_processes
    now = ", ".join(f"{name} {number}" for name, number in sorted(server.ours.items())) or "none"
    message = (
        f"at most {processes} processes (API {api_processes}, workers {worker_processes}) "
        f"x ({settings.database_pool_size} + {POOL_OVERFLOW}) = {processes * each} "
        f"of {server.connections} connections; now: {now}"
    )
    if processes * each > ROOM * server.connections:
        return warning("connections", message, _smaller_pools(server, processes, each))
    return ok("connections", message)


def _smaller_pools(server: Server, processes: int, each: int) -> str:
    """Which number to change, and to what."""
    wanted = ceil(processes * each / ROOM) + server.max_connections - server.connections
    raise_limit = f"set PostgreSQL's max_connections to {wanted} or more"
    size = floor(ROOM * server.connections / processes) - POOL_OVERFLOW
    if size < 1:
        return f"{raise_limit}: there are too many processes for smaller pools"
    return f"set SENTINEL_DATABASE_POOL_SIZE to {size} or less, or {raise_limit}"


def check_schema(current: str | None, newest: str | None) -> Finding:
    """Whether the migrations of this version have run."""
    if current == newest:
        return ok("schema", f"at {newest}")
    if current is not None and newest is not None and current > newest:
        return ok("schema", f"at {current}, of a later version; this one knows {newest}")
    return broken("schema", f"at {current or 'nothing'}, this version needs {newest}", "run `sentinel db upgrade`")
