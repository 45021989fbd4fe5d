"""Which alerts fire, by the events that speak of them, whoever sent these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sentinel.queries import firing_alerts
from sentinel.queries.firing_alerts import Word
from sentinel.queries.matching import PendingEvent
from sentinel.rules.alerts import spoken_of
from sentinel.rules.matchers import labels_of
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

END_REMEMBERED = timedelta(days=1)
"""So late may an event come and not be taken for news of an alert that is over."""

LONGEST_LABEL = 1000
"""Longest text that is kept with an alert; a matcher's own is no longer."""

MOST_HEARD = 10_000
"""Most alerts that fire of a client which are read at once."""

MOST_WANTED = 20
"""More sets of labels are not looked for one by one in each row: then all that fires is read."""

Words = Mapping[tuple[int, str], Word]
"""The newest word on each alert, by client and key."""


def words_of(events: Iterable[PendingEvent], *, now: datetime) -> dict[tuple[int, str], Word]:
    """Return the newest word on each alert that events speak of. An event cannot happen after it was heard."""
    found: dict[tuple[int, str], Word] = {}
    for event in events:
        spoken = spoken_of(event.body)
        if spoken is None:
            continue
        at = min(event.occurred_at, now)
        labels = {name: text for name, text in labels_of(event.body).items() if len(text) <= LONGEST_LABEL}
        _hear(
            found,
            Word(
                event.client_id,
                spoken.key,
                event.id,
                spoken.is_firing,
                event.is_broadcast,
                event.severity,
                labels,
                since=at,
                changed_at=at,
            ),
        )
    return found


def _hear(known: dict[tuple[int, str], Word], word: Word) -> None:
    """Let a word stand if it is newer than what is known, as the statement that stores it does."""
    before = known.get((word.client_id, word.key))
    if before is None:
        known[word.client_id, word.key] = word
    elif (word.changed_at, word.event_id) > (before.changed_at, before.event_id):
        goes_on = before.is_firing and word.is_firing
        known[word.client_id, word.key] = replace(word, since=before.since) if goes_on else word


def keep(uow: UnitOfWork, events: Iterable[PendingEvent]) -> None:
    """Remember what events say of alerts; asks the database for nothing when they speak of none."""
    words = words_of(events, now=uow.now)
    if words:
        forget_after = timedelta(days=get_settings().alert_forget_days)
        ends = {True: uow.now + forget_after, False: uow.now + END_REMEMBERED}
        firing_alerts.keep(uow.session, [(word, ends[word.is_firing]) for word in words.values()])


def heard(
    uow: UnitOfWork, client_ids: Iterable[int], wanted: Sequence[Mapping[str, str]], *, news: Words | None = None
) -> list[Word]:
    """Return what fires that clients hear of and that has all labels of one of `wanted`, the longest first.

    `news` is not in the database yet; of its alerts all are returned that fire.
    """
    fresh = news or {}
    rows = firing_alerts.heard(uow.session, client_ids, _distinct(wanted), named=fresh, most=MOST_HEARD)
    known = {(row.client_id, row.key): row for row in rows}
    for word in fresh.values():
        _hear(known, word)
    return sorted((word for word in known.values() if word.is_firing), key=lambda word: (word.since, word.key))


def _distinct(wanted: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    found = [dict(each) for each in {tuple(sorted(each.items())) for each in wanted}]
    return [{}] if {} in found or len(found) > MOST_WANTED else found


def is_heard_by(word: Word, client_id: int) -> bool:
    """Whether an alert is of a client, or a broadcast."""
    return word.is_broadcast or word.client_id == client_id
