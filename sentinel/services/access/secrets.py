"""Secrets at rest: how they are sealed, and their way from one key to the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from sentinel.errors import UnreadableSecretError
from sentinel.queries import endpoints
from sentinel.security import is_sealed, is_sealed_freshly, seal, unseal
from sentinel.services.unit_of_work import UnitOfWork

BATCH = 500
"""Rows of one transaction: none is locked for longer than these take."""


@dataclass(slots=True)
class Standing:
    """How the secrets of endpoints stand. `older`: sealed with a key that is not the first any more."""

    fresh: int = 0
    older: int = 0
    clear: int = 0
    unreadable: list[int] = field(default_factory=list)
    """Ids of the endpoints whose secret no key opens."""

    def note(self, endpoint_id: int, stored: str) -> str | None:
        """Count a stored secret; return it sealed with the first key, if it is not and can be."""
        if is_sealed_freshly(stored):
            self.fresh += 1
            return None
        try:
            secret = unseal(stored)
        except UnreadableSecretError:
            self.unreadable.append(endpoint_id)
            return None
        self.older += is_sealed(stored)
        self.clear += not is_sealed(stored)
        return secret


def check(uow: UnitOfWork) -> Standing:
    """Look at every secret; nothing changes."""
    standing = Standing()
    after = 0
    while rows := endpoints.secrets(uow.session, after=after, size=BATCH):
        for endpoint_id, stored in rows.items():
            standing.note(endpoint_id, stored)
        after = max(rows)
    return standing


def rotate(work: Callable[[], AbstractContextManager[UnitOfWork]]) -> Standing:
    """Seal every secret with the first key, a batch in each unit of `work`; returns how they stood before.

    What cannot be opened stays as it is. Stopped half way, it may simply be called again.
    """
    standing = Standing()
    after: int | None = 0
    while after is not None:
        with work() as uow:
            after = _rotate_batch(uow, standing, after)
    return standing


def _rotate_batch(uow: UnitOfWork, standing: Standing, after: int) -> int | None:
    rows = endpoints.secrets(uow.session, after=after, size=BATCH, is_locked=True)
    opened = {each: standing.note(each, stored) for each, stored in rows.items()}
    sealed = {each: seal(secret) for each, secret in opened.items() if secret is not None}
    if sealed:
        endpoints.put_secrets(uow.session, sealed)
    return max(rows, default=None)
