"""Requests that may be repeated: the same key and the same request get the original answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sentinel.errors import ConflictError, FieldError, InvalidInputError
from sentinel.queries import idempotency
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer: its status, body (JSON text) and Location."""

    status: int
    body: str
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request with an Idempotency-Key; `request_hash` covers method, path and body."""

    client_id: int
    key: str
    request_hash: bytes

    def __post_init__(self) -> None:
        if not (0 < len(self.key) <= LONGEST_KEY and self.key.isprintable()):
            remedy = f"use 1 to {LONGEST_KEY} printable characters, for example a UUID"
            raise InvalidInputError(FieldError("Idempotency-Key", self.key[:50], "cannot be used as a key", remedy))

    def original(self, uow: UnitOfWork) -> Answer | None:
        """Return the answer this key has already had; None if the request is new (and now locked for us)."""
        if not idempotency.try_lock(uow.session, self.client_id, self.key):
            raise ConflictError(
                "a request with this Idempotency-Key is being answered right now; repeat it in a second",
                retry_after_seconds=1,
            )
        found = idempotency.remembered(uow.session, self.client_id, self.key, now=uow.now)
        if found is None:
            return None
        if found.request_hash != self.request_hash:
            remedy = "use a new key for a new request"
            message = "was already used for a different request"
            raise InvalidInputError(FieldError("Idempotency-Key", self.key, message, remedy))
        return Answer(found.response_status, found.response_body, found.location)

    def remember(self, uow: UnitOfWork, answer: Answer) -> None:
        """Keep the answer, in the transaction of the rows it speaks of."""
        row = {
            "request_hash": self.request_hash,
            "response_status": answer.status,
            "response_body": answer.body,
            "location": answer.location,
            "expires_at": uow.now + timedelta(seconds=get_settings().idempotency_seconds),
        }
        idempotency.remember(uow.session, self.client_id, self.key, row)
