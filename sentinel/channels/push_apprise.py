"""Push messages to Telegram, Discord, Teams, ntfy and the like: apprise words them, our transport sends them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.guarded import GuardedTransports
from sentinel.channels.http import HttpTransport, Request, TransportError
from sentinel.channels.outcomes import receipt_of, refusal, shown
from sentinel.channels.push_answers import FORBIDDEN, INVALID_TARGET, PARTLY_SENT, ruling_for, unanswered
from sentinel.channels.push_wording import worded
from sentinel.errors import InvalidInputError
from sentinel.settings import Settings

_PIECES = re.compile(r"[/@:?&=]")
_SHORTEST_SECRET = 8


def build(settings: Settings, _transport: HttpTransport) -> PushProvider:
    """The provider; its connections are its own, since they must not lead everywhere."""
    return PushProvider(settings)


class PushProvider:
    """Sends to the service that the scheme of the recipient names."""

    name = "apprise"

    def __init__(self, settings: Settings) -> None:
        self._deadline_seconds = settings.send_deadline_seconds
        self._transports = GuardedTransports(settings)

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over, a long text in pieces that follow each other."""
        first, *others = worded(message) or (None,)
        if first is None:
            return receipt_of(INVALID_TARGET, "apprise refuses the target; nothing was sent")
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        receipt = await self._send(first, message)
        if receipt.outcome is Outcome.OK and others:
            return await self._send_others(others, message, deadline)
        return receipt

    async def close(self) -> None:
        """Give back the connections."""
        await self._transports.close()

    async def _send_others(self, requests: Sequence[Request], message: Message, deadline: float) -> Receipt:
        """What follows the first piece. If it does not come through, the message has arrived in part."""
        try:
            async with asyncio.timeout_at(deadline):
                for request in requests:
                    receipt = await self._send(request, message)
                    if receipt.outcome is not Outcome.OK:
                        break
        except TimeoutError:
            return receipt_of(PARTLY_SENT, "the deadline passed between the pieces of the message")
        if receipt.outcome is Outcome.OK:
            return receipt
        detail = f"{receipt.reason}: {receipt.detail}" if receipt.detail else receipt.reason
        return replace(receipt, outcome=PARTLY_SENT.outcome, reason=PARTLY_SENT.reason, detail=detail)

    async def _send(self, request: Request, message: Message) -> Receipt:
        try:
            transport = self._transports.leading_to(request.url)
        except InvalidInputError as error:  # what is made of a target can be longer than it is
            return receipt_of(INVALID_TARGET, error.errors[0].message)
        if transport is None:
            return receipt_of(FORBIDDEN, "the address is private, loopback or reserved")
        try:
            reply = await transport.forward(request)
        except TransportError as error:
            return unanswered(error)
        words = shown(reply.text, secrets=_secrets_of(message.recipient))
        if 200 <= reply.status < 300:  # noqa: PLR2004 # how all of these services accept
            return Receipt(Outcome.OK, http_status=reply.status, detail=words or None)
        return refusal(ruling_for(message.recipient.partition("://")[0], reply), reply, detail=words)


def _secrets_of(recipient: str) -> list[str]:
    """The tokens in a target, as they stand there and as they are meant; the whole and the longest first."""
    pieces = _PIECES.split(recipient.partition("://")[2])
    spellings = {recipient, *pieces, *map(unquote, pieces)}
    return sorted((each for each in spellings if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)
