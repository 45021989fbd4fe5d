"""The one form in which a recipient is stored, compared and sent to."""

from __future__ import annotations

from sentinel.channels.registry import CHANNELS, ROUTES
from sentinel.errors import FieldError, InvalidInputError


def normalise(channel: str, recipient: str) -> str:
    """`recipient` in the form its channel uses; `InvalidInputError` names the field, the value and the remedy."""
    if channel not in ROUTES:
        remedy = f"use one of: {', '.join(CHANNELS)}"
        raise InvalidInputError(FieldError("channel", channel, "is not a channel", remedy))
    return ROUTES[channel].address(recipient)
