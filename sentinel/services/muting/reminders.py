"""The message that a silence ends soon, and what it holds back until then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.clock import written
from sentinel.errors import InvalidInputError
from sentinel.ids import new_id
from sentinel.models import Silence
from sentinel.models.status import Reason, Status
from sentinel.queries import endpoints
from sentinel.queries import notifications as queries
from sentinel.queries.endpoints import Destination
from sentinel.queries.firing_alerts import Word
from sentinel.rendering import Facts
from sentinel.rules.syntax import ENDPOINT
from sentinel.services import notifications
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Planned
from sentinel.services.muting.matchers import read_all
from sentinel.services.muting.matchers import written as written_matchers
from sentinel.services.notifications import Request
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

MOST_NAMED = 10
"""Most alerts that a reminder names."""


def send(uow: UnitOfWork, row: Silence, client: str, matched: Sequence[Word]) -> None:
    """Tell the endpoint that a silence names of its end; `matched` are the alerts that it holds back now."""
    found = endpoints.one_named(uow.session, row.client_id, row.remind or "")
    facts = Facts(client, row.id, None, (), _event(row, matched), uow.now)
    request = None if found is None else _request(uow, row, found, facts)
    try:
        checked = None if request is None else notifications.check(request, now=uow.now)
    except InvalidInputError:  # the settings allow its target no more: as good as no endpoint
        checked = None
    if checked is None:
        _record_missing(uow, row, facts)
    else:
        notifications.accept(uow, row.client_id, [checked])


def _event(row: Silence, matched: Sequence[Word]) -> dict[str, Any]:
    """What there is to tell, as templates see it."""
    named = [word.labels.get("alertname") or word.labels.get("name") or word.key for word in matched[:MOST_NAMED]]
    more = len(matched) - len(named)
    return {
        "type": "silence",
        "source": "sentinel",
        "name": "silence_ends_soon",
        "message": f"The silence of {written_matchers(read_all(row.matchers))} ends at {written(row.ends_at)}.",
        "silence_id": row.id,
        "ends_at": written(row.ends_at),
        "created_by": row.created_by,
        "comment": row.comment or None,
        "firing": len(matched),
        "alerts": ", ".join([*named, f"and {more} more"] if more else named) or None,
        "held_back": row.matched,
    }


def _request(uow: UnitOfWork, row: Silence, endpoint: Destination, facts: Facts) -> Request:
    message = Planned(row.client_id, endpoint.channel, endpoint.target, endpoint.id, endpoint.template)
    content = wordings.worded(message, facts, wordings.of_clients(uow, [row.client_id]))
    return Request(
        channel=endpoint.channel,
        recipient=endpoint.target,
        subject=content.subject,
        body=content.body,
        user_id=endpoint.user_id,
        metadata={"ending_silence_id": row.id},
        endpoint_id=endpoint.id,
    )


def _record_missing(uow: UnitOfWork, row: Silence, facts: Facts) -> None:
    """Store the message all the same, with the reason for which nobody gets it."""
    target = row.remind or ""
    content = wordings.worded(Planned(row.client_id, ENDPOINT, target), facts, wordings.Wordings({}))
    stored = {
        "id": new_id(uow.now),
        "client_id": row.client_id,
        "channel": ENDPOINT,
        "recipient": target,
        "subject": content.subject,
        "body": content.body,
        "metadata": {"ending_silence_id": row.id},
        "status": Status.SUPPRESSED,
        "reason": Reason.NO_ENDPOINT,
        "attempt_limit": get_settings().max_attempts,
        "created_at": uow.now,
    }
    queries.insert(uow.session, [stored])
    tallies.count_accepted(uow, [ENDPOINT])
    tallies.count_ended(uow, ENDPOINT, Status.SUPPRESSED, Reason.NO_ENDPOINT, 1)
