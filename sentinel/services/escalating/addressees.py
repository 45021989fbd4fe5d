"""Whom the targets of a step mean at this moment: endpoints, whoever is on call, or plain addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sentinel.channels.recipients import normalise
from sentinel.errors import InvalidInputError
from sentinel.queries import endpoints
from sentinel.queries.endpoints import Destination
from sentinel.rules.syntax import ENDPOINT
from sentinel.services.escalating import rotations
from sentinel.services.escalating.policies import ROTATION
from sentinel.services.sending import failover
from sentinel.services.sending.failover import Target
from sentinel.services.unit_of_work import UnitOfWork

Asked = tuple[int, str]
"""A client, and a target as its policy has it: `endpoint:ann`, `rotation:primary`, `sms:+14155552671`."""

NO_ENDPOINT, NO_ROTATION, INVALID = "no_endpoint", "no_rotation", "invalid"


@dataclass(frozen=True, slots=True)
class Nobody:
    """A target behind which there is nobody now, and why."""

    target: str
    reason: str
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who can be told; `who` is what the history calls them. `unusable`: who cannot take over any more."""

    target: str
    who: str
    channel: str
    recipient: str
    endpoint_id: int | None = None
    failover: tuple[Target, ...] = ()
    unusable: tuple[Nobody, ...] = ()


def found(uow: UnitOfWork, asked: Iterable[Asked]) -> Mapping[Asked, Addressee | Nobody]:
    """Say whom targets mean, with two questions for all of them together."""
    wanted = set(asked)
    duties = rotations.on_call_of(uow, ((client, _name(target)) for client, target in wanted if _is(ROTATION, target)))
    names = {(client, _name(target)) for client, target in wanted if _is(ENDPOINT, target)}
    names |= {(client, duty.member) for (client, _), duty in duties.items() if duty is not None}
    known = endpoints.named(uow.session, sorted(names)) if names else {}

    def meant(client: int, target: str) -> Addressee | Nobody:
        name = _name(target)
        if _is(ROTATION, target):
            duty = duties.get((client, name))
            if duty is None:
                return Nobody(target, INVALID if (client, name) in duties else NO_ROTATION)
            name = duty.member
        elif not _is(ENDPOINT, target):
            return _plain(target)
        endpoint = known.get(client, {}).get(name)
        return Nobody(target, NO_ENDPOINT, name) if endpoint is None else _at(target, name, endpoint)

    return {(client, target): meant(client, target) for client, target in wanted}


def shown(target: str) -> str:
    """A target as a history and other people may have it: who knows a URL can often write to it."""
    channel, _, recipient = target.partition(":")
    scheme, is_url, _ = recipient.partition("://")
    return f"{channel}:{scheme}://•••" if is_url else target


def _is(kind: str, target: str) -> bool:
    return target.startswith(f"{kind}:")


def _name(target: str) -> str:
    return target.partition(":")[2]


def _plain(target: str) -> Addressee | Nobody:
    channel, _, recipient = target.partition(":")
    try:
        return Addressee(target, shown(target), channel, normalise(channel, recipient))
    except InvalidInputError:  # the settings no longer allow what they did when the policy was written
        return Nobody(target, INVALID)


def _at(target: str, who: str, endpoint: Destination) -> Addressee | Nobody:
    try:
        recipient = normalise(endpoint.channel, endpoint.target)
    except InvalidInputError:  # as above
        return Nobody(target, INVALID, who)
    addressee = Addressee(target, who, endpoint.channel, recipient, endpoint.id)
    for other in endpoint.failover or ():
        addressee = _followed(addressee, Target(**other))
    return addressee


def _followed(first: Addressee, other: Target) -> Addressee:
    """With somebody more to take over; who cannot be used any more is noted, and keeps nobody from being told."""
    try:
        kept = failover.checked((*first.failover, other), first=(first.channel, first.recipient))
    except InvalidInputError:
        unusable = Nobody(":".join(other.place), INVALID, first.who)
        return replace(first, unusable=(*first.unusable, unusable))
    return replace(first, failover=kept)
