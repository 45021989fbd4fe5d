"""Webhooks by the open specification Standard Webhooks: signed, with an id that is equal on every attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from sentinel import tracing
from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.guarded import GuardedTransports
from sentinel.channels.http import HttpTransport, Reply, TransportError, encoded_json
from sentinel.channels.outcomes import receipt_of, refusal, shown
from sentinel.channels.webhook_answers import (
    FORBIDDEN,
    INVALID_SECRET,
    INVALID_URL,
    UNREADABLE_SECRET,
    ruling_for,
    unanswered,
)
from sentinel.channels.webhook_payload import payload
from sentinel.clock import utc_now
from sentinel.errors import InvalidInputError, UnreadableSecretError
from sentinel.sealing import unseal
from sentinel.settings import Settings

KNOWN_SECRETS = 10_000
"""Secrets that stay opened: to open one costs a tenth of a send."""


def build(settings: Settings, _transport: HttpTransport) -> WebhookProvider:
    """The provider; its connections are its own, since they must not lead everywhere."""
    return WebhookProvider(settings)


@dataclass(frozen=True, slots=True)
class _Signer:
    """What signs for an endpoint; nothing does where it has no secret."""

    secret: str = field(repr=False)
    webhook: Webhook | None


def _open(sealed: str) -> _Signer:
    """Open a secret, here and nowhere before: only what signs needs it. Equal seals hold equal secrets."""
    secret = unseal(sealed)
    return _Signer(secret, Webhook(secret) if secret else None)


class WebhookProvider:
    """Posts the message as JSON to the URL that is its recipient."""

    name = "webhook"

    def __init__(self, settings: Settings) -> None:
        self._transports = GuardedTransports(settings)
        self._signer = lru_cache(maxsize=KNOWN_SECRETS)(_open)

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over; the receiver can tell a repetition by its webhook-id."""
        try:
            transport = self._transports.leading_to(message.recipient)
        except InvalidInputError as error:
            return receipt_of(INVALID_URL, str(error))
        if transport is None:
            return receipt_of(FORBIDDEN, "the address is private, loopback or reserved")
        body = encoded_json(payload(message))
        try:
            signer = self._signer(message.secret or "")
        except UnreadableSecretError as error:
            return receipt_of(UNREADABLE_SECRET, str(error))
        except (ValueError, EmptyWebhookSecretError):
            return receipt_of(INVALID_SECRET, "the endpoint's secret cannot be used")
        headers = _headers(message, body, signer.webhook)
        try:
            reply = await transport.post(message.recipient, json=body, headers=headers)
            return _receipt(reply, signer.secret)
        except TransportError as error:
            return unanswered(error)

    async def close(self) -> None:
        """Give back the connections."""
        await self._transports.close()


def _headers(message: Message, body: bytes, webhook: Webhook | None) -> dict[str, str]:
    """The specification's headers; the signature only where the endpoint has a secret."""
    now = utc_now().replace(microsecond=0)
    headers = {
        "User-Agent": "Sentinel",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if webhook is not None:
        headers["webhook-signature"] = webhook.sign(message.id, now, body.decode())
    # Only its own trace: what is sent with others has the batch's around it.
    return headers | tracing.carried() if message.traceparent else headers


def _receipt(reply: Reply, secret: str) -> Receipt:
    words = shown(reply.text, secrets=(secret,))
    if 200 <= reply.status < 300:  # noqa: PLR2004 # the specification's "accepted"
        return Receipt(Outcome.OK, http_status=reply.status, detail=words or None)
    return refusal(ruling_for(reply.status), reply, detail=words)
