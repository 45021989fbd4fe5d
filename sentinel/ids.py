"""Identifiers that sort by time: UUID version 7 (RFC 9562), as text."""

from __future__ import annotations

import os
import threading
import uuid
from datetime import datetime

_RANDOM_BITS = 74  # 12 bits rand_a and 62 bits rand_b
_DRAWN_BYTES = 10


def _compose(milliseconds: int, random_bits: int) -> str:
    rand_a, rand_b = random_bits >> 62, random_bits & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    digits = f"{value:032x}"  # as uuid.UUID writes it, in a third of the time
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class _Rooms:
    """Where the random part of ids begins: anywhere, or within one millisecond behind the ids given out before."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was given out; a child process must not go on where its parent does, nor wait for its lock."""
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._next = 0
        self._drawn = b""

    def _random_number(self) -> int:
        """Draw from the system's randomness, a thousand bytes at once: each time is a chance to lose Python's lock."""
        if not self._drawn:
            self._drawn = os.urandom(100 * _DRAWN_BYTES)
        taken, self._drawn = self._drawn[:_DRAWN_BYTES], self._drawn[_DRAWN_BYTES:]
        return int.from_bytes(taken) >> (8 * _DRAWN_BYTES - _RANDOM_BITS + 1)

    def take(self, milliseconds: int, count: int) -> int:
        """Return the first of `count` numbers that no other caller of this process gets for these milliseconds."""
        with self._lock:
            if milliseconds != self._milliseconds:
                self._milliseconds = milliseconds
                self._next = self._random_number()  # the top bit stays free: nothing can overflow
            first = self._next
            self._next += count
            return first


_rooms = _Rooms()
os.register_at_fork(after_in_child=_rooms.begin_anew)


def new_ids(moment: datetime, count: int) -> list[str]:
    """`count` ids of `moment`, in ascending order, behind those this process has made for the same millisecond."""
    milliseconds = _milliseconds(moment)
    room = _rooms.take(milliseconds, count)
    return [_compose(milliseconds, room + index) for index in range(count)]


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
