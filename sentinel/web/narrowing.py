"""What lists are narrowed to, as the address of their page says it, so that it can be shared."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from flask import request
from werkzeug.datastructures import MultiDict

from sentinel.clock import utc_now
from sentinel.durations import parse_since
from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.ids import is_id
from sentinel.services.access import clients
from sentinel.services.editing import LARGEST_ID
from sentinel.services.unit_of_work import UnitOfWork

Given = MultiDict[str, str]
"""The fields of an address or of a form."""

LOOK_SECONDS = 3.0
"""Somebody who looks waits so long; then the page says how to narrow the list."""

TIME_REMEDY = 'write how long ago (90s, 5m, 1h, 2d) or a time with its offset ("2026-11-20T18:00Z")'


def word(name: str, given: Given | None = None) -> str | None:
    """What was written in a filter; None: nothing. `given`: fields of a form, instead of the address."""
    return _given(given).get(name, "").replace("\0", "").strip() or None


def _given(given: Given | None) -> Given:
    return request.args if given is None else given


def words(name: str, known: Collection[str], given: Given | None = None) -> tuple[str, ...]:
    """What was chosen of `known`, once or several times."""
    chosen = dict.fromkeys(each for each in _given(given).getlist(name) if each)
    for each in chosen:
        if each not in known:
            raise InvalidInputError(FieldError(name, shown(each), "unknown", f"use any of: {', '.join(known)}"))
    return tuple(chosen)


def moment(name: str, given: Given | None = None) -> datetime | None:
    """The time that a filter means."""
    written = word(name, given)
    try:
        return None if written is None else parse_since(written, now=utc_now())
    except ValueError as error:
        raise InvalidInputError(FieldError(name, shown(written), str(error), TIME_REMEDY)) from None


def number(name: str, given: Given | None = None) -> int | None:
    """The small number that a filter means."""
    written = word(name, given)
    if written is None:
        return None
    found = small_number(written, most=LARGEST_ID)
    if found is None:
        raise InvalidInputError(
            FieldError(name, shown(written), "is not an id", "write the number that its page shows")
        )
    return found


def small_number(written: str, *, most: int) -> int | None:
    """A whole number from 0 to `most`; None if it is none. Python refuses to read thousands of digits: we do too."""
    digits = written.lstrip("0") or written[:1]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))):
        return None
    found = int(digits)
    return found if found <= most else None


def an_id(name: str) -> str | None:
    """The id (a UUID) that a filter means."""
    written = word(name)
    if written is not None and not is_id(written):
        remedy = "copy it from its page: 01a1fb48-f215-709c-a297-55cf8a318234"
        raise InvalidInputError(FieldError(name, shown(written), "is not an id", remedy))
    return written


def client_id(uow: UnitOfWork, given: Given | None = None) -> int | None:
    """The client that was chosen; None: all."""
    written = word("client", given)
    if written is None:
        return None
    try:
        return clients.person_acting(uow, written, label="").client_id
    except NotFoundError as error:
        raise InvalidInputError(FieldError("client", shown(written), str(error), "choose one of the list")) from None
