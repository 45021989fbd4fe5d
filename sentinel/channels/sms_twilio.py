"""SMS through Twilio: the SDK builds the request, the answer is read from the wire."""

from __future__ import annotations

import base64
import logging
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from sentinel.channels.base import Finding, Message, Outcome, Question, Receipt
from sentinel.channels.http import HttpTransport, Reply, TransportError
from sentinel.channels.outcomes import by_status, refusal, shown, unanswered
from sentinel.channels.twilio_codes import CODES, hint_for
from sentinel.channels.twilio_lookup import MessageList
from sentinel.channels.twilio_reports import callback_url
from sentinel.settings import Settings

_CREATED = 201
_last_reply: ContextVar[Reply] = ContextVar("twilio_reply")


def build(settings: Settings, transport: HttpTransport) -> Twilio:
    """The provider, with the SDK's loggers held back: at INFO they print every URL and header."""
    logging.getLogger("twilio").setLevel(logging.WARNING)
    return Twilio(settings, transport)


class Twilio:
    """Sends with the account of TWILIO_ACCOUNT_SID."""

    name = "twilio"

    def __init__(self, settings: Settings, transport: HttpTransport) -> None:
        sid, token = settings.twilio_account_sid or "", settings.twilio_auth_token
        secret = token.get_secret_value() if token else ""
        client = Client(sid, secret, http_client=_SdkTransport(transport))
        client.edge = client.region = None  # TWILIO_EDGE and TWILIO_REGION would rewrite the host of our base URL
        client.api.base_url = settings.twilio_api_base_url
        self._messages = client.api.v2010.accounts(sid).messages
        self._sender = _sender(settings)
        self._settings = settings
        self._list = MessageList(settings, transport)
        self._secrets = (secret, base64.b64encode(f"{sid}:{secret}".encode()).decode())
        self._transport = transport

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over; the body goes out as it is."""
        wanted = dict(self._sender)
        if (callback := callback_url(self._settings, message.id)) is not None:
            wanted["status_callback"] = callback
        try:
            await self._messages.create_async(to=message.recipient, body=message.text, **wanted)
        except TransportError as error:
            return unanswered(error)
        return self._receipt(_last_reply.get())

    async def look_up(self, question: Question) -> Finding:
        """Return the messages in the account's list that may be the one in doubt."""
        return await self._list.look_up(question)

    async def close(self) -> None:
        """Give back the connections of the transport all HTTP providers share."""
        await self._transport.close()

    def _receipt(self, reply: Reply) -> Receipt:
        answer = reply.json_object()
        sid = answer.get("sid")
        if reply.status == _CREATED or (reply.status == 200 and sid):  # noqa: PLR2004 # a sid is proof enough
            return _acceptance(reply, str(sid) if sid else None)
        return self._refusal(reply, answer)

    def _refusal(self, reply: Reply, answer: dict[str, Any]) -> Receipt:
        code = _code(answer)
        detail = shown(str(answer.get("message") or answer.get("title") or reply.text), secrets=self._secrets)
        if code is None:
            return refusal(by_status(reply), reply, detail=detail)
        ruling = replace(CODES.get(code) or by_status(reply), hint=hint_for(code))
        return refusal(ruling, reply, detail=detail, code=str(code))


class _SdkTransport(AsyncHttpClient):  # type: ignore[misc] # the SDK has no types
    """Carries the SDK's requests over our transport and keeps the raw answer.

    The SDK itself gets an empty answer to read: its errors lose the headers, and a body that is not the JSON it
    expects would end in a traceback. The answer waits in a context variable, so sends in flight never mix.
    """

    def __init__(self, transport: HttpTransport) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._transport = transport

    async def request(self, _method: str, uri: str, **parts: Any) -> Response:
        """POST what the SDK built; every call of ours is a POST."""
        reply = await self._transport.post(uri, form=parts["data"], headers=parts["headers"], auth=parts["auth"])
        _last_reply.set(reply)
        return Response(_CREATED, "{}")


def _sender(settings: Settings) -> dict[str, str]:
    if settings.twilio_messaging_service_sid:
        return {"messaging_service_sid": settings.twilio_messaging_service_sid}
    return {"from_": settings.twilio_from_number or ""}


def _code(answer: dict[str, Any]) -> int | None:
    code = str(answer.get("code", ""))
    return int(code) if code.isascii() and code.isdigit() and len(code) <= 6 else None  # noqa: PLR2004 # 5 today


def _acceptance(reply: Reply, sid: str | None) -> Receipt:
    detail = None if sid else "Twilio accepted the message, but its answer was cut off or unreadable: no message SID"
    return Receipt(Outcome.OK, provider_message_id=sid, http_status=reply.status, detail=detail)
