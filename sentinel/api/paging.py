"""Pages of lists: the rows as an array, the way to the next page in headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, request, url_for

from sentinel.api.answers import dumps, json_response
from sentinel.clock import utc_now
from sentinel.durations import parse_since
from sentinel.errors import FieldError, InvalidInputError, shown

PAGE_HEADERS = {"X-Pagination": {"schema": {"type": "string"}}}
"""For the description of a list's answer."""


def paged(rows: Sequence[Any], *, size: int, following: str | int | None) -> Response:
    """Answer with one page; `following` is the cursor of the next one, None at the end.

    `X-Pagination` holds `{"page_size", "next_cursor"}` as JSON; `Link` the next page's address.
    """
    response = json_response(rows)
    response.headers["X-Pagination"] = dumps({"page_size": size, "next_cursor": following}).decode()
    if following is not None:
        query: dict[str, Any] = {**request.args.to_dict(), **(request.view_args or {}), "cursor": following}
        address = url_for(str(request.endpoint), **query)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def since_of(text: str) -> datetime:
    """The moment that `since` means."""
    try:
        return parse_since(text, now=utc_now())
    except ValueError as error:
        remedy = (
            'write how long ago ("90s", "5m", "1h", "2d"), or a time with its offset ("2026-11-20T18:00:00Z"; '
            "a + is written %2B in an address)"
        )
        raise InvalidInputError(FieldError("since", shown(text), str(error), remedy)) from None
