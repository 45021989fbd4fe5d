"""Entries into the table of events: one commit for all that are good, and the words for those that can never be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sentinel.clock import utc_now
from sentinel.errors import InvalidInputError, NotFoundError
from sentinel.ingest.decoding import checked
from sentinel.ingest.entries import DeadLetter, Entry, Intake
from sentinel.ingest.outage import AwayError
from sentinel.services import events
from sentinel.services.access.clients import active_caller
from sentinel.services.events import CheckedEvent
from sentinel.services.unit_of_work import unit_of_work

ENTRIES = "ingest_entries_total"
REFUSED = (DataError, IntegrityError)
"""What the database says of a row that it will never take."""


@dataclass(frozen=True, slots=True)
class Good:
    """An entry that is an event."""

    entry: Entry
    event: CheckedEvent


def require_client(intake: Intake) -> None:
    """Refuse a client that there is not; raises `NotFoundError`, or `AwayError` when the database cannot tell."""
    with _database(), unit_of_work() as uow:
        active_caller(uow, intake.client)


def store(entries: Sequence[Entry], intake: Intake) -> list[DeadLetter]:
    """Store all that can be stored, and return what never can; raises `AwayError`, and then may have stored some."""
    good, dead = _sorted_out(entries, intake, now=utc_now())
    try:
        _store(good, intake)
    except REFUSED:
        dead += _store_each(good, intake)
    return dead


def _sorted_out(entries: Sequence[Entry], intake: Intake, *, now: datetime) -> tuple[list[Good], list[DeadLetter]]:
    good, dead = [], []
    for entry in entries:
        try:
            good.append(Good(entry, checked(entry, intake, now=now)))
        except InvalidInputError as error:
            dead.append(DeadLetter(entry, str(error)))
    return good, dead


def _store(good: Sequence[Good], intake: Intake) -> None:
    if not good:
        return
    with _database(), unit_of_work() as uow:
        try:
            caller = active_caller(uow, intake.client)
        except NotFoundError as error:  # it was there at the start: what comes for it is kept until it is on again
            raise AwayError(str(error)) from None
        is_broadcast = events.is_broadcast(caller, intake.audience)
        done = events.ingest(uow, caller, [each.event for each in good], is_broadcast=is_broadcast)
        results = Counter(
            (each.entry.stream, "stored" if its.is_new else "duplicate") for each, its in zip(good, done, strict=True)
        )
        for (stream, result), amount in results.items():
            uow.count(ENTRIES, amount, source=intake.source, stream=stream, result=result)


def _store_each(good: Sequence[Good], intake: Intake) -> list[DeadLetter]:
    """Store one by one, so that only those that the database refuses are left behind."""
    dead = []
    for each in good:
        try:
            _store([each], intake)
        except REFUSED as error:
            dead.append(DeadLetter(each.entry, f"refused by the database: {_first_line(error)}"))
    return dead


@contextmanager
def _database() -> Iterator[None]:
    """Tell a database that is away, or not as it should be, from one that refuses what it was given."""
    try:
        yield
    except REFUSED:
        raise
    except DBAPIError as error:
        raise AwayError(f"the database cannot store events now: {_first_line(error)}") from None
    except PoolTimeoutError:
        raise AwayError("all connections to the database are in use") from None


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
