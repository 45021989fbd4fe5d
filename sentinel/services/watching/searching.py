"""Notifications by a word: an id, an address, a user, a dedupe key, a provider's id. Exact, as indexes are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from sentinel.channels.recipients import normalise
from sentinel.errors import InvalidInputError
from sentinel.ids import is_id
from sentinel.queries import notifications, searching
from sentinel.queries.notifications import Filter
from sentinel.services.unit_of_work import UnitOfWork

MOST = 200
"""Notifications that one dedupe key or one provider's id may lead to."""

TWILIO_ID = re.compile(r"(SM|MM)[0-9a-f]{32}", re.ASCII)

SPELLINGS = ("sms", "email")
"""Channels whose recipients people write in more than one way."""


class Known(StrEnum):
    """As what a word was found."""

    ID = "id"
    RECIPIENT = "recipient"
    USER = "user"
    DEDUPE_KEY = "dedupe key"
    PROVIDER_ID = "provider's id"


@dataclass(frozen=True, slots=True)
class Found:
    """What a word means here, and the filter that finds it."""

    kind: Known
    filter: Filter


def look_up(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    """Narrow a filter to what a word names: the first of its meanings that leads to something."""
    word = word.strip()
    if not word or "\0" in word:
        return None
    meanings: tuple[Callable[[UnitOfWork, str, Filter], Found | None], ...] = (
        *(_as_id, _as_provider_id, _as_recipient, _as_user, _as_dedupe_key),
    )
    return next((found for meaning in meanings if (found := meaning(uow, word, wanted))), None)


def _as_id(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    """Ours, if there is such a one: users, keys and addresses of others may look the same."""
    if not is_id(word) or notifications.get(uow.session, word.lower(), client_id=wanted.client_id) is None:
        return None
    return Found(Known.ID, replace(wanted, ids=(word.lower(),)))


def _as_provider_id(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    if not TWILIO_ID.fullmatch(word):
        return None
    ids = searching.by_provider_message_id(uow.session, word, most=MOST)
    return Found(Known.PROVIDER_ID, replace(wanted, ids=tuple(ids))) if ids else None


def _as_recipient(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    for spelling in _spellings(word):
        if searching.has_recipient(uow.session, spelling, client_id=wanted.client_id):
            return Found(Known.RECIPIENT, replace(wanted, recipient=spelling))
    return None


def _spellings(word: str) -> Iterator[str]:
    yield word
    for channel in SPELLINGS:
        try:
            spelled = normalise(channel, word)
        except InvalidInputError:
            continue
        if spelled != word:
            yield spelled


def _as_user(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    is_known = searching.has_user(uow.session, word, client_id=wanted.client_id)
    return Found(Known.USER, replace(wanted, user_id=word)) if is_known else None


def _as_dedupe_key(uow: UnitOfWork, word: str, wanted: Filter) -> Found | None:
    ids = searching.by_dedupe_key(uow.session, word, client_id=wanted.client_id, most=MOST)
    return Found(Known.DEDUPE_KEY, replace(wanted, ids=tuple(ids))) if ids else None
