"""What lists are narrowed to, as the address of their page says it, so that it can be shared."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from flask import request

from sentinel.clock import utc_now
from sentinel.durations import parse_since
from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.ids import is_id
from sentinel.services.access import clients
from sentinel.services.editing import LARGEST_ID
from sentinel.services.unit_of_work import UnitOfWork

LOOK_SECONDS = 3.0
"""Somebody who looks waits so long; then the page says how to narrow the list."""

MOST_OFFERED = 200
"""Names of clients that a filter offers; others may be written."""

TIME_REMEDY = 'write how long ago (90s, 5m, 1h, 2d) or a time with its offset ("2026-11-20T18:00Z")'


def word(name: str) -> str | None:
    """What was written in a filter; None: nothing."""
    return request.args.get(name, "").replace("\0", "").strip() or None


def words(name: str, known: Collection[str]) -> tuple[str, ...]:
    """What was chosen of `known`, once or several times."""
    chosen = dict.fromkeys(each for each in request.args.getlist(name) if each)
    for each in chosen:
        if each not in known:
            raise InvalidInputError(FieldError(name, shown(each), "unknown", f"use any of: {', '.join(known)}"))
    return tuple(chosen)


def moment(name: str) -> datetime | None:
    """The time that a filter means."""
    written = word(name)
    try:
        return None if written is None else parse_since(written, now=utc_now())
    except ValueError as error:
        raise InvalidInputError(FieldError(name, shown(written), str(error), TIME_REMEDY)) from None


def number(name: str) -> int | None:
    """The small number that a filter means."""
    written = word(name)
    if written is None:
        return None
    if not (written.isascii() and written.isdigit() and int(written) <= LARGEST_ID):
        raise InvalidInputError(FieldError(name, shown(written), "is not an id", "write the number that its page shows"))
    return int(written)


def an_id(name: str) -> str | None:
    """The id (a UUID) that a filter means."""
    written = word(name)
    if written is not None and not is_id(written):
        remedy = "copy it from its page: 01a1fb48-f215-709c-a297-55cf8a318234"
        raise InvalidInputError(FieldError(name, shown(written), "is not an id", remedy))
    return written


def client_id(uow: UnitOfWork) -> int | None:
    """The client that was chosen; None: all."""
    written = word("client")
    if written is None:
        return None
    try:
        return clients.person_acting(uow, written, label="").client_id
    except NotFoundError as error:
        raise InvalidInputError(FieldError("client", shown(written), str(error), "choose one of the list")) from None


def client_names(uow: UnitOfWork) -> list[str]:
    """The first clients, for the filter to offer."""
    rows, _ = clients.page(uow, after=0, size=MOST_OFFERED)
    return [row.name for row in rows]
