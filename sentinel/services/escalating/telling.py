"""Notifications about tickets: stored with the move that they belong to, each naming its ticket and step."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sentinel.errors import InvalidInputError
from sentinel.logs import get_logger, log_each
from sentinel.queries import escalations, notifications
from sentinel.queries.escalations import StoredEscalation
from sentinel.rendering import Content
from sentinel.services import notifications as service
from sentinel.services.escalating.addressees import INVALID, Addressee, Nobody, shown
from sentinel.services.notifications import CheckedRequest, Request
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

log = get_logger(__name__)

LINK_BITS = 63
"""Of the random number in a link: PostgreSQL keeps it as a bigint."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A message to be stored: of which ticket, to whom, with which words. `is_end`: it asks nothing of anybody."""

    of: StoredEscalation
    to: Addressee
    request: CheckedRequest
    token: int
    is_end: bool = False


def prepared(
    uow: UnitOfWork, of: StoredEscalation, to: Addressee, content: Content, *, token: int, is_end: bool = False
) -> Telling | Nobody:
    """Make what can be stored of a message; an address that cannot be used any more holds no other up."""
    request = Request(
        channel=to.channel,
        recipient=to.recipient,
        subject=content.subject,
        body=content.body,
        severity=of.severity,
        metadata=_metadata(of, is_end=is_end),
        endpoint_id=to.endpoint_id,
        failover=to.failover,
    )
    try:
        return Telling(of, to, service.check(request, now=uow.now), token, is_end)
    except InvalidInputError as error:
        log.warning("ticket_target_refused", ticket_id=of.ticket_id, error=error.errors[0].message)
        return Nobody(to.target, INVALID, to.who)


def _metadata(of: StoredEscalation, *, is_end: bool) -> dict[str, Any]:
    """What programs that hear of it can go by."""
    ticket = {"ticket_id": of.ticket_id, "event_id": of.event_id}
    return ticket | ({"is_resolved": True} if is_end else {"policy": of.policy, "round": of.round, "step": of.step})


def store(uow: UnitOfWork, tellings: Sequence[Telling]) -> list[str]:
    """Store messages and have them sent after the commit; returns the ids of the notifications, in order."""
    if not tellings:
        return []
    rows = [row for each in tellings for row in service.new_rows(each.of.client_id, [each.request], now=uow.now)]
    notifications.insert(uow.session, rows)
    expires_at = uow.now + timedelta(seconds=get_settings().ticket_link_seconds)
    messages = [
        _message(each, row["id"]) | {"expires_at": uow.now if each.is_end else expires_at}
        for each, row in zip(tellings, rows, strict=True)
    ]
    escalations.add_messages(uow.session, messages)
    service.announce(uow, rows)
    log_each(log, "notification_accepted", ({"notification_id": row["id"]} for row in rows))
    return [row["id"] for row in rows]


def said(telling: Telling, notification_id: str) -> dict[str, Any]:
    """What the history says of somebody who was told."""
    to = telling.to
    return {"target": shown(to.target), "who": to.who, "channel": to.channel, "notification_id": notification_id}


def unsaid(nobody: Nobody) -> dict[str, Any]:
    """What the history says of somebody who could not be told."""
    return {"target": shown(nobody.target), "who": nobody.who, "reason": nobody.reason}


def _message(telling: Telling, notification_id: str) -> dict[str, Any]:
    found, addressee = telling.of, telling.to
    return {
        "id": secrets.randbits(LINK_BITS),
        "ticket_id": found.ticket_id,
        "notification_id": notification_id,
        "run": found.run,
        "token": telling.token,
        "round": None if telling.is_end else found.round,
        "step": None if telling.is_end else found.step,
        "target": addressee.target,
        "who": addressee.who,
        "channel": addressee.channel,
        "recipient": telling.request.recipient,
        "endpoint_id": addressee.endpoint_id,
    }
