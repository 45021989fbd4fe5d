"""Failover chains: where a client's messages on a channel go that name no other targets themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError, NotFoundError
from sentinel.models import FailoverChain
from sentinel.queries import chains, endpoints
from sentinel.services.sending import failover
from sentinel.services.sending.failover import Target
from sentinel.services.unit_of_work import UnitOfWork

LONGEST_SHOWN = 20
NOBODY = ("", "")


def overview(uow: UnitOfWork, client_id: int) -> Sequence[FailoverChain]:
    """Return the chains that the client has set, by channel."""
    return chains.of_client(uow.session, client_id)


def get(uow: UnitOfWork, client_id: int, channel: str) -> FailoverChain:
    """Return the chain of a channel."""
    name = _known(channel)
    found = chains.get(uow.session, client_id, name)
    if found is None:
        raise _unset(name)
    return found


def put(uow: UnitOfWork, client_id: int, channel: str, targets: Sequence[Target]) -> FailoverChain:
    """Set a chain; it holds for messages that are accepted from now on."""
    name = _known(channel)
    if not targets:
        raise InvalidInputError(FieldError("targets", [], "is empty", "name a target, or DELETE the chain"))
    checked = failover.checked(targets, first=NOBODY)
    check_named(uow, client_id, checked)
    return chains.put(uow.session, client_id, name, [each.as_stored() for each in checked], now=uow.now)


def unset(uow: UnitOfWork, client_id: int, channel: str) -> None:
    """Remove a chain; messages that were accepted before keep theirs."""
    name = _known(channel)
    if not chains.remove(uow.session, client_id, name):
        raise _unset(name)


def check_named(uow: UnitOfWork, client_id: int, targets: Sequence[Target], *, but: str | None = None) -> None:
    """Refuse endpoints that are not there, and the one `but` that would take over for itself."""
    wanted = {(client_id, each.endpoint) for each in targets if each.endpoint is not None}
    known = endpoints.named(uow.session, wanted).get(client_id, {}) if wanted else {}
    for number, target in enumerate(targets):
        name, field = target.endpoint, f"failover.{number}.endpoint"
        if name is not None and name == but:
            raise InvalidInputError(FieldError(field, name, "is this endpoint itself", "name another one"))
        if name is not None and name not in known:
            remedy = "make it first, with POST /endpoints, or enable it"
            raise InvalidInputError(FieldError(field, name, "is no enabled endpoint of this client", remedy))


def _known(channel: str) -> str:
    name = channel.lower()
    if name not in CHANNELS:
        raise NotFoundError(f"no channel {channel[:LONGEST_SHOWN]!r}; there are: {', '.join(CHANNELS)}")
    return name


def _unset(name: str) -> NotFoundError:
    return NotFoundError(f"no failover chain is set for {name}; PUT /failover-chains/{name} sets one")
