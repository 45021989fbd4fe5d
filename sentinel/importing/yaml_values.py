"""Values of a YAML file by their places: what must be there and of which form, and refusals that name the place. Pure.

Every scalar is read as the text that stands there, as Alertmanager does where it wants a text: `match: {code: 500}`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import yaml

from sentinel.errors import FieldError, InvalidInputError, SentinelError, shown

NULL = re.compile("^(?:~|null|Null|NULL|)$")
TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
UNITS = {"y": 365 * 86_400, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
DURATION = re.compile(r"(?:\d+(?:ms|[ywdhms]))+|0")
DEEPEST = 100
"""Levels of lists and mappings: some 50 of routes."""

MOST_VALUES = 1_000_000
PART = re.compile(r"(?<!\d)(\d++)(ms|[ywdhms])")


class _Texts(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Reads scalars as texts, but for a null without quotes; `<<` still merges."""

    yaml_implicit_resolvers: ClassVar = {
        "<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))],
        **{first: [("tag:yaml.org,2002:null", NULL)] for first in ("~", "n", "N", "")},
    }


def load(text: str, name: str) -> Any:
    """What a file's text says. Raises `SentinelError`."""
    try:
        found = yaml.load(text, Loader=_Texts)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise SentinelError(f"{name}: is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise _too_deep(name) from None
    _check_size(found, name)
    return found


def _check_size(found: Any, name: str) -> None:
    """What aliases make of a file has an end, too: one that stands in itself has none."""
    count, left = 0, [(found, 0)]
    while left:
        value, depth = left.pop()
        count += 1
        if depth > DEEPEST:
            raise _too_deep(name)
        if count > MOST_VALUES:
            raise SentinelError(f"{name}: holds more than {MOST_VALUES:,} values; split it, or name fewer aliases")
        if isinstance(value, dict | list):
            left += ((each, depth + 1) for each in (value.values() if isinstance(value, dict) else value))


def _too_deep(name: str) -> SentinelError:
    return SentinelError(f"{name}: nests deeper than {DEEPEST} levels, or an alias stands in itself; flatten it")


def mapping_of(given: Any, place: str, known: Collection[str] = ()) -> dict[str, Any]:
    """A mapping, with no other keys than `known` where they are named."""
    if is_empty(given):
        return {}
    if not isinstance(given, dict):
        raise refusal(place, given, "is not a mapping", "write `key: value` lines")
    for key in given:
        if known and key not in known:
            raise refusal(f"{place}.{key}", given[key], "is not known", f"known are: {', '.join(sorted(known))}")
    return given


def items_of(found: Mapping[str, Any], key: str, place: str = "") -> list[tuple[str, Any]]:
    """The items of a list, each with its place."""
    given = found.get(key)
    where = f"{place}.{key}" if place else key
    if is_empty(given):
        return []
    if not isinstance(given, list):
        raise refusal(where, given, "is not a list", "begin each item with `- `")
    return [(f"{where}.{number}", each) for number, each in enumerate(given)]


def texts_of(found: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """The texts of a list, each once."""
    return tuple(dict.fromkeys(str(each) for _, each in items_of(found, key, place)))


def text_of(found: Mapping[str, Any], key: str) -> str:
    """A text; the empty one where there is none."""
    given = found.get(key)
    return "" if is_empty(given) else str(given)


def name_of(found: Mapping[str, Any], place: str) -> str:
    """The name of a thing, which it must have."""
    found_name = text_of(found, "name")
    if not found_name:
        raise refusal(f"{place}.name", None, "is missing", "give it a name")
    return found_name


def truth_of(found: Mapping[str, Any], key: str, place: str) -> bool:
    """True or false; false where nothing is said."""
    word = text_of(found, key).lower() or "false"
    if word not in TRUTHS:
        raise refusal(f"{place}.{key}", word, "is neither true nor false", "write true or false")
    return TRUTHS[word]


def seconds_of(given: Any, place: str) -> int:
    """A duration as Prometheus writes it."""
    if not isinstance(given, str) or not DURATION.fullmatch(given):
        raise refusal(place, given, "is not a duration", 'write it like "30s", "5m" or "1h30m"')
    return round(sum(int(number) * UNITS[unit] for number, unit in PART.findall(given)))


def is_empty(given: Any) -> bool:
    """Whether nothing is said."""
    return given is None or given == ""


def refusal(place: str, value: Any, message: str, remedy: str) -> InvalidInputError:
    """Refuse what stands at a place."""
    return InvalidInputError(FieldError(place, shown(value), message, remedy))
