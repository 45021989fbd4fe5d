"""What providers report, and what clients are told of it."""

from __future__ import annotations

from sentinel.bell import get_bell
from sentinel.broker import RECEIPTS, celery
from sentinel.services.reporting import receipts, status_hooks


@celery.task(name="tasks.receipts.apply")
def apply(ids: list[str]) -> None:
    """Read stored reports and move the notifications they are about."""
    get_bell().quiet(RECEIPTS)  # the next part-filled message may come while this one is worked on
    receipts.apply(ids)


@celery.task(name="tasks.receipts.sweep")
def sweep() -> None:
    """Queue reports that wait for another look."""
    receipts.sweep()


@celery.task(name="tasks.receipts.tell")
def tell() -> None:
    """Tell clients how their notifications have ended."""
    status_hooks.tell()
