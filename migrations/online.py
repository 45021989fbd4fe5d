"""Steps of migrations that run while the version before is still at work on the same tables.

The rules, and the order of an upgrade: docs/how-to/upgrade.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

LOCK_SECONDS = 2
"""Everybody else queues behind a migration that waits for its lock: it gives up soon, and comes again."""

STATEMENT_SECONDS = 15
"""A change that holds its lock changes the catalogue only; one that works longer than this is a mistake."""

BUILD_LOCK_SECONDS = 600
"""What is built beside the traffic may wait for old transactions to end: nobody queues behind it."""

SLICE = 5000
"""Rows that are filled by one statement."""

TRIES = 15
PAUSE_SECONDS = 3.0
"""Between two tries traffic flows again."""


def set_limits(connection: sa.Connection, *, lock_seconds: float, statement_seconds: float) -> None:
    """How long a statement of this session may wait for a lock, and how long it may take (0: for ever)."""
    connection.execute(sa.text(f"SET lock_timeout = '{int(1000 * lock_seconds)}ms'"))
    connection.execute(sa.text(f"SET statement_timeout = '{int(1000 * statement_seconds)}ms'"))


def has_table(table: str) -> bool:
    """Whether an earlier run, cut off while it filled tables, has already made one."""
    return bool(sa.inspect(op.get_bind()).has_table(table))


def has_column(table: str, column: str) -> bool:
    """Whether an earlier run, cut off while it built indexes, has already added a column."""
    return column in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}


@contextmanager
def beside_traffic() -> Iterator[None]:
    """Outside of a transaction, with time: for what blocks neither reads nor writes. May be run twice."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        set_limits(connection, lock_seconds=BUILD_LOCK_SECONDS, statement_seconds=0)
        try:
            yield
        finally:
            set_limits(connection, lock_seconds=LOCK_SECONDS, statement_seconds=STATEMENT_SECONDS)


def slices(table: str) -> Iterator[tuple[int, int]]:
    """The ids of a table in slices (from, up to and including): what is filled afterwards locks a few rows at once."""
    lowest, highest = op.get_bind().execute(sa.text(f"SELECT min(id), max(id) FROM {table}")).one()  # noqa: S608 - ours
    if lowest is not None:
        yield from ((start, start + SLICE - 1) for start in range(lowest, highest + 1, SLICE))


def build_index(
    name: str, table: str, columns: Sequence[str | sa.TextClause], *, is_unique: bool = False, where: str | None = None
) -> None:
    """Build an index beside the traffic; what an interrupted build has left is dropped first."""
    if _is_half_built(name):
        op.drop_index(name, table_name=table, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        list(columns),
        unique=is_unique,
        if_not_exists=True,
        postgresql_concurrently=True,
        postgresql_where=None if where is None else sa.text(where),
    )


def drop_index(name: str, table: str) -> None:
    """Drop an index beside the traffic, if it is still there."""
    op.drop_index(name, table_name=table, postgresql_concurrently=True, if_exists=True)


def _is_half_built(name: str) -> bool:
    statement = sa.text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(op.get_bind().execute(statement, {"name": name}).scalar())


def add_check(name: str, table: str, condition: str) -> None:
    """Hold new rows to a condition; `validate` looks at the old ones, later and without blocking anybody."""
    op.create_check_constraint(op.f(name), table, sa.text(condition), postgresql_not_valid=True)


def validate(name: str, table: str) -> None:
    """Look whether the rows that were there keep a condition."""
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
