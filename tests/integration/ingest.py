"""What tests of streams ask: the events that came of one, and the counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from sentinel import metrics
from sentinel.db import get_engine
from sentinel.ingest.storing import ENTRIES


def stored() -> dict[str, dict[str, Any]]:
    """The bodies of all events by the senders' ids."""
    with get_engine().connect() as connection:
        return {row.event_id: row.body for row in connection.execute(text("SELECT event_id, body FROM events"))}


def counted(stream: str) -> dict[str, float]:
    """How many entries of a stream came to which end."""
    return {
        series[3]: amount for series, amount in metrics.totals().items() if series[0] == ENTRIES and series[2] == stream
    }
