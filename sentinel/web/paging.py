"""Pages of lists: as many rows as somebody wants to see, and where the next ones begin. No page is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import request, url_for

SIZES = (25, 50, 100, 200)
USUAL = 50

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, the cursor of those that follow (None: these are the last), and how many fit."""

    rows: Sequence[Row]
    following: str | int | None
    size: int = USUAL
    is_first: bool = True


def page_size() -> int:
    """How many rows the visitor wants on a page: one of `SIZES`."""
    wanted = request.args.get("size", "")
    return int(wanted) if wanted in map(str, SIZES) else USUAL


def cursor() -> str | None:
    """Where this page begins, as the page before said it; None: at the start."""
    return request.args.get("cursor", "").replace("\0", "") or None


def number_cursor() -> int:
    """Where a page of numbered rows begins: after this id; 0 at the start."""
    wanted = cursor() or ""
    return int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(2**63)) else 0


def here(**changes: str | int | None) -> str:
    """The address of this very page with other arguments; None takes one away."""
    return f"{request.script_root}{request.path}{_arguments(changes)}"


def relative_to(endpoint: str, **changes: str | int | None) -> str:
    """The address of another view with this page's arguments: `url_for` would take some of their names for its own."""
    return url_for(endpoint) + _arguments(changes)


def _arguments(changes: Mapping[str, str | int | None]) -> str:
    wanted = dict(request.args.lists())
    wanted |= {name: [] if value is None else [str(value)] for name, value in changes.items()}
    arguments = urlencode([(name, value) for name, values in wanted.items() for value in values])
    return f"?{arguments}" if arguments else ""


def paged(rows: Sequence[Row], following: str | int | None) -> Page[Row]:
    """The page that was asked for."""
    return Page(rows, following, page_size(), cursor() is None)
