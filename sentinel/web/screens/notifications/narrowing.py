"""The filters of the list of notifications."""

from __future__ import annotations

from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError, NotFoundError
from sentinel.ids import is_id
from sentinel.models import Endpoint
from sentinel.models.status import Status
from sentinel.queries.notifications import Filter
from sentinel.services import endpoints
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.web.narrowing import an_id, client_id, moment, number, word, words
from sentinel.web.paging import cursor

STATUSES = tuple(status.value for status in Status)

KINDS: dict[str, tuple[Status, ...]] = {
    "On its way": (Status.PENDING, Status.SENDING, Status.RETRYING, Status.AMBIGUOUS),
    "Through": (Status.SENT, Status.DELIVERED),
    "Failed": (Status.FAILED, Status.UNDELIVERED),
    "Not sent": (Status.SUPPRESSED, Status.CANCELLED),
}
"""The statuses as people ask for them."""

RARELY = ("reason", "recipient", "user", "event", "rule", "since", "until")
"""Filters that are folded away until one of them is used."""


def wanted(uow: UnitOfWork) -> Filter:
    """What this page's address asks for. Raises `InvalidInputError`."""
    begins, endpoint = cursor(), _endpoint(uow)
    return Filter(
        client_id=endpoint.client_id if endpoint else client_id(uow),
        statuses=words("status", STATUSES),
        channel=endpoint.channel if endpoint else next(iter(words("channel", CHANNELS)), None),
        reason=word("reason"),
        since=moment("since"),
        until=moment("until"),
        before=begins if begins and is_id(begins) else None,
        event_id=an_id("event"),
        rule_id=number("rule"),
        replay_id=number("replay"),
        user_id=word("user"),
        recipient=endpoint.target if endpoint else word("recipient"),
    )


def _endpoint(uow: UnitOfWork) -> Endpoint | None:
    """The endpoint whose messages are meant: its target may be a secret, which no address should hold."""
    found = number("endpoint")
    try:
        return None if found is None else endpoints.get(uow, found, client_id=None)
    except NotFoundError:
        raise InvalidInputError(FieldError("endpoint", found, "is no endpoint", "open it from its page")) from None


def remedies(asked: Filter) -> list[str]:
    """How a list that cannot be found in time may be narrowed."""
    found = []
    if asked.since is None:
        found.append("since, for example 24h")
    if asked.client_id is None:
        found.append("a client")
    if asked.channel is None and asked.reason is None:
        found.append("a channel or a reason")
    return found or ["a shorter time, or another filter"]
