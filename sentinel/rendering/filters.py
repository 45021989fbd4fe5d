"""The filters of templates. Each takes any value and never fails: what makes no sense gives what is missing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Undefined

from sentinel.rendering.budget import afford, weight
from sentinel.rendering.values import as_json, is_number, shown

MOST_DECIMALS = 15
DATE_FORMAT = re.compile(r"(?:[^%]|%[aAbBdHIjmMpSyYzZ%])*")
"""No widths (`%999999Y`), which the C library would honour."""
SHORTEST_MILLISECONDS = 1e11
"""A larger number of seconds is beyond the year 5138: such numbers count milliseconds."""


def told(value: Any) -> str:
    """The value as text; a list or object only if that is not too long."""
    weight(value)
    return shown(value)


def default(value: Any, fallback: Any = "", boolean: Any = False) -> Any:  # noqa: FBT002, the order Jinja's users know
    """`fallback` for what is missing or null; with `true` also for what is empty, 0 or false."""
    is_absent = value is None or isinstance(value, Undefined) or (boolean and not value)
    return fallback if is_absent else value


def rounded(value: Any, decimals: Any = 0) -> Any:
    """The number with at most so many decimals; a whole number stays one."""
    if isinstance(value, int) and is_number(value):
        return value
    number = to_float(value)
    places = max(0, min(int(decimals), MOST_DECIMALS)) if is_number(decimals) else 0
    if number is None:
        return None
    return round(number, places) if places else round(number)


def to_int(value: Any, fallback: Any = None) -> Any:
    """The whole number that a text or number says."""
    number = to_float(value)
    return fallback if number is None else int(number)


def to_float(value: Any, fallback: Any = None) -> Any:
    """The number that a text or number says."""
    try:
        number = float(value) if isinstance(value, str) or is_number(value) else math.nan
    except (ValueError, OverflowError):
        return fallback
    return number if math.isfinite(number) else fallback


def joined(value: Any, separator: Any = ", ", attribute: Any = None) -> str:
    """The elements of a list in one text; `attribute` takes that field of each."""
    between = told(separator)
    items = value if isinstance(value, list | tuple) else [value]
    if attribute is not None:
        items = [each.get(attribute) if isinstance(each, dict) else None for each in items]
    texts, total = [], 0
    for each in items:
        texts.append(told(each))
        total += len(texts[-1]) + len(between)
        afford(total)
    return between.join(texts)


def replaced(value: Any, old: Any, new: Any) -> str:
    """The text with `new` for each `old`."""
    text, old_text, new_text = told(value), told(old), told(new)
    afford(len(text) + text.count(old_text) * len(new_text))
    return text.replace(old_text, new_text)


def truncated(value: Any, length: Any = 255, end: Any = "…") -> str:
    """The text, shortened to `length` characters with `end` for the rest."""
    text, tail = told(value), told(end)
    longest = max(0, int(length)) if is_number(length) else len(text)
    return text if len(text) <= longest else text[: max(0, longest - len(tail))] + tail


def json_of(value: Any) -> str:
    """The value as JSON."""
    weight(value)
    return as_json(value)


def length(value: Any) -> int:
    """How many elements a list or object has, or characters a text; of all else 0."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def first(value: Any) -> Any:
    """The first element of a list, or character of a text."""
    return value[0] if isinstance(value, str | list | tuple) and value else None


def last(value: Any) -> Any:
    """The last element of a list, or character of a text."""
    return value[-1] if isinstance(value, str | list | tuple) and value else None


def items(value: Any) -> list[tuple[str, Any]]:
    """The fields of an object, for `{% for key, value in event|items %}`."""
    return list(value.items()) if isinstance(value, dict) else []


def date(value: Any, form: Any = "%Y-%m-%d %H:%M:%S") -> Any:
    """A time in UTC, written as `form` says; of a time, an ISO 8601 text, or seconds or milliseconds since 1970."""
    moment = _moment(value)
    known = isinstance(form, str) and DATE_FORMAT.fullmatch(form)
    return moment.astimezone(UTC).strftime(form) if moment and known else value


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if is_number(value):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= SHORTEST_MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return value if isinstance(value, datetime) else None


def _text_filter(change: Callable[[str], str]) -> Callable[[Any], str]:
    def changed(value: Any) -> str:
        return change(told(value))

    return changed


FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": _text_filter(str.capitalize),
    "count": length,
    "d": default,
    "date": date,
    "default": default,
    "first": first,
    "float": to_float,
    "int": to_int,
    "items": items,
    "join": joined,
    "last": last,
    "length": length,
    "lower": _text_filter(str.lower),
    "replace": replaced,
    "round": rounded,
    "title": _text_filter(str.title),
    "tojson": json_of,
    "trim": _text_filter(str.strip),
    "truncate": truncated,
    "upper": _text_filter(str.upper),
    "urlencode": _text_filter(lambda text: quote(text, safe="")),
}


def elements(value: Any) -> Iterable[Any]:
    """What a loop goes through: the elements of a list, the names of an object's fields, of all else nothing."""
    return value if isinstance(value, list | tuple | dict) else ()


def part(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """What `value[start:stop:step]` means: a part of a list or text, of all else what is missing."""
    ends = [int(each) if is_number(each) and math.isfinite(each) else None for each in (start, stop, step)]
    return value[ends[0] : ends[1] : ends[2] or None] if isinstance(value, list | tuple | str) else None
