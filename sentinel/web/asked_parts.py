"""Parts of a page that our script asks for because of what somebody does."""

from __future__ import annotations

from flask import request

PART_HEADER = "X-Part"
"""Unlike what a page fetches by itself (`X-Live`), it keeps the login alive: a person writes."""


def is_part() -> bool:
    """Whether our script asks for a part alone."""
    return PART_HEADER in request.headers
