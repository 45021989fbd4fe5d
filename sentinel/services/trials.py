"""Messages that say they are a test, in the words that their endpoint has, on the way that all messages go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sentinel.rendering import Facts
from sentinel.services import notifications
from sentinel.services.matching import wordings
from sentinel.services.matching.fanout import Planned
from sentinel.services.matching.wordings import Wordings
from sentinel.services.notifications import CheckedRequest, Request


class Tested(Protocol):
    """An endpoint, as its row or as a batch has it."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def client_id(self) -> int:
        """Whose it is."""
        ...

    @property
    def user_id(self) -> str | None:
        """The user of the client that it belongs to."""
        ...

    @property
    def channel(self) -> str:
        """How it is reached."""
        ...

    @property
    def target(self) -> str:
        """Where it is reached."""
        ...

    @property
    def template(self) -> str | None:
        """Which words it wants."""
        ...


def trial_of(
    endpoint: Tested, facts: Facts, words: Wordings, *, expires_at: datetime | None = None, **metadata: Any
) -> CheckedRequest:
    """Make the message. It goes to this endpoint or nowhere: another target would hide that it is not reached."""
    message = Planned(endpoint.client_id, endpoint.channel, endpoint.target, endpoint.id, endpoint.template)
    content = wordings.worded(message, facts, words)
    request = Request(
        channel=endpoint.channel,
        recipient=endpoint.target,
        subject=content.subject,
        body=content.body,
        severity=facts.severity,
        user_id=endpoint.user_id,
        metadata={"test": True, **metadata},
        endpoint_id=endpoint.id,
        expires_at=expires_at,
        has_chain=False,
    )
    return notifications.check(request, now=facts.occurred_at)
