"""The sweepers' tasks, called by beat."""

from __future__ import annotations

from sentinel.broker import celery
from sentinel.services import matching, sweeping


@celery.task(name="tasks.maintenance.sweep_waiting")
def sweep_waiting() -> None:
    """Queue what was forgotten and what is due; decide what is ambiguous."""
    sweeping.sweep_waiting()


@celery.task(name="tasks.maintenance.sweep_leases")
def sweep_leases() -> None:
    """Find sends whose worker vanished."""
    sweeping.sweep_leases()


@celery.task(name="tasks.maintenance.prune")
def prune() -> None:
    """Delete what is older than the retention."""
    sweeping.prune()


@celery.task(name="tasks.maintenance.fire_due")
def fire_due() -> None:
    """Let rules speak whose time has come without another event."""
    matching.fire_due()
