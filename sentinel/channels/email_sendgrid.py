"""Mail through SendGrid: the SDK builds the payload and the headers, our pooled transport carries them."""

from __future__ import annotations

import logging

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import CustomArg, Mail
from sendgrid.helpers.mail.exceptions import ApiKeyIncludedException

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.http import HttpTransport, Reply, TransportError
from sentinel.channels.mail_parts import parts_of
from sentinel.channels.outcomes import refusal, shown, unanswered
from sentinel.channels.sendgrid_answers import errors_of, ruling_for
from sentinel.channels.subjects import invalid_subject
from sentinel.settings import Settings

_ACCEPTED = 202


def build(settings: Settings, transport: HttpTransport) -> SendGrid:
    """The provider, with the SDK's logger held back: at DEBUG it prints the key and the payload."""
    logging.getLogger("python_http_client").setLevel(logging.WARNING)
    return SendGrid(settings, transport)


class SendGrid:
    """Sends with the key of SENDGRID_API_KEY."""

    name = "sendgrid"

    def __init__(self, settings: Settings, transport: HttpTransport) -> None:
        key = settings.sendgrid_api_key.get_secret_value() if settings.sendgrid_api_key else ""
        self._headers = dict(SendGridAPIClient(key, host=settings.sendgrid_api_base_url).client.request_headers)
        self._url = f"{settings.sendgrid_api_base_url}/v3/mail/send"
        self._from_email = settings.sendgrid_from_email
        self._secrets = (key,)
        self._transport = transport

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over as plain text, and as HTML too when it has a severity."""
        parts = parts_of(message)
        if parts is None:
            return invalid_subject()
        try:
            mail = Mail(self._from_email, message.recipient, parts.subject, parts.text, parts.html)
        except ApiKeyIncludedException:
            return _looks_like_a_key()
        mail.add_custom_arg(CustomArg("notification_id", str(message.id)))
        try:
            return self._receipt(await self._transport.post(self._url, json=mail.get(), headers=self._headers))
        except TransportError as error:
            return unanswered(error)

    async def close(self) -> None:
        """Give back the connections of the transport all HTTP providers share."""
        await self._transport.close()

    def _receipt(self, reply: Reply) -> Receipt:
        if reply.status == _ACCEPTED:
            message_id = reply.headers.get("X-Message-Id")
            detail = None if message_id else "SendGrid accepted the message, but gave it no X-Message-Id"
            return Receipt(Outcome.OK, provider_message_id=message_id, http_status=_ACCEPTED, detail=detail)
        errors = errors_of(reply)
        words = "; ".join(str(error.get("message", "")) for error in errors) or reply.text
        return refusal(ruling_for(reply, errors), reply, detail=shown(words, secrets=self._secrets))


def _looks_like_a_key() -> Receipt:
    return Receipt(
        Outcome.MESSAGE,
        reason="api_key_in_body",
        detail="the text begins like a SendGrid API key, which the SDK refuses to send",
        hint="Put a word before it, or revoke the key if it really is one.",
    )
