"""The traces that rows belong to. Only what belongs to one pays for it: decision 140."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from sentinel import tracing
from sentinel.prepared import prepared
from sentinel.queries.values import array
from sentinel.tracing import FIELD

OF_NOTIFICATIONS = prepared("""
    SELECT id::text, traceparent FROM notifications
    WHERE id = ANY(CAST(:ids AS uuid[])) AND traceparent IS NOT NULL ORDER BY id
""")

OF_EVENTS = prepared("""
    SELECT id::text, traceparent FROM events
    WHERE id = ANY(CAST(:ids AS uuid[])) AND traceparent IS NOT NULL ORDER BY id
""")


UNTRACED = {"traced": "", "traced_column": ""}
TRACED = {"traced": f", {FIELD}", "traced_column": f", {FIELD} text"}
"""The parts of a statement that stores rows of which some belong to a trace, and of one that reads no such column."""


def are_traced(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether some of the rows belong to a trace."""
    return tracing.is_on() and any(FIELD in row for row in rows)


def of_notifications(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Return the traces of those notifications that belong to one, by id, oldest first."""
    return {row.id: row.traceparent for row in session.execute(OF_NOTIFICATIONS, {"ids": array(ids)})}


def of_events(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """Return the traces of those events that belong to one, by id, oldest first."""
    return {row.id: row.traceparent for row in session.execute(OF_EVENTS, {"ids": array(ids)})}
