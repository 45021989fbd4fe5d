"""Slack: incoming webhooks by their URL, channels and people through `chat.postMessage`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.http import HttpTransport, Reply, TransportError
from sentinel.channels.outcomes import Ruling, refusal, shown, unanswered
from sentinel.channels.slack_answers import METHOD_PAGE, TOKEN_MISSING, WEBHOOK_PAGE, ruling_for, webhook_ruling_for
from sentinel.channels.slack_payload import payload, request
from sentinel.settings import Settings

_OK = 200
_ERROR_WORD = re.compile(r"[a-z_]{1,64}")


def build(settings: Settings, transport: HttpTransport) -> Slack:
    """The provider."""
    return Slack(settings, transport)


class Slack:
    """Posts with the token of SLACK_BOT_TOKEN, or to the webhook that the recipient is."""

    name = "slack"

    def __init__(self, settings: Settings, transport: HttpTransport) -> None:
        self._token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else ""
        self._url = f"{settings.slack_api_base_url}/chat.postMessage"
        self._transport = transport

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over."""
        try:
            if message.recipient.startswith("http"):
                return await self._to_webhook(message)
            return await self._to_channel(message)
        except TransportError as error:
            return unanswered(error)

    async def close(self) -> None:
        """Give back the connections of the transport all HTTP providers share."""
        await self._transport.close()

    async def _to_webhook(self, message: Message) -> Receipt:
        reply = await self._transport.post(message.recipient, json=payload(message))
        words = shown(reply.text, secrets=(message.recipient,))
        if reply.status == _OK:
            return Receipt(Outcome.OK, http_status=_OK, detail=words or None)
        return _linked(webhook_ruling_for(reply), reply, words, page=WEBHOOK_PAGE)

    async def _to_channel(self, message: Message) -> Receipt:
        if not self._token:
            ruling = TOKEN_MISSING
            return Receipt(ruling.outcome, reason=ruling.reason, hint=ruling.hint, is_account_wide=False)
        headers = {"Authorization": f"Bearer {self._token}"}
        reply = await self._transport.post(self._url, json=request(message), headers=headers)
        answer = reply.json_object()
        if reply.status == _OK and answer.get("ok") is True:
            return Receipt(Outcome.OK, provider_message_id=_message_id(answer), http_status=_OK)
        error = answer.get("error")
        error = error if isinstance(error, str) and _ERROR_WORD.fullmatch(error) else None
        words = shown(_explained(answer) or reply.text, secrets=(self._token,))
        return _linked(ruling_for(reply, error), reply, words, page=METHOD_PAGE, code=error)


def _message_id(answer: dict[str, Any]) -> str | None:
    channel, moment = answer.get("channel"), answer.get("ts")
    return f"{channel}/{moment}" if isinstance(channel, str) and isinstance(moment, str) else None


def _explained(answer: dict[str, Any]) -> str:
    """The error's word, and what Slack adds to it: which scope is missing, which field is wrong."""
    more = answer.get("response_metadata")
    messages = more.get("messages") if isinstance(more, dict) else None
    parts = [answer.get("error"), answer.get("needed"), *(messages if isinstance(messages, list) else [])]
    return "; ".join(part for part in parts if isinstance(part, str))


def _linked(ruling: Ruling, reply: Reply, words: str, *, page: str, code: str | None = None) -> Receipt:
    hint = f"{ruling.hint} {page}" if ruling.hint else page
    return refusal(replace(ruling, hint=hint), reply, detail=words, code=code)
