"""What every test of a mapper asks: is it an event, and which fields were refused."""

from __future__ import annotations

from typing import Any

from sentinel.clock import utc_now
from sentinel.errors import InvalidInputError
from sentinel.integrations.reading import Item
from sentinel.services import events

MOST = 1000


def an_event(item: Item) -> dict[str, Any]:
    """The event that an item is, once it is one that `POST /events` would take."""
    assert isinstance(item, dict), item
    events.check(item, now=utc_now())
    return item


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def fields_of(error: InvalidInputError) -> list[str]:
    assert all(each.message and each.remedy for each in error.errors)
    return [each.field for each in error.errors]
