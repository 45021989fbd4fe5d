"""The built-in provider that sends nothing: for development, and for production only when asked for by name."""

from __future__ import annotations

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.http import HttpTransport
from sentinel.channels.twilio_codes import CODES, MAGIC_NUMBERS, hint_for
from sentinel.settings import Settings


def build(_settings: Settings, _transport: HttpTransport) -> Sandbox:
    """The provider; it needs no settings and no connections."""
    return Sandbox()


class Sandbox:
    """Accepts every message, except to Twilio's magic test numbers, which fail as they would at Twilio."""

    name = "sandbox"

    async def send(self, message: Message) -> Receipt:
        """Pretend to hand `message` over."""
        code = MAGIC_NUMBERS.get(message.recipient) if message.channel == "sms" else None
        if code is not None:
            return _simulated_refusal(code)
        return Receipt(Outcome.OK, provider_message_id=f"sandbox-{message.id}", detail="SIMULATED: nothing was sent")

    async def close(self) -> None:
        """Nothing to give back."""


def _simulated_refusal(code: int) -> Receipt:
    ruling = CODES[code]
    return Receipt(
        ruling.outcome,
        reason=ruling.reason,
        provider_code=str(code),
        detail="SIMULATED: one of Twilio's magic test numbers; nothing was sent",
        hint=hint_for(code),
        is_account_wide=ruling.is_account_wide,
    )
