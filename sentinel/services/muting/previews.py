"""What a silence would match: alerts that fire now, and events and messages of the last hours. Nothing is stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sentinel.ids import first_id
from sentinel.queries import notifications
from sentinel.queries import rules as queries
from sentinel.queries.firing_alerts import Word
from sentinel.queries.rules import HeardEvent
from sentinel.rules.matchers import Matcher, match, match_labels, needed
from sentinel.schedules.schedule import Schedule
from sentinel.services.alerting import firing
from sentinel.services.alerting.firing import MOST_HEARD
from sentinel.services.muting.silence_checks import check_matchers
from sentinel.services.unit_of_work import UnitOfWork

USUAL_HOURS, LONGEST_HOURS = 24, 168
MOST_EVENTS = 50_000
PAGE = 2000
EXAMPLES = 20
"""Most alerts, and most events, that a preview shows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is previewed: matchers, the windows in which they hold (None: always), and how far back."""

    matchers: tuple[Matcher, ...]
    windows: Schedule | None = None
    hours: int = USUAL_HOURS


@dataclass(slots=True)
class Preview:
    """What would be held back. `is_cut`: there are more events, of which the newest were looked at."""

    since: datetime
    until: datetime
    is_quiet_now: bool
    firing: int
    is_firing_cut: bool
    alerts: list[Word]
    looked_at: int = 0
    is_cut: bool = False
    events: int = 0
    messages: int = 0
    newest: deque[HeardEvent] = field(default_factory=lambda: deque(maxlen=EXAMPLES))


def preview(uow: UnitOfWork, client_id: int, asked: Asked, *, most: int = MOST_EVENTS) -> Preview:
    """Say what a silence of these matchers would hold back, and would have held back, had it held all the time."""
    check_matchers(asked.matchers)
    heard = firing.heard(uow, [client_id], [needed(asked.matchers)])
    alerts = [word for word in heard if match_labels(asked.matchers, word.labels)]
    since = uow.now - timedelta(hours=asked.hours)
    is_quiet_now = asked.windows is None or asked.windows.holds(uow.now)
    newest = sorted(alerts, key=lambda word: word.since, reverse=True)[:EXAMPLES]
    found = Preview(since, uow.now, is_quiet_now, len(alerts), len(heard) >= MOST_HEARD, newest)
    start, found.is_cut = queries.newest_heard(uow.session, client_id, first_id(since), most=most)
    for page in _pages(queries.heard_events(uow.session, client_id, start, size=PAGE)):
        _look_at(uow, client_id, asked, page, found)
    return found


def _pages(events: Iterable[HeardEvent]) -> Iterable[list[HeardEvent]]:
    page: list[HeardEvent] = []
    for event in events:
        page.append(event)
        if len(page) == PAGE:
            yield page
            page = []
    yield page


def _look_at(uow: UnitOfWork, client_id: int, asked: Asked, page: Sequence[HeardEvent], found: Preview) -> None:
    """Add up what matches of a page of events; windows are asked about the moment at which each was stored."""
    windows = asked.windows
    matched = [
        event
        for event in page
        if match(asked.matchers, event.body) and (windows is None or windows.holds(event.created_at))
    ]
    found.looked_at += len(page)
    found.events += len(matched)
    found.newest.extend(matched)
    if matched:
        found.messages += notifications.count_told(uow.session, client_id, [event.id for event in matched])
