"""Webhooks by the open specification Standard Webhooks: signed, with an id that is equal on every attempt."""

from __future__ import annotations

from functools import lru_cache

from standardwebhooks.webhooks import EmptyWebhookSecretError

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.guarded import GuardedTransports
from sentinel.channels.http import HttpTransport, Reply, TransportError
from sentinel.channels.outcomes import receipt_of, refusal, shown
from sentinel.channels.webhook_answers import (
    FORBIDDEN,
    INVALID_SECRET,
    INVALID_URL,
    UNREADABLE_SECRET,
    ruling_for,
    unanswered,
)
from sentinel.channels.webhook_request import body_of, headers_of, signer_of
from sentinel.clock import utc_now
from sentinel.errors import InvalidInputError, UnreadableSecretError
from sentinel.settings import Settings

KNOWN_SECRETS = 10_000
"""Secrets that stay opened: to open one costs a tenth of a send."""


def build(settings: Settings, _transport: HttpTransport) -> WebhookProvider:
    """The provider; its connections are its own, since they must not lead everywhere."""
    return WebhookProvider(settings)


class WebhookProvider:
    """Posts the message as JSON to the URL that is its recipient."""

    name = "webhook"

    def __init__(self, settings: Settings) -> None:
        self._transports = GuardedTransports(settings)
        self._signer = lru_cache(maxsize=KNOWN_SECRETS)(signer_of)

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over; the receiver can tell a repetition by its webhook-id."""
        try:
            transport = self._transports.leading_to(message.recipient)
        except InvalidInputError as error:
            return receipt_of(INVALID_URL, str(error))
        if transport is None:
            return receipt_of(FORBIDDEN, "the address is private, loopback or reserved")
        body = body_of(message)
        try:
            signer = self._signer(message.secret or "")
        except UnreadableSecretError as error:
            return receipt_of(UNREADABLE_SECRET, str(error))
        except (ValueError, EmptyWebhookSecretError):
            return receipt_of(INVALID_SECRET, "the endpoint's secret cannot be used")
        headers = headers_of(message, body, signer.webhook, now=utc_now())
        try:
            reply = await transport.post(message.recipient, json=body, headers=headers)
            return _receipt(reply, signer.secret)
        except TransportError as error:
            return unanswered(error)

    async def close(self) -> None:
        """Give back the connections."""
        await self._transports.close()


def _receipt(reply: Reply, secret: str) -> Receipt:
    words = shown(reply.text, secrets=(secret,))
    if 200 <= reply.status < 300:  # noqa: PLR2004 # the specification's "accepted"
        return Receipt(Outcome.OK, http_status=reply.status, detail=words or None)
    return refusal(ruling_for(reply.status), reply, detail=words)
