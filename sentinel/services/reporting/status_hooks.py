"""Clients are told how their notifications end, by webhooks that are notifications themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sentinel.logs import get_logger
from sentinel.models import Endpoint
from sentinel.models.status import Status
from sentinel.queries import status_hooks as queries
from sentinel.queries import sweeping
from sentinel.queries.status_hooks import Untold
from sentinel.services import notifications
from sentinel.services.notifications import CheckedRequest, Request
from sentinel.services.unit_of_work import unit_of_work

log = get_logger(__name__)

MOST, ROUNDS = 2000, 10
"""Most notifications told of in one transaction, and most transactions in one sweep: the next follows in seconds."""

INTERNAL = ("client_id", "updated_at")

TEST_ID = "00000000-0000-7000-8000-000000000000"


def tell() -> int:
    """Tell clients what became of notifications; returns how many were told of."""
    total = 0
    for _ in range(ROUNDS):
        told = _tell_some()
        total += told
        if told < MOST:
            break
    return total


def _tell_some() -> int:
    with unit_of_work() as uow:
        untold = queries.take_untold(uow.session, most=MOST)
        hooks = defaultdict(list)
        if untold:
            for hook in queries.hooks_of(uow.session, sorted({each.client_id for each in untold})):
                hooks[hook.client_id].append(hook)
        requests: dict[int, list[CheckedRequest]] = defaultdict(list)
        for each in untold:
            requests[each.client_id] += [_request(hook, _facts(each)) for hook in hooks[each.client_id]]
        for client_id, wanted in requests.items():
            notifications.accept(uow, client_id, wanted)
        sweeping.record_run(uow.session, "tell_statuses", len(untold), now=uow.now)
    if untold:
        log.info("statuses_told", notifications=len(untold), messages=sum(map(len, requests.values())))
    return len(untold)


def _facts(told: Untold) -> dict[str, Any]:
    """What a receiver learns; times as text, because it is stored as metadata."""
    named = {name: value for name, value in asdict(told).items() if name not in INTERNAL}
    named["at"] = told.updated_at
    return {name: _written(value) if isinstance(value, datetime) else value for name, value in named.items()}


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _request(hook: Endpoint, facts: dict[str, Any]) -> CheckedRequest:
    """A message to the endpoint, which has its target in its one spelling. Nobody is told of its own end."""
    why = f" ({facts['reason']})" if facts["reason"] else ""
    body = f"Notification {facts['id']} is {facts['status']}{why}."
    target = Request(hook.channel, hook.target, body, metadata=facts, endpoint_id=hook.id, has_chain=False)
    return CheckedRequest(replace(target, is_followed=False))


def test_of(hook: Endpoint, *, now: datetime) -> CheckedRequest:
    """A made-up end, marked as such, for trying an endpoint out."""
    told = Untold(
        id=TEST_ID,
        client_id=hook.client_id,
        status=Status.DELIVERED,
        reason=None,
        channel="sms",
        recipient="+15005550006",
        provider="sandbox",
        provider_message_id=None,
        event_id=None,
        user_id=None,
        failover_of=None,
        attempts=1,
        metadata={"test": True},
        created_at=now,
        updated_at=now,
        sent_at=now,
    )
    return _request(hook, _facts(told) | {"test": True})
