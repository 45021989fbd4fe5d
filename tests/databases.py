"""Databases of a test's own, beside the one that the other tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.errors import DeadlockDetected
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from sentinel.db import get_engine

TABLES = """
    SELECT string_agg(
        format('SELECT %1$L AS name, pg_relation_size(%1$L) AS size WHERE EXISTS (SELECT FROM %1$I)', tablename),
        ' UNION ALL ')
    FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'clients')
"""
"""A question for the tables that are not empty, and their sizes."""

LARGE = 512 * 1024
"""Bytes from which to truncate a table is quicker than to delete its rows: that costs a new file for each index."""


def empty_tables() -> None:
    """Empty all tables, also beside a running installation, whose statements may want the same locks the other way."""
    for turns_left in reversed(range(5)):
        try:
            with get_engine().begin() as connection:
                question = connection.execute(text(TABLES)).scalar_one()
                sizes = {row.name: row.size for row in connection.execute(text(question))}
                connection.exec_driver_sql(_emptying(sizes))
        except OperationalError as error:
            if not turns_left or not isinstance(error.orig, DeadlockDetected):
                raise
        else:
            return


def _emptying(sizes: dict[str, int]) -> str:
    large = [name for name, size in sizes.items() if size >= LARGE]
    return ";".join(
        [
            # As TRUNCATE does: whoever is writing there now ends first.
            *([f"LOCK TABLE {', '.join(sizes)} IN SHARE ROW EXCLUSIVE MODE"] if sizes else []),
            "SET LOCAL session_replication_role = replica",  # no keys are checked and no trigger runs: all go
            *(f"DELETE FROM {name}" for name in sizes if name not in large),
            *([f"TRUNCATE {', '.join(large)} CASCADE"] if large else []),
            "DELETE FROM clients WHERE name <> 'default'",
            "UPDATE clients SET is_active = true WHERE NOT is_active",
        ]
    )


@contextmanager
def own_database(server_url: str, name: str) -> Iterator[str]:
    """Make an empty database on the server of `server_url`; gives its URL, and drops it at the end."""
    url = make_url(server_url).set(drivername="postgresql+psycopg2")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
