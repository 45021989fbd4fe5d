"""Alerts: take in reports, notice who has fallen silent, list what fires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from sentinel.errors import FieldError, InvalidInputError
from sentinel.logs import get_logger
from sentinel.models import Alert
from sentinel.queries import alerts, matching, sweeping
from sentinel.queries.alerts import ChangedAlert
from sentinel.rules.matchers import labels_of
from sentinel.services import events
from sentinel.services.access.clients import Caller
from sentinel.services.alerting import reports
from sentinel.services.alerting.changes import body_of, event_of
from sentinel.services.alerting.reports import Report
from sentinel.services.muting import holding, mutes
from sentinel.services.muting.mutes import Muting
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

MOST = 5000
"""Most alerts that one sweep resolves."""


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """An alert that fires, the silences that keep it quiet, and the alert that inhibits it, by its fingerprint."""

    alert: Alert
    silenced_by: list[str]
    inhibited_by: list[str]


def report(uow: UnitOfWork, caller: Caller, items: Sequence[Any]) -> list[FieldError]:
    """Store what is reported of alerts; a change is an event, a repetition none. Returns what was wrong with others."""
    good, errors = _checked(uow, items)
    for batch in _rounds(good):
        rows = [asdict(each) for each in batch]
        _tell(uow, caller, alerts.report(uow.session, rows, client_id=caller.client_id, now=uow.now))
    return errors


def _checked(uow: UnitOfWork, items: Iterable[Any]) -> tuple[list[Report], list[FieldError]]:
    resolve_after = timedelta(seconds=get_settings().alert_resolve_seconds)
    good: list[Report] = []
    errors: list[FieldError] = []
    for number, item in enumerate(items):
        try:
            good.append(reports.check(item, now=uow.now, resolve_after=resolve_after))
        except InvalidInputError as error:
            errors += (_placed(each, number) for each in error.errors)
    return good, errors


def _placed(error: FieldError, number: int) -> FieldError:
    return FieldError(f"alerts.{number}.{error.field}".rstrip("."), error.value, error.message, error.remedy)


def _rounds(reported: Iterable[Report]) -> list[list[Report]]:
    """Reports in the order they came, each alert once in a round: usually there is one round."""
    rounds: list[dict[str, Report]] = []
    for each in reported:
        free = next((batch for batch in rounds if each.fingerprint not in batch), None)
        if free is None:
            rounds.append(free := {})
        free[each.fingerprint] = each
    return [list(batch.values()) for batch in rounds]


def _tell(uow: UnitOfWork, caller: Caller, changed: Iterable[ChangedAlert]) -> None:
    """Store the events of changes; they are matched after the commit."""
    events.ingest(uow, caller, [event_of(each, now=uow.now) for each in changed])


def sweep() -> int:
    """Resolve alerts that nobody has reported in time; returns how many."""
    with unit_of_work() as uow:
        overdue = alerts.end_overdue(uow.session, now=uow.now, most=MOST)
        for (client_id, name), found in groupby(overdue, key=lambda each: each[:2]):
            _tell(uow, Caller(client_id, name, frozenset()), [alert for *_, alert in found])
        sweeping.record_run(uow.session, "sweep_alerts", len(overdue), now=uow.now)
    if overdue:
        log.info("sweep_alerts", rows=len(overdue))
    return len(overdue)


def firing(uow: UnitOfWork, client_id: int) -> list[SeenAlert]:
    """Return the alerts of a client that fire, by fingerprint, each with what keeps it quiet now."""
    clients = matching.clients(uow.session, [client_id], now=uow.now)
    muting = mutes.of_clients(uow, clients).get(client_id, Muting())
    return [_seen(each, muting) for each in alerts.firing(uow.session, client_id, now=uow.now)]


def _seen(alert: Alert, muting: Muting) -> SeenAlert:
    body = body_of(alert)
    found = muting.inhibitor and muting.inhibitor.inhibiting(labels_of(body))
    inhibited_by = [found[1].labels.get("fingerprint", found[1].key)] if found else []
    return SeenAlert(alert, holding.silencing(muting.silences, body), inhibited_by)
