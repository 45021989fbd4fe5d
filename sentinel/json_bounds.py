"""What JSON from outside may be like: not too deep for whoever walks it, and nothing that PostgreSQL cannot keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

DEEPEST = 64
"""Most levels of JSON: orjson reads 1,024, but neither writes as many nor do our own walks survive them."""


def is_shallow(text: bytes, value: Any) -> bool:
    """Whether `value`, read from `text`, has few enough levels: walked one by one, without recursion."""
    if text.count(b"{") + text.count(b"[") <= DEEPEST:
        return True
    level: Iterable[Any] = [value]
    for _ in range(DEEPEST + 1):
        level = [below for each in level for below in _below(each)]
        if not level:
            return True
    return False


def _below(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def is_storable(value: Any) -> bool:
    """Whether PostgreSQL can keep it: no NUL character anywhere."""
    if isinstance(value, str):
        return "\x00" not in value
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(below) for name, below in value.items())
    return not isinstance(value, list) or all(is_storable(each) for each in value)
