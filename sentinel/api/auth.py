"""Who calls: an API key, or in open mode nobody in particular on this very machine."""

from __future__ import annotations

from flask import current_app, request

from sentinel.errors import UnauthorizedError
from sentinel.services import clients
from sentinel.services.clients import Caller
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import Settings, is_loopback

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def current_caller(uow: UnitOfWork, scope: str) -> Caller:
    """Return the client behind this request, if its key allows `scope`."""
    caller = _caller(uow)
    caller.require(scope)
    return caller


def _caller(uow: UnitOfWork) -> Caller:
    header = request.headers.get("Authorization")
    if header is None:
        if not _may_be_open():
            raise UnauthorizedError("send your API key as `Authorization: Bearer sntl_…`; see `sentinel keys create`")
        return clients.open_caller(uow)
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise UnauthorizedError("the Authorization header must read `Bearer sntl_…`")
    return clients.caller_of_key(uow, key.strip())


def _may_be_open() -> bool:
    """Open mode is for this machine only: a proxy in front, or a page that rebinds its name to us, is refused."""
    settings: Settings = current_app.config["SENTINEL"]
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return settings.is_open and is_loopback(host) and not any(name in request.headers for name in FORWARDED)
