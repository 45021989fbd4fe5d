"""Rules and their history: looked up, listed, written many at a time. Each write notes what changed and who did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from sentinel.models import Client, Rule, RuleVersion
from sentinel.queries.values import array, recordset

# What one client may have is counted before it is written: two writers of a client must not count at once.
LOCK_CLIENT = text("SELECT pg_advisory_xact_lock(hashtextextended('sentinel.rules:' || :client_id, 0))")

COUNTS = text("""
    SELECT count(*) AS rules, count(*) FILTER (WHERE is_enabled AND is_scanned) AS scanned
    FROM rules WHERE client_id = :client_id
""")

INSERT = text("""
    WITH made AS (
        INSERT INTO rules (
            client_id, name, text, syntax, is_enabled, is_scanned, version, created_at, updated_at)
        SELECT client_id, name, text, syntax, is_enabled, is_scanned, 1, :now, :now
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            client_id int, name text, text text, syntax jsonb, is_enabled boolean, is_scanned boolean)
        ON CONFLICT (client_id, name) DO NOTHING
        RETURNING id, version, client_id, name, text, is_enabled),
    noted AS (
        INSERT INTO rule_versions (rule_id, version, client_id, change, name, text, is_enabled, changed_by, changed_at)
        SELECT id, version, client_id, 'created', name, text, is_enabled, :changed_by, :now FROM made)
    SELECT id FROM made ORDER BY id
""")

# A row whose version is not the one that was read has changed meanwhile, and stays as it is.
CHANGE = text("""
    WITH changed AS (
        UPDATE rules SET
            name = r.name, text = r.text, syntax = r.syntax, is_enabled = r.is_enabled, is_scanned = r.is_scanned,
            version = rules.version + 1, updated_at = :now
        FROM json_to_recordset(CAST(:rows AS json)) AS r (
            id int, version int, change text, name text, text text, syntax jsonb, is_enabled boolean,
            is_scanned boolean)
        WHERE rules.id = r.id AND rules.version = r.version
        RETURNING rules.id, rules.version, rules.client_id, r.change, rules.name, rules.text, rules.is_enabled),
    noted AS (
        INSERT INTO rule_versions (rule_id, version, client_id, change, name, text, is_enabled, changed_by, changed_at)
        SELECT id, version, client_id, change, name, text, is_enabled, :changed_by, :now FROM changed)
    SELECT id FROM changed
""")

DELETE = text("""
    WITH gone AS (
        DELETE FROM rules WHERE client_id = :client_id AND id = ANY(CAST(:ids AS int[]))
        RETURNING id, version, client_id, name, text, is_enabled),
    noted AS (
        INSERT INTO rule_versions (rule_id, version, client_id, change, name, text, is_enabled, changed_by, changed_at)
        SELECT id, version + 1, client_id, 'deleted', name, text, is_enabled, :changed_by, :now FROM gone)
    SELECT id FROM gone
""")

ENDPOINT_NAMES = text("SELECT name FROM endpoints WHERE client_id = :client_id AND name = ANY(:names)")
TEMPLATE_NAMES = text("SELECT DISTINCT name FROM templates WHERE client_id = :client_id AND name = ANY(:names)")
KNOWN_ENDPOINTS = text(
    "SELECT name FROM endpoints WHERE client_id = :client_id AND name IS NOT NULL ORDER BY name LIMIT :most"
)
KNOWN_TEMPLATES = text("SELECT DISTINCT name FROM templates WHERE client_id = :client_id ORDER BY name LIMIT :most")

# What a client hears: its own events, and what others broadcast. Two indexes, each read from its end.
NEWEST_HEARD = text("""
    SELECT id::text FROM (
        (SELECT id FROM events WHERE client_id = :client_id AND id >= :first ORDER BY id DESC LIMIT :most + 1)
        UNION ALL
        (SELECT id FROM events WHERE is_broadcast AND client_id <> :client_id AND id >= :first
         ORDER BY id DESC LIMIT :most + 1)) AS heard
    ORDER BY id DESC OFFSET :most - 1 LIMIT 2
""")

HEARD = text("""
    SELECT id::text, occurred_at, created_at, body::text FROM (
        (SELECT id, occurred_at, created_at, body FROM events
         WHERE client_id = :client_id AND id >= :start AND id > :after ORDER BY id LIMIT :size)
        UNION ALL
        (SELECT id, occurred_at, created_at, body FROM events
         WHERE is_broadcast AND client_id <> :client_id AND id >= :start AND id > :after ORDER BY id LIMIT :size)
        ) AS heard
    ORDER BY id LIMIT :size
""")

NEWEST_BODIES = text("""
    SELECT body::text FROM (
        (SELECT id, body FROM events WHERE client_id = :client_id ORDER BY id DESC LIMIT :most)
        UNION ALL
        (SELECT id, body FROM events WHERE is_broadcast AND client_id <> :client_id ORDER BY id DESC LIMIT :most)
        ) AS heard
    ORDER BY id DESC LIMIT :most
""")

# Rules do not know when they spoke, and no index tells: the newest events do, of the client or of all.
SPOKE = """
    SELECT rule_id, max(created_at) AS at
    FROM ({newest}) AS heard CROSS JOIN LATERAL unnest(rule_ids) AS rule_id
    WHERE rule_id = ANY(CAST(:ids AS int[])) GROUP BY rule_id
"""
NEWEST_OF_ALL = "SELECT rule_ids, created_at FROM events ORDER BY id DESC LIMIT :most"
NEWEST_OF_CLIENT = """
    (SELECT rule_ids, created_at FROM events WHERE client_id = :client_id ORDER BY id DESC LIMIT :most)
    UNION ALL
    (SELECT rule_ids, created_at FROM events WHERE is_broadcast AND client_id <> :client_id
     ORDER BY id DESC LIMIT :most)
"""
SPOKE_OF_ALL = text(SPOKE.format(newest=NEWEST_OF_ALL))
SPOKE_OF_CLIENT = text(SPOKE.format(newest=NEWEST_OF_CLIENT))

NO_ID = "00000000-0000-0000-0000-000000000000"
"""Before every id."""


@dataclass(frozen=True, slots=True)
class HeardEvent:
    """An event that the rules of a client were asked about."""

    id: str
    occurred_at: datetime
    created_at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with."""

    client_id: int | None
    name: str | None = None
    is_enabled: bool | None = None
    part: str | None = None
    after: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found: list[ColumnElement[bool]] = []
        if self.client_id is not None:
            found.append(Rule.client_id == self.client_id)
        if self.name is not None:
            found.append(Rule.name == self.name)
        if self.is_enabled is not None:
            found.append(Rule.is_enabled.is_(self.is_enabled))
        if self.part is not None:
            found.append(
                or_(Rule.name.icontains(self.part, autoescape=True), Rule.text.icontains(self.part, autoescape=True))
            )
        if self.after is not None:
            found.append(Rule.id > self.after)
        return found


def lock_client(session: Session, client_id: int) -> None:
    """Let nobody else write rules of this client until the transaction ends."""
    session.execute(LOCK_CLIENT, {"client_id": client_id})


def counts(session: Session, client_id: int) -> tuple[int, int]:
    """Return how many rules the client has, and how many enabled ones no index narrows down."""
    found = session.execute(COUNTS, {"client_id": client_id}).one()
    return found.rules, found.scanned


def insert(session: Session, rows: Sequence[Mapping[str, Any]], *, changed_by: str, now: datetime) -> list[int]:
    """Store new rules in one statement; returns the ids of those whose name was free."""
    values = {"rows": recordset(rows), "changed_by": changed_by, "now": now}
    return list(session.execute(INSERT, values).scalars())


def change(session: Session, rows: Sequence[Mapping[str, Any]], *, changed_by: str, now: datetime) -> list[int]:
    """Replace rules that still have the version in their row; returns the ids of those."""
    values = {"rows": recordset(rows), "changed_by": changed_by, "now": now}
    return list(session.execute(CHANGE, values).scalars())


def delete(session: Session, client_id: int, ids: Sequence[int], *, changed_by: str, now: datetime) -> list[int]:
    """Delete rules of the client; returns the ids of those that were there."""
    values = {"client_id": client_id, "ids": array(map(str, ids)), "changed_by": changed_by, "now": now}
    return list(session.execute(DELETE, values).scalars())


def get(session: Session, rule_id: int, *, client_id: int) -> Rule | None:
    """Return one rule of the client."""
    return session.scalar(select(Rule).where(Rule.id == rule_id, Rule.client_id == client_id))


def page(session: Session, wanted: Filter, *, size: int) -> Sequence[Rule]:
    """Return up to `size` rules in the order they were made."""
    return session.scalars(select(Rule).where(*wanted.conditions()).order_by(Rule.id).limit(size)).all()


def page_with_clients(session: Session, wanted: Filter, *, size: int) -> Sequence[tuple[Rule, str]]:
    """Return up to `size` rules with their client's name, in the order they were made."""
    mine = select(Rule, Client.name).join(Client, Client.id == Rule.client_id).where(*wanted.conditions())
    return [(row[0], row[1]) for row in session.execute(mine.order_by(Rule.id).limit(size))]


def client_of(session: Session, rule_id: int) -> tuple[int, str] | None:
    """Return whose rule it is, or was, while its history is there."""
    mine = select(RuleVersion.client_id, Client.name).join(Client, Client.id == RuleVersion.client_id)
    row = session.execute(mine.where(RuleVersion.rule_id == rule_id).limit(1)).first()
    return None if row is None else (row[0], row[1])


def last_spoke(session: Session, client_id: int | None, ids: Sequence[int], *, most: int) -> dict[int, datetime]:
    """Return when these rules spoke last, as far as the newest `most` events of the client, or of all, know."""
    values: dict[str, Any] = {"ids": array(map(str, ids)), "most": most}
    if client_id is None:
        return {row.rule_id: row.at for row in session.execute(SPOKE_OF_ALL, values)}
    rows = session.execute(SPOKE_OF_CLIENT, values | {"client_id": client_id})
    return {row.rule_id: row.at for row in rows}


def everything(session: Session, client_id: int) -> Sequence[Rule]:
    """Return all rules of a client by name, without their syntax: the texts are enough for a file."""
    wanted = select(Rule).where(Rule.client_id == client_id).order_by(Rule.name)
    return session.scalars(wanted.options(defer(Rule.syntax, raiseload=True))).all()


def enabled(session: Session, client_id: int) -> Sequence[Rule]:
    """Return the rules of a client that are asked, in the order they were made."""
    return session.scalars(select(Rule).where(Rule.client_id == client_id, Rule.is_enabled).order_by(Rule.id)).all()


def by_names(session: Session, client_id: int, names: Sequence[str]) -> Sequence[Rule]:
    """Return the rules of a client that have one of `names`."""
    return session.scalars(select(Rule).where(Rule.client_id == client_id, Rule.name.in_(names))).all()


def version_of(session: Session, rule_id: int) -> int | None:
    """Return the version that a rule has now."""
    return session.scalar(select(Rule.version).where(Rule.id == rule_id))


def history(session: Session, rule_id: int, *, client_id: int, most: int) -> Sequence[RuleVersion]:
    """Return up to `most` changes of a rule, newest first; also of one that is gone."""
    mine = (RuleVersion.rule_id == rule_id, RuleVersion.client_id == client_id)
    return session.scalars(select(RuleVersion).where(*mine).order_by(RuleVersion.version.desc()).limit(most)).all()


def as_they_were(session: Session, ids: Sequence[int], *, at: datetime) -> Sequence[RuleVersion]:
    """Return rules as they were at a moment, also those that are gone."""
    wanted = select(RuleVersion).where(RuleVersion.rule_id.in_(ids), RuleVersion.changed_at <= at)
    newest_first = wanted.order_by(RuleVersion.rule_id, RuleVersion.version.desc())
    return session.scalars(newest_first.ext(distinct_on(RuleVersion.rule_id))).all()


def newest_heard(session: Session, client_id: int, first: str, *, most: int) -> tuple[str, bool]:
    """Return the id from which on there are at most `most` events that the client heard, and whether some are older."""
    found = session.execute(NEWEST_HEARD, {"client_id": client_id, "first": first, "most": most}).scalars().all()
    return (found[0], True) if len(found) > 1 else (first, False)


def heard_events(session: Session, client_id: int, start: str, *, size: int) -> Iterator[HeardEvent]:
    """Return what the client heard from `start` on, oldest first, `size` rows at a time."""
    after = NO_ID
    while True:
        values = {"client_id": client_id, "start": start, "after": after, "size": size}
        rows = session.execute(HEARD, values).all()
        for row in rows:
            yield HeardEvent(row.id, row.occurred_at, row.created_at, orjson.loads(row.body))
        if len(rows) < size:
            return
        after = rows[-1].id


def newest_bodies(session: Session, client_id: int, *, most: int) -> list[dict[str, Any]]:
    """Return the newest events that the client heard, its own and broadcasts."""
    rows = session.execute(NEWEST_BODIES, {"client_id": client_id, "most": most})
    return [orjson.loads(body) for body in rows.scalars()]


def endpoint_names(session: Session, client_id: int, names: Sequence[str]) -> set[str]:
    """Return those of `names` that endpoints of the client have."""
    return set(session.execute(ENDPOINT_NAMES, {"client_id": client_id, "names": list(names)}).scalars())


def template_names(session: Session, client_id: int, names: Sequence[str]) -> set[str]:
    """Return those of `names` that templates of the client have."""
    return set(session.execute(TEMPLATE_NAMES, {"client_id": client_id, "names": list(names)}).scalars())


def known_endpoints(session: Session, client_id: int, *, most: int) -> list[str]:
    """Return names of endpoints of the client, for suggestions."""
    return list(session.execute(KNOWN_ENDPOINTS, {"client_id": client_id, "most": most}).scalars())


def known_templates(session: Session, client_id: int, *, most: int) -> list[str]:
    """Return names of templates of the client, for suggestions."""
    return list(session.execute(KNOWN_TEMPLATES, {"client_id": client_id, "most": most}).scalars())
