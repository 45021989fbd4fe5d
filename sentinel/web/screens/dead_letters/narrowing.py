"""Which letters are meant: the filters of the address, or of a form that was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import request

from sentinel.channels.registry import CHANNELS
from sentinel.ids import is_id
from sentinel.models.status import RETRYABLE
from sentinel.queries.dead_letters import Group
from sentinel.queries.notifications import Filter
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.web.narrowing import Given, client_id, moment, word, words
from sentinel.web.paging import cursor

STATUSES = tuple(sorted(status.value for status in RETRYABLE))

NOTHING = "-"
"""As a reason or provider: letters that have none."""

NAMES = ("client", "channel", "status", "reason", "provider", "since", "until")
"""Fields that narrow letters down."""


def wanted(uow: UnitOfWork, given: Given | None = None) -> Filter:
    """What was asked for. Raises `InvalidInputError`."""
    fields = request.args if given is None else given
    reason, provider = word("reason", fields), word("provider", fields)
    missing = {"reason": reason == NOTHING, "provider": provider == NOTHING}
    return Filter(
        client_id=client_id(uow, fields),
        statuses=words("status", STATUSES, fields),
        channel=next(iter(words("channel", CHANNELS, fields)), None),
        since=moment("since", fields),
        until=moment("until", fields),
        reason=None if missing["reason"] else reason,
        provider=None if missing["provider"] else provider,
        without=tuple(name for name, is_missing in missing.items() if is_missing),
    )


def place(asked: Filter) -> Filter:
    """The page of letters that was asked for."""
    begins = cursor()
    return replace(asked, before=begins) if begins and is_id(begins) else asked


def of_group(group: Group) -> Mapping[str, str]:
    """The fields that mean exactly the letters of a group."""
    return {
        "client": group.client,
        "channel": group.channel,
        "status": group.status,
        "reason": group.reason or NOTHING,
        "provider": group.provider or NOTHING,
    }


def chosen() -> dict[str, str]:
    """The fields of the address that narrow letters down, for forms to send on."""
    return {name: value for name in NAMES if (value := request.args.get(name))}
