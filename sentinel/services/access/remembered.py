"""Who has called this process before: enough to prepare what a request asks for, never enough to do it.

A key may have been revoked since, a client renamed or switched off. So what is done for a remembered caller is done by
a statement that proves its credentials, and a caller that is not proven is looked up again.
"""

from __future__ import annotations

from sentinel.queries.clients import Credentials
from sentinel.services.access.clients import Caller

MOST = 10_000
"""Most callers a process remembers."""

_callers: dict[str | None, Caller] = {}
"""By the hash of their key; none: the one of open mode."""


def remember(caller: Caller) -> None:
    """Remember a caller that was just looked up."""
    if len(_callers) >= MOST:
        _callers.clear()
    _callers[caller.key_hash] = caller


def recall(key_hash: str | None) -> Caller | None:
    """Return who called with that key (None: without one) some time ago."""
    return _callers.get(key_hash)


def credentials(caller: Caller) -> Credentials:
    """Return what a statement has to prove of a caller."""
    return Credentials(caller.client_id, caller.client_name, caller.key_hash, tuple(caller.scopes))
