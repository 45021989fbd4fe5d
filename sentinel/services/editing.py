"""What holds for everything that people edit: ids are small numbers, and nobody overwrites what they have not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from sentinel.errors import ConflictError

LARGEST_ID = 2**31 - 1
"""A larger number cannot be an id, and PostgreSQL would say so with an error."""


def stale(what: str, *, now: int, read: int) -> ConflictError:
    """The refusal of a writer who has read another version than the one there is."""
    return ConflictError(
        f"{what} has version {now} now, and you have read {read}; read it again, and send the version you then have"
    )


class Numbered(Protocol):
    """A row whose id is a number."""

    id: Any


Row = TypeVar("Row", bound=Numbered)


def cut(rows: Sequence[Row], size: int) -> tuple[Sequence[Row], int | None]:
    """Split what was read, one row more than a page has, into the page and the cursor of the next one, if any."""
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def cut_named(rows: list[tuple[Row, str]], size: int) -> tuple[list[tuple[Row, str]], int | None]:
    """Split rows that come with their clients' names as `cut` does."""
    _, following = cut([row for row, _ in rows], size)
    return rows[:size], following
