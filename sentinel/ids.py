"""Identifiers that sort by time: UUID version 7 (RFC 9562), as text."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

_RANDOM_BITS = 74  # 12 bits rand_a and 62 bits rand_b


def _compose(milliseconds: int, random_bits: int) -> str:
    rand_a, rand_b = random_bits >> 62, random_bits & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    return str(uuid.UUID(int=value))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def new_ids(moment: datetime, count: int) -> list[str]:
    """`count` ids of `moment`, in ascending order, so that rows of one request keep its order."""
    room = secrets.randbits(_RANDOM_BITS - 1)  # the top bit stays free: adding an index cannot overflow
    return [_compose(_milliseconds(moment), room + index) for index in range(count)]


def new_id(moment: datetime) -> str:
    """One id of `moment`."""
    return new_ids(moment, 1)[0]


def first_id(moment: datetime) -> str:
    """Return the smallest id of `moment`, so that ids not below it were made at or after it (to the millisecond)."""
    return _compose(max(0, _milliseconds(moment)), 0)  # before 1970 there were no ids


def is_id(text: str) -> bool:
    """Whether `text` can be an id at all; anything else is simply not found."""
    try:
        # Python also takes "urn:uuid:…", "+1…" and digits of other scripts, which PostgreSQL refuses with an error.
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
