"""The books: adding their entries up, and what they say of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.models import BookEntry

# Moved in one statement: whoever reads entries and totals together sees each notification once. Sorted, so that two of
# these side by side cannot deadlock.
ADD_UP = text("""
    WITH taken AS (
        DELETE FROM book_entries WHERE id IN (
            SELECT id FROM book_entries ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING day, client_id, channel, accepted, pruned),
    added AS (
        INSERT INTO book_totals AS t (day, client_id, channel, accepted, pruned)
        SELECT day, client_id, channel, sum(accepted), sum(pruned) FROM taken
        GROUP BY day, client_id, channel ORDER BY day, client_id, channel
        ON CONFLICT (day, client_id, channel) DO UPDATE
        SET accepted = t.accepted + EXCLUDED.accepted, pruned = t.pruned + EXCLUDED.pruned)
    SELECT count(*) FROM taken
""")

# A day of which nothing is left has nothing more to tell.
CLOSE = text("""
    DELETE FROM book_totals WHERE (day, client_id, channel) IN (
        SELECT day, client_id, channel FROM book_totals WHERE day < :before AND accepted = pruned LIMIT :most)
""")

ENTERED = text("""
    SELECT client_id, channel, sum(accepted)::bigint AS accepted, sum(pruned)::bigint AS pruned
    FROM (
        SELECT client_id, channel, accepted, pruned FROM book_totals WHERE day = :day
        UNION ALL
        SELECT client_id, channel, accepted, pruned FROM book_entries WHERE day = :day) AS booked
    WHERE CAST(:client_id AS int) IS NULL OR client_id = :client_id
    GROUP BY client_id, channel
""")

COUNTED = text("""
    SELECT client_id, channel, status,
           CASE WHEN status IN ('SUPPRESSED', 'FAILED', 'UNDELIVERED') THEN reason END AS reason, count(*) AS number
    FROM notifications
    WHERE id >= :start AND id < :before AND (CAST(:client_id AS int) IS NULL OR client_id = :client_id)
    GROUP BY 1, 2, 3, 4
""")

FIRST_DAY = text("""
    SELECT least(
        (SELECT min(day) FROM book_totals),
        (SELECT min(day) FROM book_entries),
        (SELECT CAST(created_at AT TIME ZONE 'UTC' AS date) FROM notifications ORDER BY id LIMIT 1))
""")


# The totals first: they are small, and there within a minute of the first notification.
# The ends of an index, whose reading costs the same however much there is.
IS_BEGUN = text(
    "SELECT (SELECT min(day) FROM book_totals) IS NOT NULL OR (SELECT min(id) FROM book_entries) IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """So many rows of a client and channel stand at a status, for a reason where it ended badly."""

    client_id: int
    channel: str
    status: str
    reason: str | None
    number: int


def add_up(session: Session, *, most: int) -> int:
    """Add up to `most` of the oldest entries to their totals; returns how many."""
    return session.execute(ADD_UP, {"most": most}).scalar_one()  # type: ignore[no-any-return]


def close(session: Session, *, before: date, most: int) -> None:
    """Forget totals of days before `before` whose notifications have all been deleted after their retention."""
    session.execute(CLOSE, {"before": before, "most": most})


def hold_still(session: Session) -> None:
    """Let this transaction, which must just have begun, see one state of the database throughout."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def entered(session: Session, day: date, *, client_id: int | None) -> dict[tuple[int, str], tuple[int, int]]:
    """Return (accepted, pruned) of a day by client and channel."""
    rows = session.execute(ENTERED, {"day": day, "client_id": client_id})
    return {(row.client_id, row.channel): (row.accepted, row.pruned) for row in rows}


def counted(session: Session, ids: Mapping[str, str], *, client_id: int | None) -> list[Standing]:
    """Count the rows whose id is in the range `start` to `before`."""
    return [Standing(*row) for row in session.execute(COUNTED, {**ids, "client_id": client_id})]


def first_day(session: Session) -> date | None:
    """Return the first day of which there are books or rows; None when there is nothing."""
    found: date | None = session.execute(FIRST_DAY).scalar_one()
    return found


def is_begun(session: Session) -> bool:
    """Whether anything was ever accepted."""
    found: bool = session.execute(IS_BEGUN).scalar_one()
    return found


def correct(session: Session, day: date, client_id: int, channel: str, amount: int) -> None:
    """Enter a correction: so many more (or fewer) are taken to have been accepted."""
    session.add(BookEntry(day=day, client_id=client_id, channel=channel, accepted=amount))
