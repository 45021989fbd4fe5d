"""Migrations: equal to the models, and able to go down and up again."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import CheckConstraint, create_engine, inspect, text

from sentinel.cli import cli
from sentinel.cli.db import alembic_config
from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from sentinel.models import Base
from tests.conftest import Configure
from tests.databases import own_database
from tests.system import SENTINEL


@pytest.fixture
def scratch(database: Configure, servers: Servers) -> Iterator[Config]:
    """An empty database of its own, beside the one the other tests use."""
    with own_database(servers.database_url, "scratch_migrations") as url:
        database(DATABASE_URL=url)
        yield alembic_config()
        get_engine().dispose()


def test_migrations_make_exactly_the_models(scratch: Config) -> None:
    command.upgrade(scratch, "head")

    with get_engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_whoever_goes_back_to_an_older_version_keeps_the_newer_schema(scratch: Config) -> None:
    command.upgrade(scratch, "head")
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    done = CliRunner().invoke(cli, ["db", "upgrade"])
    current = CliRunner().invoke(cli, ["db", "current"])

    assert (done.exit_code, current.exit_code) == (0, 0), done.output + current.output
    assert re.fullmatch(r"at 9999, of a later version than this one \(\d{4}\); nothing to do\n", done.output)
    assert "of a later version" in current.output


def test_check_constraints_of_migrations_and_models_are_the_same(scratch: Config) -> None:
    """Alembic does not compare them; PostgreSQL's own spelling does."""
    command.upgrade(scratch, "head")
    migrated = _checks()
    command.downgrade(scratch, "base")
    Base.metadata.create_all(get_engine())

    assert migrated == _checks()
    names = {each.name for table in Base.metadata.tables.values() for each in table.constraints}
    assert {name for name, _ in migrated} <= names | {None}
    assert len(migrated) == sum(
        isinstance(each, CheckConstraint) for table in Base.metadata.tables.values() for each in table.constraints
    )


def test_up_down_up_leaves_nothing_behind_and_works_again(scratch: Config) -> None:
    command.upgrade(scratch, "head")
    command.downgrade(scratch, "base")
    assert inspect(get_engine()).get_table_names() == ["alembic_version"]

    command.upgrade(scratch, "head")

    with get_engine().connect() as connection:
        assert connection.execute(text("SELECT name FROM clients")).scalars().all() == ["default"]


def test_the_books_open_with_what_is_there(scratch: Config) -> None:
    command.upgrade(scratch, "0002")
    rows = """
        INSERT INTO notifications (id, client_id, channel, recipient, body, status, attempt_limit, created_at,
                                   updated_at)
        SELECT gen_random_uuid(), 1, 'sms', '+1', 'hi', 'CANCELLED', 6, at, at
        FROM unnest(ARRAY['2026-11-20T23:59:59Z', '2026-11-20T00:00:00Z', '2026-11-21T00:00:00Z']::timestamptz[]) at
    """
    with get_engine().begin() as connection:
        connection.execute(text(rows))

    command.upgrade(scratch, "head")

    with get_engine().connect() as connection:
        totals = text("SELECT day::text, channel, accepted, pruned FROM book_totals ORDER BY day")
        assert connection.execute(totals).all() == [("2026-11-20", "sms", 2, 0), ("2026-11-21", "sms", 1, 0)]


def test_an_upgrade_that_is_run_again_after_its_last_step_opens_the_books_once(scratch: Config) -> None:
    command.upgrade(scratch, "head")
    rows = """
        INSERT INTO notifications (id, client_id, channel, recipient, body, status, attempt_limit, created_at,
                                   updated_at)
        SELECT gen_random_uuid(), 1, 'sms', '+1', 'hi', 'CANCELLED', 6, now(), now() FROM generate_series(1, 3)
    """
    entry = "INSERT INTO book_entries (day, client_id, channel, accepted) SELECT now()::date, 1, 'sms', 2"
    with get_engine().begin() as connection:
        connection.execute(text(rows))
        connection.execute(text(entry))

    for _ in range(2):
        command.stamp(scratch, "0002")
        command.upgrade(scratch, "0004")  # beyond it, tables would be there already

    with get_engine().connect() as connection:
        assert connection.execute(text("SELECT accepted, pruned FROM book_totals")).all() == [(1, 0)]


def test_deploys_at_the_same_time_take_turns(scratch: Config) -> None:
    deploys = [subprocess.Popen([SENTINEL, "db", "upgrade"], stdout=subprocess.PIPE) for _ in range(3)]

    ends = [deploy.communicate(timeout=60)[0] for deploy in deploys]

    assert [deploy.returncode for deploy in deploys] == [0, 0, 0], ends


def _checks() -> set[tuple[str, str]]:
    statement = text(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    engine = create_engine(get_engine().url)
    with engine.connect() as connection:
        found = {(row[0], re.sub(r"\s+", " ", row[1])) for row in connection.execute(statement)}
    engine.dispose()
    return found
