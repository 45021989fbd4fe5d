"""Secrets at rest: how they are sealed, and their way from one key to the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sentinel.errors import UnreadableSecretError
from sentinel.queries import endpoints, integrations
from sentinel.sealing import is_sealed, is_sealed_freshly, seal, unseal
from sentinel.services.unit_of_work import UnitOfWork

BATCH = 500
"""Rows of one transaction: none is locked for longer than these take."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What has secrets: how one of them is called, where the ids begin, and the statements that read and write them."""

    noun: str
    first: Any
    read: Callable[..., dict[Any, str]]
    write: Callable[..., None]


HOLDERS = (
    Holder("endpoint", 0, endpoints.secrets, endpoints.put_secrets),
    Holder("integration", "00000000-0000-0000-0000-000000000000", integrations.secrets, integrations.put_secrets),
)


@dataclass(slots=True)
class Standing:
    """How secrets stand. `older`: sealed with a key that is not the first any more."""

    fresh: int = 0
    older: int = 0
    clear: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Whose secret no key opens: "endpoint 7"."""

    def note(self, owner: str, stored: str) -> str | None:
        """Count a stored secret; return it sealed with the first key, if it is not and can be."""
        if is_sealed_freshly(stored):
            self.fresh += 1
            return None
        try:
            secret = unseal(stored)
        except UnreadableSecretError:
            self.unreadable.append(owner)
            return None
        self.older += is_sealed(stored)
        self.clear += not is_sealed(stored)
        return secret


def check(uow: UnitOfWork) -> Standing:
    """Look at every secret; nothing changes."""
    standing = Standing()
    for holder in HOLDERS:
        after = holder.first
        while rows := holder.read(uow.session, after=after, size=BATCH):
            for row_id, stored in rows.items():
                standing.note(f"{holder.noun} {row_id}", stored)
            after = max(rows)
    return standing


def rotate(work: Callable[[], AbstractContextManager[UnitOfWork]]) -> Standing:
    """Seal every secret with the first key, a batch in each unit of `work`; returns how they stood before.

    What cannot be opened stays as it is. Stopped half way, it may simply be called again.
    """
    standing = Standing()
    for holder in HOLDERS:
        after = holder.first
        while after is not None:
            with work() as uow:
                after = _rotate_batch(uow, holder, standing, after)
    return standing


def _rotate_batch(uow: UnitOfWork, holder: Holder, standing: Standing, after: Any) -> Any:
    rows = holder.read(uow.session, after=after, size=BATCH, is_locked=True)
    opened = {each: standing.note(f"{holder.noun} {each}", stored) for each, stored in rows.items()}
    sealed = {each: seal(secret) for each, secret in opened.items() if secret is not None}
    if sealed:
        holder.write(uow.session, sealed)
    return max(rows, default=None)
