"""Who calls: clients and their API keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sentinel.errors import FieldError, ForbiddenError, InvalidInputError, NotFoundError, UnauthorizedError
from sentinel.models import ApiKey
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import clients
from sentinel.security import KEY_PREFIX, SHOWN, key_hash, new_api_key
from sentinel.services.unit_of_work import UnitOfWork

OPERATOR = "operator"
"""Who works on the machine itself, by the command line."""

LONGEST_NAME = 100

OWN_SCOPES = tuple(
    f"{resource}:{access}"
    for resource in ("notifications", "events", "rules", "endpoints", "templates", "tickets")
    for access in ("read", "write")
)
"""What a key may do for its own client; one that is made without scopes has all of these."""

BROADCAST = "events:broadcast"
"""Events posted with such a key are heard by the rules of every client."""

ADMIN = "admin"
"""Such a key may act for any client (`?client=`), and manages clients and their keys."""

SCOPES = (*OWN_SCOPES, BROADCAST, ADMIN)


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a request, what its key allows, and how the history calls who it was."""

    client_id: int
    client_name: str
    scopes: frozenset[str]
    label: str = OPERATOR

    def require(self, scope: str) -> None:
        """Refuse what the key does not allow."""
        if scope not in self.scopes:
            raise ForbiddenError(
                f"this API key lacks the scope {scope}; "
                f"create one with `sentinel keys create --client {self.client_name} --scope {scope}`"
            )


def caller_of_key(uow: UnitOfWork, key: str) -> Caller:
    """Return who calls with `key`."""
    hashed = key_hash(key)
    found = clients.caller_by_key_hash(uow.session, hashed, now=uow.now) if key.startswith(KEY_PREFIX) else None
    if found is None:
        raise UnauthorizedError("this API key is unknown, revoked or expired; create one with `sentinel keys create`")
    client_id, name, scopes = found
    return Caller(client_id, name, frozenset(scopes), label=key[:SHOWN])


def acting_for(uow: UnitOfWork, caller: Caller, client_name: str) -> Caller:
    """Return the caller as it acts for another client, which takes the scope `admin`."""
    if client_name == caller.client_name:
        return caller
    if ADMIN not in caller.scopes:
        raise ForbiddenError(
            f"this API key belongs to client {caller.client_name} and sees only what is its own; "
            f"acting for others takes the scope {ADMIN}"
        )
    found = None if "\0" in client_name else clients.caller_by_name(uow.session, client_name)
    if found is None:
        raise NotFoundError(f"no client {client_name[:LONGEST_NAME]!r}; see GET /clients")
    client_id, name = found
    return replace(caller, client_id=client_id, client_name=name)


def open_caller(uow: UnitOfWork) -> Caller:
    """Return the client that requests without a key speak for in open mode."""
    found = clients.caller_by_name(uow.session, DEFAULT_CLIENT)
    if found is None:
        raise UnauthorizedError("client `default` is missing; run `sentinel db upgrade`")
    client_id, name = found
    return Caller(client_id, name, frozenset(SCOPES), label="open mode")


def create_key(
    uow: UnitOfWork, client_name: str, name: str, *, scopes: Iterable[str] = (), expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key for a client (made too, if new); returns the row and the key itself, which is not stored."""
    wanted = list(scopes) or list(OWN_SCOPES)
    for scope in wanted:
        if scope not in SCOPES:
            remedy = f"use any of: {', '.join(SCOPES)}"
            raise InvalidInputError(FieldError("scope", scope, "unknown scope", remedy))
    key = new_api_key()
    row = ApiKey(
        client_id=clients.ensure(uow.session, client_name, now=uow.now).id,
        name=name,
        prefix=key[:SHOWN],
        key_hash=key_hash(key),
        scopes=wanted,
        created_at=uow.now,
        expires_at=expires_at,
    )
    uow.session.add(row)
    uow.session.flush()
    return row, key


def revoke_key(uow: UnitOfWork, key_id: int) -> None:
    """Revoke a key; it stops working with the next request."""
    if not clients.revoke(uow.session, key_id, now=uow.now):
        raise NotFoundError(f"no working API key with id {key_id}; see `sentinel keys list`")
