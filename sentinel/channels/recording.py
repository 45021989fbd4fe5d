"""A try at a provider as a span: in the trace of its message, linked to the batch that it is sent with."""

from __future__ import annotations

from sentinel import tracing
from sentinel.channels.base import Message, Outcome, Provider, Receipt


async def send_recorded(provider: Provider, message: Message) -> Receipt:
    """Try once to hand `message` over; what belongs to a trace is seen there."""
    if message.traceparent is None:
        return await provider.send(message)
    with tracing.apart(f"send {message.channel}", message.traceparent, attributes=_about(message, provider)):
        receipt = await provider.send(message)
        failure = None if receipt.outcome is Outcome.OK else receipt.reason or receipt.outcome
        tracing.note(_told(receipt), failure=failure)
    return receipt


def _about(message: Message, provider: Provider) -> tracing.Attributes:
    """Who sends what, by ids alone: recipients, texts and URLs stay here."""
    return {
        "sentinel.notification.id": message.id,
        "sentinel.channel": message.channel,
        "sentinel.provider": provider.name,
        "sentinel.attempt": message.attempt,
    }


def _told(receipt: Receipt) -> tracing.Attributes:
    told = {
        "sentinel.outcome": str(receipt.outcome),
        "sentinel.reason": receipt.reason,
        "http.response.status_code": receipt.http_status,
    }
    return {name: value for name, value in told.items() if value is not None}
