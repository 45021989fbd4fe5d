"""The circuit breakers of provider accounts, and the messages that wait for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import ProviderAccount
from sentinel.prepared import prepared
from sentinel.queries.values import array

# Of several workers one wins; a probe whose worker vanished may be taken again once its time is up.
TAKE_PROBE = text("""
    UPDATE provider_accounts
    SET state = 'half_open', probe_until = :until, updated_at = :now
    WHERE name = :name AND NOT is_held
      AND (state = 'open' AND paused_until <= :now OR state = 'half_open' AND probe_until <= :now)
""")

GIVE_PROBE_BACK = text("""
    UPDATE provider_accounts SET state = 'open', probe_until = NULL, updated_at = :now
    WHERE name = :name AND state = 'half_open' AND probe_until = :until
""")

WAKE = text("""
    WITH parked AS (
        SELECT id FROM notifications
        WHERE reason = 'account_paused' AND status IN ('PENDING', 'RETRYING') AND channel = :channel AND queue_at > :now
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE notifications n SET reason = NULL, next_attempt_at = :now, queue_at = :now, updated_at = :now
    FROM parked WHERE n.id = parked.id
""")

COUNT_PARKED = text("""
    SELECT channel, count(*) FROM notifications
    WHERE reason = 'account_paused' AND status IN ('PENDING', 'RETRYING') GROUP BY channel
""")

TOO_OLD = text("""
    SELECT id::text FROM notifications
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('PENDING', 'RETRYING') AND created_at < :before
""")


STANDINGS = prepared("""
    SELECT name, state, paused_until, reason, hint, opened_at, probe_until, openings, tries, failures,
           window_started_at, is_held
    FROM provider_accounts WHERE name = ANY(CAST(:names AS text[]))
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the breaker of an account stands; the columns are those of `ProviderAccount`."""

    state: str = "closed"
    paused_until: datetime | None = None
    reason: str | None = None
    hint: str | None = None
    opened_at: datetime | None = None
    probe_until: datetime | None = None
    openings: int = 0
    tries: int = 0
    failures: int = 0
    window_started_at: datetime | None = None
    is_held: bool = False


def _standing(row: ProviderAccount) -> Standing:
    return Standing(**{name: getattr(row, name) for name in Standing.__dataclass_fields__})


def standings(session: Session, names: Iterable[str]) -> dict[str, Standing]:
    """Return the breakers of those accounts that ever had trouble."""
    return {name: Standing(*rest) for name, *rest in session.execute(STANDINGS, {"names": array(names)})}


def locked(session: Session, name: str, *, now: datetime) -> Standing:
    """Return the breaker of an account, locked until the transaction ends; a new one is closed."""
    new = insert(ProviderAccount).values(name=name, state="closed", updated_at=now)
    session.execute(new.on_conflict_do_nothing())
    statement = select(ProviderAccount).where(ProviderAccount.name == name).with_for_update()
    return _standing(session.scalars(statement.execution_options(populate_existing=True)).one())


def write(session: Session, name: str, standing: Standing, *, now: datetime) -> None:
    """Put the breaker of an account where `standing` says."""
    values = asdict(standing) | {"updated_at": now}
    statement = insert(ProviderAccount).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[ProviderAccount.name], set_=values))


def take_probe(session: Session, name: str, *, until: datetime, now: datetime) -> bool:
    """Take the right to try an account that has rested long enough; False if it still rests, or another has it."""
    done = session.execute(TAKE_PROBE, {"name": name, "until": until, "now": now})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def give_probe_back(session: Session, name: str, *, until: datetime, now: datetime) -> None:
    """Let another try the account: there was nothing to try it with."""
    session.execute(GIVE_PROBE_BACK, {"name": name, "until": until, "now": now})


def wake(session: Session, channel: str, *, most: int, now: datetime) -> int:
    """Let up to `most` of the channel's messages that wait for an account be queued now; returns how many."""
    done = session.execute(WAKE, {"channel": channel, "most": most, "now": now})
    return int(done.rowcount)  # type: ignore[attr-defined]


def count_parked(session: Session) -> Mapping[str, int]:
    """Count the messages that wait for an account, by channel."""
    return {row[0]: row[1] for row in session.execute(COUNT_PARKED)}


def accepted_before(session: Session, ids: Sequence[str], *, before: datetime) -> list[str]:
    """Return those of `ids` that wait and were accepted before a moment."""
    return list(session.execute(TOO_OLD, {"ids": array(ids), "before": before}).scalars())
