"""Who calls: clients and their API keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sentinel.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthorizedError,
)
from sentinel.models import ApiKey, Client
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries import clients
from sentinel.queries.unique import TakenError
from sentinel.security import KEY_PREFIX, SHOWN, key_hash, new_api_key
from sentinel.services.editing import LARGEST_ID, cut
from sentinel.services.unit_of_work import UnitOfWork

OPERATOR = "operator"
"""Who works on the machine itself, by the command line."""

LONGEST_NAME = 100

FARTHEST_EXPIRY = timedelta(days=3650)

RESOURCES = (
    "notifications",
    "events",
    "rules",
    "endpoints",
    "templates",
    "tickets",
    "suppressions",
    "silences",
    "integrations",
    "heartbeats",
    "drills",
)
"""What has scopes of its own."""

OWN_SCOPES = tuple(f"{resource}:{access}" for resource in RESOURCES for access in ("read", "write"))
"""What a key may do for its own client; one that is made without scopes has all of these."""

BROADCAST = "events:broadcast"
"""Events posted with such a key are heard by the rules of every client."""

KEY_SCOPES = ("keys:read", "keys:write")
"""Such a key manages the keys of its own client."""

ADMIN = "admin"
"""Such a key may act for any client (`?client=`), and manages clients and their keys."""

SCOPES = (*OWN_SCOPES, *KEY_SCOPES, BROADCAST, ADMIN)


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a request, what its key allows, and how the history calls who it was."""

    client_id: int
    client_name: str
    scopes: frozenset[str]
    label: str = OPERATOR
    key_hash: str | None = None
    """Of the key, as hex; none in open mode and on the machine itself."""

    def require(self, scope: str) -> None:
        """Refuse what the key does not allow."""
        if scope not in self.scopes and not (scope in KEY_SCOPES and ADMIN in self.scopes):
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
    return Caller(client_id, name, frozenset(scopes), label=key[:SHOWN], key_hash=hashed.hex())


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


def active_caller(uow: UnitOfWork, client_name: str) -> Caller:
    """Return the operator of this machine acting for a client that is on."""
    found = clients.active_caller_by_name(uow.session, client_name)
    if found is None:
        raise NotFoundError(
            f"there is no client {client_name[:LONGEST_NAME]!r} that is on; "
            "`sentinel keys list` shows those that have keys, PATCH /clients/{id} switches one on"
        )
    client_id, name = found
    return Caller(client_id, name, frozenset(SCOPES))


def person_acting(uow: UnitOfWork, client_name: str, *, label: str) -> Caller:
    """Return a person, whom the history calls `label`, acting for a client, whether that is on or off."""
    found = None if "\0" in client_name else clients.caller_by_name(uow.session, client_name)
    if found is None:
        raise NotFoundError(
            f"there is no client {client_name[:LONGEST_NAME]!r}; the page Clients lists those there are"
        )
    client_id, name = found
    return Caller(client_id, name, frozenset(SCOPES), label=label)


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


def issue_key(
    uow: UnitOfWork, caller: Caller, name: str, *, scopes: Sequence[str] = (), expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key for the caller's client that may do no more than the caller's own; `admin` may grant anything."""
    has_all = ADMIN in caller.scopes
    lacking = [scope for scope in scopes if scope not in caller.scopes and not has_all]
    if lacking:
        raise ForbiddenError(f"this API key cannot grant what it lacks itself: {', '.join(lacking)}")
    _check_expiry(uow, expires_at)
    wanted = dict.fromkeys(scopes or [scope for scope in OWN_SCOPES if has_all or scope in caller.scopes])
    if not wanted:
        remedy = f"name some of: {', '.join(sorted(caller.scopes))}"
        raise InvalidInputError(FieldError("scopes", [], "would be none", remedy))
    return create_key(uow, caller.client_name, name, scopes=wanted, expires_at=expires_at)


def _check_expiry(uow: UnitOfWork, expires_at: datetime | None) -> None:
    if expires_at is not None and not uow.now < expires_at <= uow.now + FARTHEST_EXPIRY:
        remedy = f"choose a time within {FARTHEST_EXPIRY.days} days, or leave it out: then it works until it is revoked"
        raise InvalidInputError(FieldError("expires_at", expires_at.isoformat(), "is not in the years to come", remedy))


def keys_page(uow: UnitOfWork, client_id: int, *, after: int, size: int) -> tuple[Sequence[ApiKey], int | None]:
    """Return a page of keys in the order they were made, and the cursor of the next page, if any."""
    return cut(clients.keys_page(uow.session, client_id, after=after, size=size + 1), size)


def get_key(uow: UnitOfWork, key_id: int, *, client_id: int) -> ApiKey:
    """Return a key of a client, working or not; the key itself is not stored."""
    found = clients.key(uow.session, key_id, client_id=client_id) if key_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no API key {key_id}; GET /api-keys lists those there are")
    return found


def key_state(key: ApiKey, *, now: datetime) -> str:
    """Whether a key works: `active`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def revoke_key(uow: UnitOfWork, key_id: int, *, client_id: int | None = None) -> None:
    """Revoke a key (None: of any client); it stops working with the next request."""
    is_gone = key_id > LARGEST_ID or not clients.revoke(uow.session, key_id, now=uow.now, client_id=client_id)
    if is_gone:
        raise NotFoundError(f"no working API key with id {key_id}; see `sentinel keys list`")


def page(uow: UnitOfWork, *, after: int, size: int) -> tuple[Sequence[Client], int | None]:
    """Return a page of clients in the order they were made, and the cursor of the next page, if any."""
    return cut(clients.page(uow.session, after=after, size=size + 1), size)


def get(uow: UnitOfWork, client_id: int) -> Client:
    """Return a client."""
    found = clients.get(uow.session, client_id) if client_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no client {client_id}; GET /clients lists those there are")
    return found


def create(uow: UnitOfWork, name: str) -> Client:
    """Store a new client."""
    try:
        return clients.add(uow.session, name, now=uow.now)
    except TakenError:
        raise _name_is_taken(name) from None


def change(uow: UnitOfWork, client_id: int, *, name: str | None = None, is_active: bool | None = None) -> Client:
    """Rename a client, switch it off or on; None: as it is."""
    found = get(uow, client_id)
    values = {key: value for key, value in (("name", name), ("is_active", is_active)) if value is not None}
    if name not in (None, found.name):
        _refuse_default(found, "renamed: requests without a key speak for it")
    if not values:
        return found
    try:
        return clients.change(uow.session, client_id, values) or get(uow, client_id)
    except TakenError:
        raise _name_is_taken(str(name)) from None


def delete(uow: UnitOfWork, client_id: int) -> None:
    """Remove a client with its rules, endpoints, templates, tickets and keys, once it has no records."""
    found = get(uow, client_id)
    _refuse_default(found, "removed: requests without a key speak for it")
    if clients.has_records(uow.session, client_id):
        raise ConflictError(
            f'client "{found.name}" has notifications or events that are kept until SENTINEL_RETENTION_DAYS are over; '
            'until then switch it off, with PATCH {"is_active": false}'
        )
    clients.remove(uow.session, client_id)


def _refuse_default(found: Client, what: str) -> None:
    if found.name == DEFAULT_CLIENT:
        raise ConflictError(f"client `{DEFAULT_CLIENT}` cannot be {what}")


def _name_is_taken(name: str) -> ConflictError:
    return ConflictError(f'there is a client "{name}" already; GET /clients lists those there are')
