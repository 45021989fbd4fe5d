"""Carries a load test out, in a process of its own: offers, writes down each second how far it came, and sees the end.

Killed at any moment, another goes on where the row says: what was sent twice is a duplicate by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.clock import utc_now
from sentinel.errors import ConflictError, SentinelError
from sentinel.load.sender import Target, offer
from sentinel.load.tally import PERCENTILES, Tally, percentile
from sentinel.logs import get_logger
from sentinel.models import LoadTest
from sentinel.models.load_test import LoadTestStatus
from sentinel.queries import clients as client_queries
from sentinel.queries import load_tests as queries
from sentinel.queries.load_tests import Turn
from sentinel.services.access import clients
from sentinel.services.loading import jobs
from sentinel.services.loading.curve import extended
from sentinel.services.loading.plans import made, read_plan
from sentinel.services.texts import LONGEST_NAME
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

log = get_logger(__name__)

REPORT_SECONDS = 1.0
LEASE_SECONDS = 20
GRACE_SECONDS = 5.0
"""Requests that are under way when it is stopped may have their answers."""

COUNTED = ("accepted", "duplicates", "refused", "failed", "given_up", "waits")
"""What the row keeps of a tally under the same names."""

KEY_SPARE = timedelta(hours=2)
"""Its key outlives the plan by this much: the API may be away for a while."""


def resume(turn: Turn) -> None:
    """Carry a load test out, from where it stands to its end."""
    jobs.require_allowed()
    with unit_of_work() as uow:
        if not queries.claim(uow.session, turn, lease_until=_lease(uow.now), now=uow.now):
            raise ConflictError(f"load test {turn.id} is not ours: it has ended, or another process carries it out")
        load_test, client = jobs.get(uow, turn.id)
        target = Target(load_test.plan["url"], _key(uow, turn, load_test, client))
    asyncio.run(_Run(turn, load_test, target).until_the_end())


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_SECONDS)


def _key(uow: UnitOfWork, turn: Turn, load_test: LoadTest, client: str) -> str:
    """A key that may post this client's events and nothing else; the one of an earlier process ends."""
    if load_test.key_id is not None:
        client_queries.revoke(uow.session, load_test.key_id, now=uow.now)
    lasts = timedelta(seconds=load_test.total / load_test.plan["rate"]) + KEY_SPARE
    row, key = clients.create_key(
        uow,
        client,
        f"load test {load_test.label}"[:LONGEST_NAME],
        scopes=("events:write",),
        expires_at=uow.now + lasts,
    )
    queries.set_key(uow.session, turn, row.id)
    return key


class _Run:
    """One process' share of a load test."""

    def __init__(self, turn: Turn, load_test: LoadTest, target: Target) -> None:
        self._turn = turn
        self._load_test = load_test
        self._target = target
        self._tally = tally_of(load_test)
        self._curve = load_test.curve
        self._is_stopping = load_test.is_stop_wanted or self._tally.given_up > 0
        self._lease_until = _lease(utc_now())

    async def until_the_end(self) -> None:
        """Offer, and report each second, until everything is answered, it is to stop, or it is not ours any more."""
        plan = read_plan(self._load_test.plan, self._load_test.total)
        offering = asyncio.create_task(offer(self._events(), plan, self._target, self._tally))
        try:
            while not offering.done() and not self._is_stopping:
                await asyncio.wait({offering}, timeout=REPORT_SECONDS)
                if not await asyncio.to_thread(self._report, self._snapshot()):
                    log.warning("load_test_lost", load_test_id=self._turn.id)
                    return
                self._is_stopping |= self._tally.given_up > 0
            await asyncio.wait({offering}, timeout=GRACE_SECONDS)
            await asyncio.to_thread(self._end, self._snapshot(), _trouble(offering))
        finally:
            offering.cancel()
            with suppress(asyncio.CancelledError, SentinelError):
                await offering

    def _events(self) -> Iterator[dict[str, Any]]:
        """Its events, as long as it is not to stop."""
        row = self._load_test
        return takewhile(lambda _: not self._is_stopping, made(row.kind, row.seed, row.label, row.plan))

    def _snapshot(self) -> Tally:
        """What is counted now; the loop goes on counting while it is written down."""
        return replace(self._tally, ahead=dict(self._tally.ahead), answer_ms=self._tally.answer_ms[:])

    def _report(self, tally: Tally) -> bool:
        """Write down how far it came; False if it is not ours any more, which without a database is so in a while."""
        try:
            with unit_of_work() as uow:
                self._curve = extended(self._curve, tally.seconds, tally.answered)
                until, progress = _lease(uow.now), _progress(tally, self._curve)
                stop = queries.report(uow.session, self._turn, progress, lease_until=until, now=uow.now)
        except (OperationalError, PoolTimeout):
            log.warning("database_away", load_test_id=self._turn.id)
            return utc_now() < self._lease_until
        self._lease_until = until
        self._is_stopping |= bool(stop)
        return stop is not None

    def _end(self, tally: Tally, trouble: str | None) -> None:
        """Write down how it ended, and let its key end too."""
        if not self._report(tally):
            return
        with unit_of_work() as uow:
            row, _ = jobs.get(uow, self._turn.id)
            status, problem = ending(row, tally, trouble)
            ended = queries.end(uow.session, self._turn, status, problem=problem, now=uow.now)
            if ended is not None and ended.key_id is not None:
                client_queries.revoke(uow.session, ended.key_id, now=uow.now)
        log.info("load_test_ended", load_test_id=self._turn.id, status=status, answered=tally.answered)


def tally_of(load_test: LoadTest) -> Tally:
    """What earlier processes have counted."""
    size = load_test.plan["batch"]
    ahead = {start: min(size, load_test.total - start) for start in load_test.ahead}
    counts = {name: getattr(load_test, name) for name in COUNTED}
    return Tally(**counts, problem=load_test.problem, seconds=load_test.seconds, place=load_test.place, ahead=ahead)


def _progress(tally: Tally, curve: list[list[float]]) -> dict[str, Any]:
    times = sorted(tally.answer_ms)
    return {name: getattr(tally, name) for name in (*COUNTED, "place", "seconds", "problem")} | {
        "ahead": sorted(tally.ahead),
        **{f"p{each}_ms": percentile(times, each) for each in PERCENTILES},
        "curve": curve,
    }


def ending(row: LoadTest, tally: Tally, trouble: str | None) -> tuple[LoadTestStatus, str | None]:
    """Tell how a load test ends that offers nothing more."""
    if trouble is not None or tally.given_up:
        return LoadTestStatus.FAILED, trouble or tally.problem
    if tally.place < row.total:
        return LoadTestStatus.STOPPED, row.problem
    return LoadTestStatus.FINISHED, tally.problem


def _trouble(offering: asyncio.Task[None]) -> str | None:
    """What ended the offering before its time; a mistake of ours is told by its name."""
    if not offering.done() or offering.cancelled() or (error := offering.exception()) is None:
        return None
    if isinstance(error, SentinelError):
        return str(error)
    log.error("load_test_bug", exc_info=error)
    return f"our own mistake, {type(error).__name__}; the log has the rest"
