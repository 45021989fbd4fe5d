"""Retention: what is older than it may get is deleted, a little at a time, beside everything else."""

from __future__ import annotations

import random
import time
from datetime import timedelta

from sentinel.clock import utc_now
from sentinel.logs import get_logger
from sentinel.queries import retention, sweeping
from sentinel.queries.retention import KINDS, Horizon
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

BATCH = 500
"""Most rows of one kind that one transaction deletes: its locks are gone within a few hundredths of a second."""

RUN_SECONDS = 0.5
"""One run's time. It takes its turn among the stages of the pipeline, which wait so long at most."""


def prune() -> bool:
    """Delete batches of each kind in turn until nothing is left or the time is up; True if there is more."""
    now, settings = utc_now(), get_settings()
    actions_before = now - timedelta(days=settings.action_retention_days)
    horizon = Horizon(now, now - timedelta(days=settings.retention_days), actions_before)
    stop_at = time.monotonic() + RUN_SECONDS
    # In any order: a run that is cut short must not leave the same kinds every time.
    left, count = random.sample(KINDS, k=len(KINDS)), 0
    while left and time.monotonic() < stop_at:
        kind = left.pop(0)
        with unit_of_work() as uow:
            gone = retention.prune(uow.session, kind, horizon, most=BATCH)
        count += gone
        if gone == BATCH:
            left.append(kind)
    with unit_of_work() as uow:
        sweeping.record_run(uow.session, "prune", count, now=uow.now)
    if count:
        log.info("prune", rows=count)
    return bool(left)
