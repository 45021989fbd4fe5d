"""Load tests as people see them: begin one, look at it, end it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sentinel.embedded.ports import url_of
from sentinel.errors import ConflictError, ForbiddenError, NotFoundError
from sentinel.ids import is_id, new_id
from sentinel.load.made_up import LARGEST_SEED, fresh_label
from sentinel.models import LoadTest
from sentinel.models.load_test import LoadTestStatus
from sentinel.queries import load_tests as queries
from sentinel.queries.load_tests import Outcome
from sentinel.services.access.clients import Caller
from sentinel.services.events import check, ingest
from sentinel.services.loading.plans import Wish, checked, kept
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

LOOKED_AT = 500
"""Events of a load test of which it is told where they stand: enough for a share, and quick whatever its size."""

TWICE = timedelta(seconds=10)
"""Whoever asks for the same again so soon has clicked twice."""

REFUSED = (
    "load tests are off in production: their events would reach people; "
    "SENTINEL_LOAD_TESTS=true says that this is meant"
)


def begin(uow: UnitOfWork, caller: Caller, wish: Wish) -> LoadTest:
    """Store a load test for the caller's client; it begins when its turn comes, within seconds."""
    require_allowed()
    plan = checked(wish, get_settings())
    seed = random.randrange(LARGEST_SEED) if wish.seed is None else wish.seed  # noqa: S311 - load is no secret
    values: dict[str, Any] = {
        "id": new_id(uow.now),
        "client_id": caller.client_id,
        "label": fresh_label(wish.kind.removesuffix("s"), seed),
        "kind": wish.kind,
        "plan": kept(wish, plan) | {"url": address()},
        "seed": seed,
        "total": plan.total,
        "started_by": caller.label,
        "status": LoadTestStatus.WAITING,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    return queries.add(uow.session, values)


def twin_of(uow: UnitOfWork, caller: Caller, wish: Wish) -> LoadTest | None:
    """Return one that the same person began just so, moments ago: two clicks mean one load test."""
    plan = checked(wish, get_settings())
    values: dict[str, Any] = {
        "client_id": caller.client_id,
        "started_by": caller.label,
        "kind": wish.kind,
        "plan": kept(wish, plan) | {"url": address()},
        "total": plan.total,
    }
    seed = {} if wish.seed is None else {"seed": wish.seed}
    return queries.twin_of(uow.session, values | seed, since=uow.now - TWICE)


def address() -> str:
    """Where the API is: who begins a load test usually is the API, and knows it."""
    settings = get_settings()
    return settings.load_test_url or url_of(settings.api_host, settings.api_port)


def require_allowed() -> None:
    """Refuse load where the settings do not want it."""
    if not get_settings().may_load_test:
        raise ForbiddenError(REFUSED)


def get(uow: UnitOfWork, load_test_id: str) -> tuple[LoadTest, str]:
    """Return a load test and its client's name."""
    found = queries.get(uow.session, load_test_id) if is_id(load_test_id) else None
    if found is None:
        raise NotFoundError(f"no load test {load_test_id[:36]}; `sentinel load jobs list` shows those there are")
    return found


def page(
    uow: UnitOfWork, client_id: int | None, *, before: str | None, size: int
) -> tuple[Sequence[tuple[LoadTest, str]], str | None]:
    """Return a page of load tests, newest first, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, client_id, before=before, size=size + 1)
    return rows[:size], rows[size - 1][0].id if len(rows) > size else None


def stop(uow: UnitOfWork, load_test_id: str, *, by: str) -> None:
    """Have a load test ended: at once if it waits, else within seconds."""
    found, _ = get(uow, load_test_id)
    if not queries.want_stop(uow.session, found.id, problem=f"stopped by {by}", now=uow.now):
        state = "is being stopped already" if found.is_open else f"has ended: {found.status}"
        raise ConflictError(f"load test {found.label} {state}")


def outcome(uow: UnitOfWork, load_test: LoadTest) -> Outcome:
    """Tell where its events and their messages stand, of a sample of those that are settled."""
    return queries.outcome(uow.session, load_test.client_id, sample(load_test))


def sample(load_test: LoadTest) -> list[str]:
    """Return ids of events spread evenly over what is settled: all of them, while they are few."""
    count = min(load_test.place, LOOKED_AT)
    return [f"{load_test.label}-{1 + number * load_test.place // count}" for number in range(count)]


def send_one(uow: UnitOfWork, callers: Sequence[Caller], body: dict[str, Any], *, is_broadcast: bool) -> list[str]:
    """Take in one event for each caller's client, as `POST /events` does; returns their ids."""
    event = check(body, now=uow.now)
    return [ingest(uow, caller, [event], is_broadcast=is_broadcast)[0].id for caller in callers]
