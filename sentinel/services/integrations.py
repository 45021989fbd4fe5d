"""Integrations of a client: the addresses to which other systems send, and for whom they speak there."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.ids import is_id
from sentinel.integrations import KINDS, OF_TOPIC, SIGNED
from sentinel.json_bounds import is_storable
from sentinel.models import Integration
from sentinel.queries import integrations as queries
from sentinel.queries.integrations import Filter
from sentinel.queries.unique import TakenError
from sentinel.sealing import seal, unseal
from sentinel.services.access.clients import Caller
from sentinel.services.texts import checked_line
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

SENDS = "events:write"
"""What who sends to an integration may do, and all of it: who makes, sees or changes one can do that."""

TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]+:[\w.-]+", re.ASCII)
TOPIC_EXAMPLE = "arn:aws:sns:eu-central-1:123456789012:alarms"
LONGEST_TOPIC = 512
SHORTEST_SECRET, LONGEST_SECRET = 8, 255


@dataclass(frozen=True, slots=True)
class Written:
    """An integration as somebody wants it."""

    kind: str
    name: str
    secret: str | None = None
    topic_arn: str | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends to an integration: for whom it speaks, and how it proves who it is."""

    caller: Caller
    secret: str | None
    topic_arn: str | None


def address_of(integration: Integration) -> str:
    """Return the address that is configured at the other system."""
    settings = get_settings()
    base = settings.public_base_url or f"http://{settings.api_host}:{settings.api_port}"
    return f"{base}/integrations/{integration.kind}/{integration.id}"


def sender_at(uow: UnitOfWork, kind: str, integration_id: str) -> Sender:
    """Return who sends to the address of an integration; one that is switched off is not there."""
    found = queries.open_for(uow.session, integration_id, kind) if is_id(integration_id) else None
    if found is None:
        raise NotFoundError(f"there is no {kind} integration at this address, or it is switched off")
    row, client = found
    caller = Caller(row.client_id, client, frozenset({SENDS}), label=f"integration {row.name}")
    return Sender(caller, row.secret and unseal(row.secret), row.topic_arn)


def get(uow: UnitOfWork, integration_id: str, *, client_id: int | None) -> Integration:
    """Return an integration of the client (None: of any)."""
    found = queries.get(uow.session, integration_id, client_id=client_id) if is_id(integration_id) else None
    if found is None:
        raise NotFoundError(f"no integration {integration_id[:36]}; GET /integrations lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Integration, str]], str | None]:
    """Return a page of integrations with their clients' names, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, size=size + 1)
    return rows[:size], rows[size - 1][0].name if len(rows) > size else None


def create(uow: UnitOfWork, caller: Caller, written: Written) -> Integration:
    """Store a new integration; where its system signs with a secret, one is made if none is given."""
    caller.require(SENDS)
    checked_line("name", written.name)
    _check(written.kind, secret=written.secret, topic_arn=written.topic_arn)
    secret = written.secret
    if written.kind == SIGNED:
        secret = seal(secret or secrets.token_urlsafe(32))
    row = {
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16))),  # no bit of it says when or where it was made
        "client_id": caller.client_id,
        "kind": written.kind,
        "name": written.name,
        "secret": secret,
        "topic_arn": written.topic_arn,
        "is_enabled": written.is_enabled,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    try:
        return queries.add(uow.session, row)
    except TakenError:
        raise _name_is_taken(written.name) from None


def change(uow: UnitOfWork, client_id: int, integration_id: str, changes: dict[str, Any]) -> Integration:
    """Change what is named: `name`, `is_enabled`, `secret` or `topic_arn`."""
    found = get(uow, integration_id, client_id=client_id)
    if "name" in changes:
        checked_line("name", changes["name"])
    _check(found.kind, secret=changes.get("secret"), topic_arn=changes.get("topic_arn"))
    values = changes | {"updated_at": uow.now}
    if "secret" in changes:
        values["secret"] = seal(changes["secret"])
    try:
        changed = queries.change(uow.session, found.id, values)
    except TakenError:
        raise _name_is_taken(changes["name"]) from None
    return changed or get(uow, integration_id, client_id=client_id)


def delete(uow: UnitOfWork, integration_id: str, *, client_id: int | None) -> Integration:
    """Remove an integration (client None: of any); its address is gone with the next request."""
    found = get(uow, integration_id, client_id=client_id)
    queries.delete(uow.session, found.id)
    return found


def _check(kind: str, *, secret: str | None, topic_arn: str | None) -> None:
    """Refuse what the kind has no use for, and what can be no secret and no topic."""
    if kind not in KINDS:
        raise InvalidInputError(FieldError("kind", kind, "is not known", f"use one of: {', '.join(KINDS)}"))
    if secret is not None and kind != SIGNED:
        raise _unused("secret", "(secret)", kind, SIGNED)
    if topic_arn is not None and kind != OF_TOPIC:
        raise _unused("topic_arn", topic_arn, kind, OF_TOPIC)
    if secret is not None:
        _check_secret(secret)
    if topic_arn is not None and (len(topic_arn) > LONGEST_TOPIC or not TOPIC.fullmatch(topic_arn)):
        remedy = f"write it like {TOPIC_EXAMPLE}"
        raise InvalidInputError(FieldError("topic_arn", shown(topic_arn), "is no ARN of an SNS topic", remedy))


def _check_secret(secret: str) -> None:
    is_line = "\n" not in secret and "\r" not in secret and is_storable(secret)
    if not is_line or not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        remedy = f"use {SHORTEST_SECRET} to {LONGEST_SECRET} characters on one line"
        raise InvalidInputError(FieldError("secret", "(secret)", "cannot be the secret", remedy))


def _unused(field: str, value: str, kind: str, only: str) -> InvalidInputError:
    return InvalidInputError(FieldError(field, value, f"is not used by {kind}", f"leave it out; only {only} has one"))


def _name_is_taken(name: str) -> ConflictError:
    return ConflictError(f'there is an integration "{name}" already; GET /integrations lists those there are')
