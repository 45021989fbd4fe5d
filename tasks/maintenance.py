"""The sweepers' tasks, called by beat."""

from __future__ import annotations

from typing import Any

from sentinel.broker import celery
from sentinel.services.alerting import alerts
from sentinel.services.bookkeeping import audit, books, replays, retention
from sentinel.services.escalating import driving
from sentinel.services.holding import flush
from sentinel.services.loading import starting
from sentinel.services.matching import matching
from sentinel.services.muting import silence_sweep
from sentinel.services.proving import drill_runs, self_tests, signals
from sentinel.services.sending import failover, sweeping
from sentinel.services.watching import history

PRUNE_PAUSE_SECONDS = 2
PRUNE_TURNS = 20
"""Beat rings once a minute: that many runs and pauses fit in between."""


@celery.task(name="tasks.maintenance.sweep_waiting")
def sweep_waiting() -> None:
    """Queue what was forgotten and what is due; decide what is ambiguous."""
    sweeping.sweep_waiting()


@celery.task(name="tasks.maintenance.sweep_leases")
def sweep_leases() -> None:
    """Find sends whose worker vanished."""
    sweeping.sweep_leases()


@celery.task(name="tasks.maintenance.sweep_failover")
def sweep_failover() -> None:
    """Let other targets take over for what did not reach its own."""
    failover.sweep()


@celery.task(name="tasks.maintenance.sweep_replays")
def sweep_replays() -> None:
    """Start dead letters over whose turn comes."""
    replays.sweep()


@celery.task(name="tasks.maintenance.sweep_escalations")
def sweep_escalations() -> None:
    """Tell the steps of tickets whose time has come."""
    driving.sweep()


@celery.task(name="tasks.maintenance.sweep_alerts")
def sweep_alerts() -> None:
    """Resolve alerts that nobody has reported in time."""
    alerts.sweep()


@celery.task(name="tasks.maintenance.sweep_silences")
def sweep_silences() -> None:
    """End silences that end by themselves; tell who wants to know before one does."""
    silence_sweep.sweep()


@celery.task(name="tasks.maintenance.flush_groups")
def flush_groups() -> None:
    """Tell the groups that are due."""
    flush.sweep()


@celery.task(name="tasks.maintenance.sweep_heartbeats")
def sweep_heartbeats() -> None:
    """Notice heartbeats that did not come."""
    signals.sweep()


@celery.task(name="tasks.maintenance.sweep_drills")
def sweep_drills() -> None:
    """Hold the drills whose time has come, and judge those whose time is up."""
    drill_runs.sweep()


@celery.task(name="tasks.maintenance.sweep_self_tests")
def sweep_self_tests() -> None:
    """Prove that an event goes the whole way, and tell the outside."""
    self_tests.sweep()


@celery.task(name="tasks.maintenance.sweep_load_tests")
def sweep_load_tests() -> None:
    """Start the load tests whose turn it is, and those whose process is gone."""
    starting.sweep()


@celery.task(name="tasks.maintenance.sample_counters")
def sample_counters() -> None:
    """Look at the counters, so that people see how it went."""
    history.sample()


@celery.task(bind=True, name="tasks.maintenance.prune", max_retries=PRUNE_TURNS)
def prune(self: Any) -> None:
    """Delete what is older than the retention; while there is more, again soon, until beat rings the next time."""
    if retention.prune() and self.request.retries < PRUNE_TURNS:
        raise self.retry(countdown=PRUNE_PAUSE_SECONDS)


@celery.task(name="tasks.maintenance.fire_due")
def fire_due() -> None:
    """Let rules speak whose time has come without another event."""
    matching.fire_due()


@celery.task(name="tasks.maintenance.add_up_books")
def add_up_books() -> None:
    """Add the entries of the books up."""
    books.add_up()


@celery.task(name="tasks.maintenance.audit")
def audit_books() -> None:
    """See whether the books of the last days balance, and keep the report."""
    audit.audit_and_keep()
