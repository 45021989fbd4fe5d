"""Tickets by severity: kept in Redis, counted in PostgreSQL, and never adrift from it.

Nothing is added up in Redis, where a crash or a flush would leave it wrong for ever. What was counted is kept under the
generation in which the count began; whoever commits a ticket starts a new generation.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import partial

import orjson
import redis

from sentinel.logs import get_logger
from sentinel.queries import stats
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.store import get_store

log = get_logger(__name__)

KEPT_SECONDS = 5
"""How long a count may be wrong when a process dies between its commit and the new generation."""

Counts = dict[str, int]


def tickets_by_severity(uow: UnitOfWork, client_id: int) -> Counts:
    """Return how many tickets the client has of each severity; always of all four."""
    try:
        return _kept(uow, client_id)
    except redis.RedisError as error:
        log.warning("stats_without_redis", error=type(error).__name__)
        return _count(uow, client_id)


def outdate(uow: UnitOfWork, client_ids: Collection[int]) -> None:
    """After the commit, have the tickets of these clients counted anew."""
    if client_ids:
        uow.after_commit(partial(_start_generations, client_ids))


def _kept(uow: UnitOfWork, client_id: int) -> Counts:
    store = get_store()
    generation, kept = store.mget(_generation(client_id), _counts(client_id))  # type: ignore[misc]
    if generation is None:  # never counted, or Redis was flushed
        store.set(_generation(client_id), uuid.uuid4().hex, nx=True)
        generation = store.get(_generation(client_id)) or b""
    if kept is not None:
        began, counts = orjson.loads(kept)
        if began == generation.decode():
            found: Counts = counts
            return found
    # The generation was read before: what is committed from now on makes this count worthless, as it should.
    fresh = _count(uow, client_id)
    store.set(_counts(client_id), orjson.dumps([generation.decode(), fresh]), ex=KEPT_SECONDS)
    return fresh


def _count(uow: UnitOfWork, client_id: int) -> Counts:
    counted = stats.count_by_severity(uow.session, client_id)
    return {severity: counted.get(severity, 0) for severity in SEVERITIES}


def _start_generations(client_ids: Collection[int]) -> None:
    try:
        get_store().mset({_generation(client_id): uuid.uuid4().hex for client_id in client_ids})
    except redis.RedisError as error:
        log.warning("stats_outdated_by_time_only", clients=len(client_ids), error=type(error).__name__)


def _generation(client_id: int) -> str:
    return f"sentinel:stats:{client_id}:generation"


def _counts(client_id: int) -> str:
    return f"sentinel:stats:{client_id}:tickets"
