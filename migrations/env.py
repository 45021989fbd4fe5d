"""Where migrations meet the models: one connection, short lock waits that are tried again, one transaction each."""

from __future__ import annotations

import time

import click
from alembic import context
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from migrations import online
from sentinel.errors import SentinelError
from sentinel.models import Base
from sentinel.settings import get_settings

BUSY = {"55P03", "40P01"}
"""A lock that was not to be had in time, and a deadlock: another try may have more luck."""

TURN = text("SELECT pg_try_advisory_lock(hashtext('sentinel migrations'))")
TURN_SECONDS = 0.5
OLDEST = text("""
    SELECT format('pid %s (%s), in a transaction for %s s', pid, coalesce(nullif(application_name, ''), usename),
                  extract(epoch FROM now() - xact_start)::int)
    FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    ORDER BY xact_start LIMIT 1
""")


def run_online() -> None:
    """Run on the database of DATABASE_URL; two deploys at once take turns."""
    arguments = {"application_name": "sentinel migration"}
    engine = create_engine(get_settings().sqlalchemy_url, poolclass=pool.NullPool, connect_args=arguments)
    with engine.connect() as connection:
        take_turn(connection)
        for tries_left in reversed(range(online.TRIES)):
            try:
                migrate(connection)
            except OperationalError as error:
                if getattr(error.orig, "pgcode", None) not in BUSY:
                    raise
                connection.rollback()
                wait_or_give_up(connection, tries_left)
            else:
                return


def take_turn(connection: Connection) -> None:
    """Wait until no other deploy migrates, in short statements: a long one would hold up the building of indexes."""
    while not connection.execute(TURN).scalar_one():
        connection.commit()
        time.sleep(TURN_SECONDS)
    connection.commit()


def migrate(connection: Connection) -> None:
    """Run what is missing. Each migration is committed by itself, and may be begun again after a failure."""
    online.set_limits(connection, lock_seconds=online.LOCK_SECONDS, statement_seconds=online.STATEMENT_SECONDS)
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def wait_or_give_up(connection: Connection, tries_left: int) -> None:
    """Say what is in the way, and let traffic flow before the next try."""
    oldest = connection.execute(OLDEST).scalar() or "nothing any more"
    connection.commit()
    problem = f"a table is in use, its lock was not to be had in {online.LOCK_SECONDS:g} s; the oldest user: {oldest}"
    if not tries_left:
        raise SentinelError(f"{problem}; end it, and run `sentinel db upgrade` again: it goes on where it stopped")
    click.echo(f"{problem}; trying again in {online.PAUSE_SECONDS:g} s, {tries_left} more times", err=True)
    time.sleep(online.PAUSE_SECONDS)


if context.is_offline_mode():
    raise SystemExit("offline migrations are not supported: point DATABASE_URL at the server")
run_online()
