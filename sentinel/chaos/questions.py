"""What the judge asks the struck database and the provider's ledger, over connections of its own."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg2

from sentinel.chaos.verdict import Row

TOKEN = re.compile(rb"chaos-[0-9a-f]+-\d+")
"""The mark in each message's text, by which it is known again at the provider."""

STANDING = """
    SELECT count(*) FILTER (WHERE status IN ('PENDING', 'RETRYING', 'AMBIGUOUS', 'SENDING')),
           count(*) FILTER (WHERE status IN ('SENT', 'DELIVERED')),
           (SELECT count(*) FROM events WHERE status = 'PENDING')
    FROM notifications
"""

ROWS = """
    SELECT n.id::text, coalesce(e.event_id, n.metadata->>'token'), n.status, n.reason,
           n.queue_at IS NOT NULL OR n.lease_until IS NOT NULL, coalesce(a.ambiguous, 0), coalesce(a.unanswered, 0)
    FROM notifications n
    LEFT JOIN events e ON e.id = n.event_id
    LEFT JOIN (
        SELECT notification_id, count(*) FILTER (WHERE outcome = 'AMBIGUOUS' OR reason = 'worker_lost') AS ambiguous,
               count(*) FILTER (WHERE outcome = 'RETRY' AND provider = 'webhook' AND http_status IS NULL) AS unanswered
        FROM attempts GROUP BY notification_id) a
        ON a.notification_id = n.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many notifications are on their way and how many have left, and how many events wait for their rules."""

    under_way: int
    left: int
    events_waiting: int

    @property
    def backlog(self) -> int:
        """Whatever has not come to its end."""
        return self.under_way + self.events_waiting


class Witness:
    """A connection to the struck database that is made anew after each outage."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: Any = None

    def standing(self) -> Standing | None:
        """How things stand; None while the database is away."""
        try:
            return Standing(*self._ask(STANDING)[0])
        except psycopg2.Error:
            self.close()
            return None

    def rows(self) -> list[Row]:
        """Every notification."""
        return [Row(*found) for found in self._ask(ROWS)]

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, question: str) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg2.connect(self._url, connect_timeout=2)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(question)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found


def count_copies(ledger: Path) -> Counter[str]:
    """How often the provider took each message, whether or not its answer reached us."""
    copies: Counter[str] = Counter()
    with ledger.open("rb") as lines:
        for line in lines:
            token = TOKEN.search(line)
            if token and orjson.loads(line)["message_id"] is not None:
                copies[token[0].decode()] += 1
    return copies
