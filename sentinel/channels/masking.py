"""Addresses as they may be shown: enough to tell them apart, and nothing that a stranger could use."""

from __future__ import annotations

from sentinel.channels.registry import CHANNELS

DOTS = "•••"


def masked(recipient: str) -> str:
    """Hide the middle of an address: `+1415•••2671`, `a•••@example.com`, and all of a URL: `tgram://•••`."""
    scheme, is_url, _ = recipient.partition("://")
    if is_url:
        return f"{scheme}://{DOTS}"
    local, at, domain = recipient.rpartition("@")
    if at:
        return f"{local[:1]}{DOTS}@{domain}"
    if len(recipient) > 10:  # noqa: PLR2004 - 5 at the front, 4 at the end, and something to hide
        return f"{recipient[:5]}{DOTS}{recipient[-4:]}"
    return f"{recipient[:2]}{DOTS}"


def masked_target(target: str) -> str:
    """Hide the address in a target of a step, `push:tgram://•••`; a name says nothing secret: `endpoint:ann`."""
    kind, colon, address = target.partition(":")
    return f"{kind}{colon}{masked(address)}" if kind in CHANNELS else target
