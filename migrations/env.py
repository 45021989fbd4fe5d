"""Where migrations meet the models: one connection, short lock waits, one transaction per migration."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

from sentinel.models import Base
from sentinel.settings import get_settings

LOCK_TIMEOUT = "5s"  # a migration that cannot get its lock fails at once instead of queueing all traffic behind it


def run_online() -> None:
    """Run on the database of DATABASE_URL, under an advisory lock: two deploys at once take turns."""
    engine = create_engine(get_settings().sqlalchemy_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('sentinel migrations'))"))
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("offline migrations are not supported: point DATABASE_URL at the server")
run_online()
