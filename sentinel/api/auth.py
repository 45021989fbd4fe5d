"""Who calls: an API key, or in open mode nobody in particular on this very machine."""

from __future__ import annotations

from flask import current_app, g, request

from sentinel.api.parsing import BODY_METHODS
from sentinel.errors import UnauthorizedError
from sentinel.openness import is_open_to
from sentinel.security import key_hash
from sentinel.services.access import clients, remembered
from sentinel.services.access.clients import Caller
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work


def require_credentials() -> None:
    """Refuse who shows no API key before anything of the request is read; open mode needs none."""
    if g.get("is_known_key") or g.get("has_valid_key") or g.get("is_open"):
        return
    if "Authorization" in request.headers:
        _require_key()
        return
    if not is_open_to(request, current_app.config["SENTINEL"]):
        raise UnauthorizedError("send your API key as `Authorization: Bearer sntl_…`; see `sentinel keys create`")
    g.is_open = True  # asked before the body is read, and again for the caller


def current_caller(uow: UnitOfWork, scope: str) -> Caller:
    """Return the client this request speaks for, if its key allows `scope`: its own, or the one of `?client=`."""
    caller = _caller(uow)
    caller.require(scope)
    wanted = request.args.get("client")
    return caller if wanted is None else clients.acting_for(uow, caller, wanted)


def remembered_caller(scope: str) -> Caller | None:
    """Return the client this request speaks for as far as this process remembers: whatever is done must prove it.

    None where anything has to be looked up for that, or for the request itself to be repeatable.
    """
    if "Idempotency-Key" in request.headers:
        return None
    if request.query_string and "client" in request.args:
        return None
    header = request.headers.get("Authorization")
    if header is None:
        require_credentials()
    caller = remembered.recall(None if header is None else key_hash(_bearer(header)).hex())
    return caller if caller is not None and scope in caller.scopes else None


def note_proven(caller: Caller) -> None:
    """Note that a remembered caller was proven: its key works."""
    if caller.key_hash is not None:
        g.has_valid_key = True


def _require_key() -> None:
    """Refuse a key that is none before its body is read: a body that never comes holds a thread of the server."""
    if request.method in BODY_METHODS:
        with unit_of_work() as uow:
            _caller(uow)


def presented_key() -> str | None:
    """Return what this request shows as its key, right or wrong; None without an Authorization header."""
    header = request.headers.get("Authorization")
    return None if header is None else _bearer(header) or header


def _bearer(header: str) -> str:
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _caller(uow: UnitOfWork) -> Caller:
    header = request.headers.get("Authorization")
    if header is None:
        require_credentials()
        caller = clients.open_caller(uow)
        remembered.remember(caller)
        return caller
    key = _bearer(header)
    if not key:
        raise UnauthorizedError("the Authorization header must read `Bearer sntl_…`")
    caller = clients.caller_of_key(uow, key)
    remembered.remember(caller)
    g.has_valid_key = True
    return caller
