"""Rows that somebody else holds meanwhile: what waits for them, and what passes them by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from sentinel.db import get_engine
from tests.system import eventually


@contextmanager
def held(statement: str) -> Iterator[None]:
    """Run a statement that is not committed before the block ends, so that others meet its rows locked.

    Nobody waits for ever: after `SENTINEL_LOCK_TIMEOUT_SECONDS` a statement that should have passed by fails.
    """
    with get_engine().begin() as connection:
        connection.execute(text(statement))
        yield


def begun_during(statement: str, call: Callable[[], Any]) -> Any:
    """Return what a call gives that comes while a statement is under way, waits for it, and sees what it has left."""
    with ThreadPoolExecutor(1) as pool:
        with held(statement):
            begun = pool.submit(call)
            eventually(is_anybody_waiting, seconds=9, message="it does not wait for the row that is held")
        return begun.result(timeout=30)


def is_anybody_waiting() -> bool:
    """Whether some transaction waits for the end of another."""
    with get_engine().connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
