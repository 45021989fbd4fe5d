"""The engine of this process and its sessions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from sentinel.settings import get_settings

POOL_OVERFLOW = 2
"""Connections beyond the pool that a process may open for a moment."""


@lru_cache(maxsize=1)
def get_engine() -> Engine:
    """Make the pool of this process on first use; `forget_engine` after a fork."""
    settings = get_settings()
    return create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.database_pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=settings.statement_timeout_seconds,
        pool_pre_ping=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args=_connect_args(settings.statement_timeout_seconds),
    )


def _connect_args(timeout_seconds: int) -> dict[str, Any]:
    # No statement, and no wait for a lock, may hold a worker for ever; UTC whatever the server's zone.
    limits = f"-c statement_timeout={timeout_seconds}s -c lock_timeout={timeout_seconds}s -c timezone=UTC"
    return {"connect_timeout": 5, "options": limits, "application_name": "sentinel"}


@lru_cache(maxsize=1)
def _session_factory() -> sessionmaker[Session]:
    return sessionmaker(get_engine(), expire_on_commit=False)


def new_session() -> Session:
    """Open a session; the caller commits and closes it."""
    return _session_factory()()


def forget_engine() -> None:
    """Drop connections inherited from a parent process without closing the parent's sockets."""
    if get_engine.cache_info().currsize:
        get_engine().dispose(close=False)
    _session_factory.cache_clear()
    get_engine.cache_clear()
