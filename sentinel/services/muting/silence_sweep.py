"""The sweeper of silences: those that end by themselves end, and who wants to know hears before the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sentinel.logs import get_logger
from sentinel.models import Silence
from sentinel.queries import silences, sweeping
from sentinel.queries.firing_alerts import Word
from sentinel.rules.matchers import match_labels, needed
from sentinel.services.alerting import firing
from sentinel.services.alerting.firing import MOST_HEARD
from sentinel.services.muting import endings, reminders
from sentinel.services.muting.matchers import read_all
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

log = get_logger(__name__)

MOST = 500
"""Most silences that one sweep looks at."""


def sweep() -> int:
    """Look at the silences that are due; returns how many."""
    with unit_of_work() as uow:
        due = silences.take_due(uow.session, now=uow.now, most=MOST)
        words = _firing(uow, [row for row, _ in due]) if due else []
        for row, client in due:
            _look_at_surely(uow, row, client, words)
        sweeping.record_run(uow.session, "sweep_silences", len(due), now=uow.now)
    return len(due)


def _firing(uow: UnitOfWork, rows: Sequence[Silence]) -> list[Word]:
    wanted = [needed(read_all(row.matchers)) for row in rows]
    return firing.heard(uow, {row.client_id for row in rows}, wanted)


def _look_at_surely(uow: UnitOfWork, row: Silence, client: str, words: Sequence[Word]) -> None:
    silence_id = row.id
    try:
        with uow.session.begin_nested():
            _look_at(uow, row, client, words)
    except (OperationalError, PoolTimeout):
        raise
    except Exception:  # our own mistake must hold up one silence, visibly, and not those behind it
        log.exception("silence_bug", silence_id=silence_id)
        row.next_look_at = uow.now + endings.LOOK


def _look_at(uow: UnitOfWork, row: Silence, client: str, words: Sequence[Word]) -> None:
    """Do what is decided, in the transaction that moves the row: a second sweeper finds nothing to do."""
    matched = _matching(row, words)
    is_cut = len(words) >= MOST_HEARD  # what was not read may match: nothing ends for that
    decision = endings.decide(row, is_matched=is_cut or bool(matched), now=uow.now)
    row.next_look_at = decision.next_look_at
    if decision.ended is not None:
        row.ends_at, row.updated_at, row.ended_reason = uow.now, uow.now, decision.ended
        log.info("silence_ended", silence_id=row.id, reason=decision.ended)
        return
    if matched and row.starts_at <= uow.now < row.ends_at:
        row.alert_matched_at = row.alert_matched_at or uow.now
        row.last_matched_at = uow.now
    if decision.is_reminder_due:
        row.reminded_at = uow.now
        reminders.send(uow, row, client, matched)


def _matching(row: Silence, words: Iterable[Word]) -> list[Word]:
    """The alerts that a silence matches, of those that fire."""
    matchers = read_all(row.matchers)
    mine = (word for word in words if firing.is_heard_by(word, row.client_id))
    return [word for word in mine if match_labels(matchers, word.labels)]
