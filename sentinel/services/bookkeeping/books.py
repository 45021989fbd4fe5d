"""The books: what was accepted and what was deleted, entered beside the rows; beat adds the entries up."""

from __future__ import annotations

from datetime import timedelta

from sentinel.logs import get_logger
from sentinel.queries import books, sweeping
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

MOST = 20_000
"""Most entries one transaction adds up; a run goes on until fewer are left."""

ROUNDS = 10


def add_up() -> int:
    """Add entries up to one total per client, channel and day, and forget days of which nothing is left."""
    count = sum(_some())
    with unit_of_work() as uow:
        before = uow.now.date() - timedelta(days=get_settings().retention_days)
        books.close(uow.session, before=before, most=MOST)
        sweeping.record_run(uow.session, "add_up_books", count, now=uow.now)
    if count:
        log.info("add_up_books", entries=count)
    return count


def _some() -> list[int]:
    """Add up until all entries of the beginning are done, in short transactions: a day's burst is no long one."""
    counts: list[int] = []
    while not counts or (counts[-1] == MOST and len(counts) < ROUNDS):
        with unit_of_work() as uow:
            counts.append(books.add_up(uow.session, most=MOST))
    return counts
