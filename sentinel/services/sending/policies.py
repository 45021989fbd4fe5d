"""What a client wants done with a send in doubt: of one channel, of all, or as the installation has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sentinel.channels.registry import CHANNELS
from sentinel.errors import NotFoundError
from sentinel.queries import policies
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

EVERY_CHANNEL = "*"
POLICY_CHANNELS = (EVERY_CHANNEL, *CHANNELS)
POLICIES = ("at_least_once", "at_most_once")

LONGEST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for a channel, and where that is set: for the channel, for all of them (`client`), or not at all."""

    channel: str
    ambiguous_policy: str
    set_by: str
    updated_at: datetime | None = None


def overview(uow: UnitOfWork, client_id: int) -> list[Policy]:
    """Return what holds for all channels together and for each."""
    stored = policies.of_client(uow.session, client_id)
    usual = Policy(EVERY_CHANNEL, get_settings().ambiguous_policy, "default")
    if found := stored.get(EVERY_CHANNEL):
        usual = Policy(EVERY_CHANNEL, found.ambiguous_policy, "client", found.updated_at)
    own = {each: Policy(each, row.ambiguous_policy, "channel", row.updated_at) for each, row in stored.items()}
    inherited = {each: Policy(each, usual.ambiguous_policy, usual.set_by, usual.updated_at) for each in CHANNELS}
    return [usual, *(own.get(each, inherited[each]) for each in CHANNELS)]


def get(uow: UnitOfWork, client_id: int, channel: str) -> Policy:
    """Return what holds for a channel."""
    name = _known(channel)
    return next(policy for policy in overview(uow, client_id) if policy.channel == name)


def put(uow: UnitOfWork, client_id: int, channel: str, policy: str) -> Policy:
    """Set what is done with sends in doubt; it holds from the next decision on."""
    name = _known(channel)
    policies.put(uow.session, client_id, name, policy, now=uow.now)
    uow.session.expire_all()
    return get(uow, client_id, name)


def unset(uow: UnitOfWork, client_id: int, channel: str) -> None:
    """Remove what was set for a channel; then that of all channels holds, or the installation's."""
    name = _known(channel)
    if not policies.remove(uow.session, client_id, name):
        raise NotFoundError(f"no policy is set for {name}; GET /delivery-policies shows what holds, and why")


def _known(channel: str) -> str:
    name = channel.lower()
    if name not in POLICY_CHANNELS:
        raise NotFoundError(f"no channel {channel[:LONGEST_SHOWN]!r}; there are: {', '.join(POLICY_CHANNELS)}")
    return name
