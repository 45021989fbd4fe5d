"""Taking in what other systems send: each item by itself, and an answer for those who look at the status alone."""

from __future__ import annotations

from typing import Any

from flask import Response

from sentinel.api.answers import json_response
from sentinel.api.events import ingest_each, location, receipt, refuse_nul
from sentinel.errors import FieldError, ForbiddenError, InvalidInputError
from sentinel.integrations.reading import Found, Item
from sentinel.logs import get_logger
from sentinel.metrics import count
from sentinel.services import events, integrations
from sentinel.services.access.clients import Caller
from sentinel.services.integrations import Sender
from sentinel.services.unit_of_work import UnitOfWork, single_statements

log = get_logger(__name__)

ACCEPTED, EACH = 202, 207
REFUSED = 422

INTEGRATION_ID = {
    "in": "path",
    "name": "integration_id",
    "schema": {"type": "string", "format": "uuid"},
    "description": "`id` of an integration; its `address` is this whole address",
}


def sender_at(kind: str, integration_id: object) -> Sender:
    """Return who sends to an address: looked up before a body is read, and no session stays open meanwhile."""
    with single_statements() as uow:
        return integrations.sender_at(uow, kind, str(integration_id))


def take_in(uow: UnitOfWork, caller: Caller, found: Found, *, is_broadcast: bool = False) -> Response:
    """Store what a request was read as: one event is answered as by `POST /events`, many as by `/events/batch`."""
    if isinstance(found, list):
        return _take_in_each(uow, caller, found, is_broadcast=is_broadcast)
    return _take_in_one(uow, caller, found, is_broadcast=is_broadcast)


def _take_in_each(uow: UnitOfWork, caller: Caller, items: list[Item], *, is_broadcast: bool) -> Response:
    """Store what is valid; where nothing is, the whole request is refused, for some look at the status alone."""
    results = ingest_each(uow, caller, items, is_broadcast=is_broadcast, is_suspect=True)
    if results and all(each["status"] == REFUSED for each in results):
        raise InvalidInputError(*(FieldError(**error) for each in results for error in each["errors"]))
    return json_response(results, EACH)


def _take_in_one(uow: UnitOfWork, caller: Caller, event: dict[str, Any], *, is_broadcast: bool) -> Response:
    refuse_nul(event)
    [done] = events.ingest(uow, caller, [events.check(event, now=uow.now)], is_broadcast=is_broadcast)
    response = json_response(receipt(done), ACCEPTED)
    response.headers["Location"] = location(done)
    return response


def not_signed(kind: str, remedy: str) -> ForbiddenError:
    """Refuse what somebody else has made, counted."""
    count("integrations_refused_total", kind=kind)
    log.warning("sender_refused", kind=kind)
    return ForbiddenError(f"the signature does not fit; {remedy}")
