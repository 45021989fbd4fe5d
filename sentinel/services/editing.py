"""What holds for everything that people edit: ids are small numbers, and nobody overwrites what they have not read."""

from __future__ import annotations

from sentinel.errors import ConflictError

LARGEST_ID = 2**31 - 1
"""A larger number cannot be an id, and PostgreSQL would say so with an error."""


def stale(what: str, *, now: int, read: int) -> ConflictError:
    """The refusal of a writer who has read another version than the one there is."""
    return ConflictError(
        f"{what} has version {now} now, and you have read {read}; read it again, and send the version you then have"
    )
