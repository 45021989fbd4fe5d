"""Reads and writes of what was last said of alerts, by whatever event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from sentinel.prepared import prepared
from sentinel.queries.values import array, recordset

COLUMNS = "client_id, key, event_id, is_firing, is_broadcast, severity, labels, since, changed_at"

# Sorted, so that two batches cannot deadlock. A word that is older than the one before changes nothing.
KEEP = prepared(f"""
    INSERT INTO firing_alerts AS f ({COLUMNS}, forget_at)
    SELECT {COLUMNS}, forget_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        client_id int, key text, event_id uuid, is_firing boolean, is_broadcast boolean, severity text, labels jsonb,
        since timestamptz, changed_at timestamptz, forget_at timestamptz)
    ORDER BY client_id, key
    ON CONFLICT (client_id, key) DO UPDATE SET
        event_id = EXCLUDED.event_id, is_firing = EXCLUDED.is_firing, is_broadcast = EXCLUDED.is_broadcast,
        severity = EXCLUDED.severity, labels = EXCLUDED.labels, changed_at = EXCLUDED.changed_at,
        forget_at = EXCLUDED.forget_at,
        since = CASE WHEN f.is_firing AND EXCLUDED.is_firing THEN f.since ELSE EXCLUDED.since END
    WHERE (EXCLUDED.changed_at, EXCLUDED.event_id) > (f.changed_at, f.event_id)
""")  # noqa: S608 - put together from our own words

READ = """
    f.client_id, f.key, f.event_id::text, f.is_firing, f.is_broadcast, f.severity, f.labels::text, f.since, f.changed_at
"""
WANTED = "EXISTS (SELECT 1 FROM json_array_elements(CAST(:wanted AS json)) w WHERE f.labels @> CAST(w AS jsonb))"

# A client hears of its own alerts and of broadcasts, as its rules do. What is over is asked for by name.
HEARD = prepared(f"""
    (SELECT {READ} FROM firing_alerts f
     WHERE f.is_firing AND f.client_id = ANY(CAST(:client_ids AS int[])) AND {WANTED} LIMIT :most)
    UNION
    (SELECT {READ} FROM firing_alerts f WHERE f.is_firing AND f.is_broadcast AND {WANTED} LIMIT :most)
    UNION
    SELECT {READ} FROM firing_alerts f
    WHERE (f.client_id, f.key) IN (
        SELECT client_id, key FROM json_to_recordset(CAST(:named AS json)) AS r (client_id int, key text))
""")  # noqa: S608 - put together from our own words

# By the two partial indexes: what fires is little beside what is remembered.
NEWEST = prepared(f"""
    SELECT {READ} FROM firing_alerts f
    WHERE f.is_firing AND (CAST(:client_id AS int) IS NULL OR f.client_id = :client_id OR f.is_broadcast)
    ORDER BY f.since DESC, f.key LIMIT :most
""")  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Word:
    """What was last said of an alert, and by which event."""

    client_id: int
    key: str
    event_id: str
    is_firing: bool
    is_broadcast: bool
    severity: str | None
    labels: Mapping[str, str]
    since: datetime
    changed_at: datetime


def keep(session: Session, words: Iterable[tuple[Word, datetime]]) -> None:
    """Store the newest word on each alert, with the time at which it is forgotten, where nothing newer is known."""
    rows = [asdict(word) | {"forget_at": forget_at} for word, forget_at in words]
    session.execute(KEEP, {"rows": recordset(rows)})


def heard(
    session: Session,
    client_ids: Iterable[int],
    wanted: Sequence[Mapping[str, str]],
    *,
    named: Iterable[tuple[int, str]] = (),
    most: int,
) -> list[Word]:
    """Return what fires of these clients' own alerts and of broadcasts, and has all labels of one of `wanted`.

    At most `most` of each kind. Of alerts that are `named` by client and key, also what is over or has other labels.
    """
    values = {
        "client_ids": array(map(str, client_ids)),
        "wanted": orjson.dumps(list(wanted)).decode(),
        "named": recordset([{"client_id": client_id, "key": key} for client_id, key in named]),
        "most": most,
    }
    return [_word(row) for row in session.execute(HEARD, values)]


def newest(session: Session, client_id: int | None, *, most: int) -> list[Word]:
    """Return what a client hears of and fires (None: of all clients), the newest first."""
    return [_word(row) for row in session.execute(NEWEST, {"client_id": client_id, "most": most})]


def _word(row: Any) -> Word:
    client_id, key, event_id, is_firing, is_broadcast, severity, labels, since, changed_at = row
    said = orjson.loads(labels)
    return Word(client_id, key, event_id, is_firing, is_broadcast, severity, said, since, changed_at)
