"""Validation messages as field errors: which field, the value seen, what is wrong, and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow as ma
import orjson

from sentinel.errors import FieldError, shown


def field_errors(messages: Any, schema: ma.Schema, data: Any) -> list[FieldError]:
    """Flatten marshmallow's nested messages about `data`."""
    if not isinstance(messages, Mapping):
        return [FieldError("request", shown(data), _joined(messages), "see /docs for the shape")]
    return [_one(path, text, schema, data) for path, text in _leaves(messages, ())]


def _leaves(messages: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, below in messages.items():
        # `_schema` speaks of the whole object, not of a field of that name.
        here = path if name == "_schema" else (*path, str(name))
        if isinstance(below, Mapping):
            yield from _leaves(below, here)
        else:
            yield here, _joined(below)


def _joined(texts: Any) -> str:
    return " ".join(texts) if isinstance(texts, list) else str(texts)


def _one(path: tuple[str, ...], message: str, schema: ma.Schema, data: Any) -> FieldError:
    name = path[0] if path else "request"
    value = data
    for step in path:
        value = _below(value, step)
    return FieldError(".".join(path) or "request", shown(value), message, _remedy(name, message, schema))


def _below(value: Any, step: str) -> Any:
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return value.get(step) if isinstance(value, Mapping) else None


def _remedy(name: str, message: str, schema: ma.Schema) -> str:
    if name == "request":
        return "send a JSON object; see /docs for its fields"
    field = schema.load_fields.get(name) or _by_data_key(schema, name)
    if field is None:
        known = sorted(each.data_key or key for key, each in schema.load_fields.items())
        near = difflib.get_close_matches(name, known, n=1)
        return f'did you mean "{near[0]}"?' if near else f"leave it out; known are: {', '.join(known)}"
    example = field.metadata.get("example")
    remedy = field.metadata.get("remedy") or (_for_example(example) if example is not None else "see /docs")
    return f"add it: {remedy}" if "Missing" in message else str(remedy)


def _for_example(example: Any) -> str:
    return f"for example {orjson.dumps(example).decode()}"


def _by_data_key(schema: ma.Schema, name: str) -> ma.fields.Field[Any] | None:
    return next((field for field in schema.load_fields.values() if field.data_key == name), None)
