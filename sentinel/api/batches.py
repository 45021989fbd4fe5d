"""Requests with many items: each has a result of its own, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import marshmallow as ma

from sentinel.api.field_errors import field_errors
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.settings import get_settings

Checked = TypeVar("Checked")


def array_of(item: str) -> dict[str, Any]:
    """Describe a body of many items; `item` is the name of their schema."""
    items = {"$ref": f"#/components/schemas/{item}"}
    schema = {"type": "array", "minItems": 1, "maxItems": 1000, "items": items}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def items_of(body: Any, *, remedy: str) -> list[Any]:
    """Return the items of a body that is an array of 1 to SENTINEL_MAX_BATCH_ITEMS."""
    most = get_settings().max_batch_items
    if not isinstance(body, list) or not body:
        message = "has no items" if body == [] else "is not an array"
        raise InvalidInputError(FieldError("request", shown(body), message, remedy))
    if len(body) > most:
        raise InvalidInputError(FieldError("request", len(body), "has too many items", f"send at most {most} at once"))
    return body


def results_of(
    items: Sequence[Any],
    check: Callable[[Any], Checked],
    store: Callable[[list[Checked]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Store the items that `check` lets through, and return one result for each item, in order.

    `check` raises `InvalidInputError`; `store` returns a result for each item it is given.
    """
    good: dict[int, Checked] = {}
    results: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        refused: Sequence[FieldError] = ()
        try:
            good[index] = check(item)
        except InvalidInputError as error:
            refused = error.errors
        results.append({"index": index, "status": 422, "errors": [each.as_dict() for each in refused]})
    for index, result in zip(good, store(list(good.values())), strict=True):
        results[index] = {"index": index} | result
    return results


def loaded(schema: ma.Schema, item: Any) -> Any:
    """Return what an item means by `schema`; raises `InvalidInputError`."""
    try:
        return schema.load(item)
    except ma.ValidationError as error:
        raise InvalidInputError(*field_errors(error.messages, schema, item)) from None
