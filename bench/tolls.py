"""What work takes of the servers: commits, bytes of the write-ahead log and on the disk, commands of Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from bench.figures import Cell, Table
from bench.installation import Installation

STATISTICS_SECONDS = 1.5
"""Sessions report what they did once a second."""

ASKED = """
    SELECT pg_current_wal_lsn() - '0/0', xact_commit, pg_database_size(datname)
    FROM pg_stat_database WHERE datname = current_database()
"""


@dataclass(slots=True)
class Toll:
    """What was used up while the block ran."""

    wal_bytes: float = 0.0
    commits: float = 0.0
    stored_bytes: float = 0.0
    commands: float = 0.0


@contextmanager
def tolls(running: Installation) -> Iterator[Toll]:
    """Fill in what the block takes; the few things that beat does meanwhile are in it."""
    toll = Toll()
    before = _read(running)
    yield toll
    time.sleep(STATISTICS_SECONDS)
    after = _read(running)
    toll.wal_bytes, toll.commits, toll.stored_bytes, toll.commands = (
        late - early for early, late in zip(before, after, strict=True)
    )


def _read(running: Installation) -> tuple[float, ...]:
    with redis.Redis.from_url(running.context.servers.redis_url) as store:
        commands = store.info("stats")["total_commands_processed"]
    return (*(float(value) for value in running.ask(ASKED)), float(commands))


def toll_table(tolls_by_work: Mapping[str, tuple[Toll, int]]) -> Table:
    """What each piece of work took of the servers."""
    rows: list[tuple[Cell, ...]] = [
        (name, toll.commits / count, toll.wal_bytes / count, toll.stored_bytes / count, toll.commands / count)
        for name, (toll, count) in tolls_by_work.items()
    ]
    columns = ("of each", "commits", "WAL bytes", "bytes stored", "Redis commands")
    return Table("What the servers have to do", columns, tuple(rows))
