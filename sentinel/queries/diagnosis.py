"""What `sentinel doctor` asks the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from sentinel.models import ApiKey, EscalationPolicy, Notification, ProviderAccount, SweeperRun
from sentinel.models.status import Status

SERVER = text("""
    SELECT current_setting('server_version_num')::int, current_setting('server_version'), clock_timestamp(),
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
           current_setting('max_connections')::int,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           pg_is_in_recovery(),
           current_setting('fsync') <> 'off' AND current_setting('synchronous_commit') <> 'off',
           (SELECT coalesce(jsonb_object_agg(name, number), '{}') FROM (
                SELECT application_name AS name, count(*) AS number FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'sentinel%' AND pid <> pg_backend_pid()
                GROUP BY application_name) AS ours)
""")


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server as it describes itself."""

    version_number: int
    version: str
    now: datetime
    connections: int
    """How many there may be, apart from those kept for superusers."""
    max_connections: int
    connections_used: int
    is_replica: bool
    is_durable: bool
    ours: dict[str, int]
    """Connections of our own processes, by the name under which each is known there."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows that wait, and since when the first of them should have been looked at."""

    waiting: int
    oldest_queue_at: datetime | None
    oldest_lease_until: datetime | None


def server(session: Session) -> Server:
    """Return what the server says of itself."""
    return Server(*session.execute(SERVER).one())


def backlog(session: Session) -> Backlog:
    """Return how much waits; two small indexes know it."""
    is_waiting = Notification.queue_at.is_not(None)
    waiting = session.execute(select(func.count(), func.min(Notification.queue_at)).where(is_waiting)).one()
    is_sending = Notification.status == Status.SENDING
    lease_until = session.scalar(select(func.min(Notification.lease_until)).where(is_sending))
    return Backlog(waiting[0], waiting[1], lease_until)


def sweeper_runs(session: Session) -> dict[str, datetime]:
    """Return when each sweeper last finished."""
    return {run.name: run.last_success_at for run in session.scalars(select(SweeperRun))}


def resting_accounts(session: Session, *, now: datetime) -> Sequence[ProviderAccount]:
    """Return the provider accounts that rest, were stopped, or are being tried."""
    is_resting = or_(ProviderAccount.state != "closed", ProviderAccount.paused_until > now)
    return session.scalars(select(ProviderAccount).where(is_resting).order_by(ProviderAccount.name)).all()


def has_working_key(session: Session, *, now: datetime) -> bool:
    """Whether anybody could call with an API key."""
    is_current = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
    return session.scalar(select(ApiKey.id).where(ApiKey.revoked_at.is_(None), is_current).limit(1)) is not None


def has_escalation_policies(session: Session) -> bool:
    """Whether any client has one."""
    return session.scalar(select(EscalationPolicy.id).limit(1)) is not None
