"""Scripted answers: what a provider, a proxy or a broken network may do to a request."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any, Literal

Ending = Literal["whole", "truncated", "drip", "drip_body", "endless", "reset", "reset_unread", "silence"]
NO_ANSWER = {"reset", "reset_unread", "silence"}
"""Endings in which the client gets no status."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted answer. Without a `status` the request is answered as usual, after the delay, in this ending."""

    status: int | None = None
    code: int | None = None
    message: str = "scripted"
    field: str | None = None
    body: str | None = None
    headers: dict[str, str] = made_by(default_factory=dict)
    delay_seconds: float = 0.0
    ending: Ending = "whole"


def refused(status: int, code: int | None = None, message: str = "scripted", **more: Any) -> Fault:
    """An error as the provider writes it: Twilio's JSON with `code`, SendGrid's with `message` and `field`."""
    return Fault(status, code=code, message=message, **more)


def raw(status: int, body: str = "", **headers: str) -> Fault:
    """An answer with these very bytes (latin-1) as its body; `Retry_After="5"` becomes the header Retry-After."""
    return Fault(status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def rate_limited(**headers: str) -> Fault:
    """429 with headers of your choice."""
    return Fault(
        429, code=20429, message="Too Many Requests", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def html(status: int) -> Fault:
    """What a proxy in front of the provider says."""
    return Fault(status, body=f"<html><h1>{status}</h1></html>", headers={"Content-Type": "text/html"})


def redirect(location: str = "/elsewhere") -> Fault:
    """302: followed, it would turn the POST into a GET."""
    return Fault(302, body="", headers={"Location": location})


def reset() -> Fault:
    """Read the request, then reset the connection."""
    return Fault(ending="reset")


def reset_unread() -> Fault:
    """Reset the next connection before anything is read from it."""
    return Fault(ending="reset_unread")


def silence() -> Fault:
    """Read the request and never answer."""
    return Fault(ending="silence")


def drip() -> Fault:
    """Drip byte by byte, never to the end of the head: no single read times out."""
    return Fault(ending="drip")


def delayed(seconds: float) -> Fault:
    """Answer as usual, later."""
    return Fault(delay_seconds=seconds)
