"""A batch and the traces of its members: its span is linked to them, and they are kept for what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sentinel import tracing
from sentinel.queries import traces
from sentinel.services.unit_of_work import UnitOfWork


def of_notifications(uow: UnitOfWork, ids: Iterable[str]) -> Mapping[str, str]:
    """Link the current span to the traces of notifications, and return these by id; nothing while traces are off."""
    return _linked(traces.of_notifications(uow.session, list(ids))) if tracing.is_on() else {}


def of_events(uow: UnitOfWork, ids: Iterable[str]) -> Mapping[str, str]:
    """Link the current span to the traces of events, and return these by id; nothing while traces are off."""
    return _linked(traces.of_events(uow.session, list(ids))) if tracing.is_on() else {}


def _linked(found: Mapping[str, str]) -> Mapping[str, str]:
    tracing.link(found.values())
    return found
