"""Open mode: for the first minutes, who works on this very machine needs no key and no user."""

from __future__ import annotations

from flask import Request

from sentinel.settings import Settings, is_loopback

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
OWN_PAGES = (None, "none", "same-origin")
"""What a browser says of a request that another site's page did not make; other programs say nothing."""


def is_open_to(request: Request, settings: Settings) -> bool:
    """Whether a request comes from this machine, in open mode.

    Refused are callers from elsewhere, a proxy in front, a name that was rebound to us, and other sites' pages.
    """
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return (
        settings.is_open
        and is_loopback(host)
        and is_loopback(request.remote_addr or "")
        and request.headers.get("Sec-Fetch-Site") in OWN_PAGES
        and not any(name in request.headers for name in FORWARDED)
    )
