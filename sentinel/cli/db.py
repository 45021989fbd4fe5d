"""`sentinel db`: migrations."""

from __future__ import annotations

from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from sentinel.db import get_engine
from sentinel.errors import SentinelError

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def alembic_config() -> Config:
    """Point Alembic at the migrations that came with this code, wherever it is run from."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade() -> None:
    """Bring the database of DATABASE_URL to the newest schema; takes turns with others who do the same.

    A newer version's schema serves this one as well: who goes back to the version before changes nothing.
    """
    if not is_newer(*revisions()):
        command.upgrade(alembic_config(), "head")


def revisions() -> tuple[str | None, str | None]:
    """Return the database's revision and the newest one."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with get_engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), newest


def is_newer(current: str | None, newest: str | None) -> bool:
    """Whether the database is at a revision of a later version than this one; they are numbered."""
    return current is not None and newest is not None and current > newest


@click.group(epilog="Example: sentinel db upgrade")
def db() -> None:
    """Bring the database's schema up to date, or see where it is."""


@db.command("upgrade", epilog="Example: sentinel db upgrade")
def upgrade_command() -> None:
    """Run the migrations that are missing; safe to repeat, and on several machines at once."""
    before, newest = _reachable_revisions()
    upgrade()
    if is_newer(before, newest):
        click.echo(f"at {before}, of a later version than this one ({newest}); nothing to do")
    else:
        click.echo(f"already at {newest}" if before == newest else f"upgraded from {before or 'nothing'} to {newest}")


@db.command("current", epilog="Example: sentinel db current")
def current_command() -> None:
    """Show the database's revision and the newest one."""
    now, newest = _reachable_revisions()
    remark = "up to date" if now == newest else f"newest is {newest}: run `sentinel db upgrade`"
    if is_newer(now, newest):
        remark = f"of a later version than this one, which knows {newest}"
    click.echo(f"{now or 'no schema yet'} ({remark})")


def _reachable_revisions() -> tuple[str | None, str | None]:
    try:
        return revisions()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise SentinelError(f"the database of DATABASE_URL cannot be reached: {reason}") from None
