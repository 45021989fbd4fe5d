"""Endpoints: where clients, their rules and their users want messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Endpoint, Rule
from sentinel.prepared import prepared
from sentinel.queries.unique import inserted, updated
from sentinel.queries.values import array, recordset

FOR_FANOUT = prepared("""
    SELECT id, client_id, rule_id, user_id, name, channel, target, template, failover, grouping,
           quiet_hours::text
    FROM endpoints
    WHERE is_enabled AND purpose = 'messages' AND rule_id = ANY(CAST(:rule_ids AS integer[]))
    UNION ALL
    SELECT id, client_id, rule_id, user_id, name, channel, target, template, failover, grouping,
           quiet_hours::text
    FROM endpoints
    WHERE is_enabled AND purpose = 'messages' AND rule_id IS NULL AND client_id = ANY(CAST(:client_ids AS integer[]))
      AND (user_id IS NULL OR name IS NOT NULL OR CAST(:user_ids AS jsonb) ? user_id)
    UNION ALL
    SELECT id, client_id, rule_id, user_id, name, channel, target, template, failover, grouping,
           quiet_hours::text
    FROM endpoints
    WHERE is_enabled AND purpose = 'messages' AND rule_id <> ALL(CAST(:rule_ids AS integer[])) AND name IS NOT NULL
      AND client_id = ANY(CAST(:client_ids AS integer[]))
    ORDER BY id
""")

NAMED = text("""
    SELECT e.id, e.client_id, e.rule_id, e.user_id, e.name, e.channel, e.target, e.template, e.failover
    FROM json_to_recordset(CAST(:wanted AS json)) AS w (client_id int, name text)
    JOIN endpoints e ON e.client_id = w.client_id AND e.name = w.name
    WHERE e.is_enabled AND e.purpose = 'messages'
""")

# A rule names endpoints in its actions, `[5, "endpoint", name, template]`, which stand where dumped rules have them.
NAMED_BY = text("""
    SELECT name FROM rules
    WHERE client_id = :client_id AND is_enabled
      AND jsonb_path_exists(
          syntax,
          'strict $[1][2][*] ? (@[0] == 5 && @[1] == "endpoint" && @[2] == $name)',
          jsonb_build_object('name', :name)
      )
    ORDER BY id LIMIT 5
""")


# So do escalation policies in their steps, and rotations, whose members are endpoints.
PAGED_BY = text("""
    SELECT 'escalation policy ' || name FROM escalation_policies
    WHERE client_id = :client_id
      AND jsonb_path_exists(
          steps, '$[*].notify[*] ? (@ == $target)', jsonb_build_object('target', CAST('endpoint:' || :name AS text))
      )
    UNION ALL
    SELECT 'rotation ' || name FROM rotations WHERE client_id = :client_id AND :name = ANY(members)
    ORDER BY 1 LIMIT 5
""")


SECRETS = text("""
    SELECT id, secret FROM endpoints WHERE id > :after AND secret IS NOT NULL ORDER BY id LIMIT :size
""")
LOCKED_SECRETS = text(f"{SECRETS.text} FOR NO KEY UPDATE")

# The endpoint is what it was: neither its version nor its time changes.
PUT_SECRETS = text("""
    UPDATE endpoints e SET secret = o.secret
    FROM json_to_recordset(CAST(:rows AS json)) AS o (id integer, secret text)
    WHERE e.id = o.id
""")


# An endpoint that points elsewhere by now is not the one that said so.
DISABLE_GONE = text("""
    WITH disabled AS (
        UPDATE endpoints e
        SET is_enabled = false, disabled_reason = 'endpoint_gone', version = e.version + 1, updated_at = :now
        FROM notifications n
        WHERE n.id = ANY(CAST(:ids AS uuid[])) AND e.id = n.endpoint_id AND e.client_id = n.client_id
          AND e.channel = n.channel AND e.target = n.recipient AND e.is_enabled
        RETURNING e.id, n.id AS told_by)
    INSERT INTO timeline_entries (notification_id, at, kind, detail)
    SELECT told_by, :now, 'endpoint_disabled', jsonb_build_object('endpoint_id', id, 'reason', 'endpoint_gone')
    FROM disabled
""")


@dataclass(frozen=True, slots=True)
class Destination:
    """An enabled endpoint as the fan-out sees it."""

    id: int
    client_id: int
    rule_id: int | None
    user_id: str | None
    name: str | None
    channel: str
    target: str
    template: str | None
    failover: list[dict[str, Any]] | None = None
    grouping: dict[str, Any] | None = None
    quiet_hours: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with.

    `words` stand in the name or in the target. `ids`: only some of these.
    """

    client_id: int | None = None
    rule_id: int | None = None
    user_id: str | None = None
    name: str | None = None
    channel: str | None = None
    is_enabled: bool | None = None
    words: str | None = None
    ids: tuple[int, ...] | None = None
    after: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [Endpoint.id > self.after]
        for column, value in (
            (Endpoint.client_id, self.client_id),
            (Endpoint.rule_id, self.rule_id),
            (Endpoint.user_id, self.user_id),
            (Endpoint.name, self.name),
            (Endpoint.channel, self.channel),
            (Endpoint.is_enabled, self.is_enabled),
        ):
            if value is not None:
                found.append(column == value)
        if self.words is not None:
            named = Endpoint.name.icontains(self.words, autoescape=True)
            found.append(or_(named, Endpoint.target.icontains(self.words, autoescape=True)))
        if self.ids is not None:
            found.append(Endpoint.id.in_(self.ids))
        return found


def for_fanout(
    session: Session, rule_ids: Iterable[int], client_ids: Iterable[int], user_ids: Iterable[str] = ()
) -> list[Destination]:
    """Return the enabled endpoints of these rules, and those of these clients that any rule may mean, oldest first.

    Of other rules and of users, who may be many, those are left out that have no name and are not of `user_ids`.
    """
    values = {
        "rule_ids": array(map(str, rule_ids)),
        "client_ids": array(map(str, client_ids)),
        "user_ids": orjson.dumps(list(user_ids)).decode(),
    }
    return [Destination(*row) for row in session.execute(FOR_FANOUT, values)]


def named(session: Session, wanted: Iterable[tuple[int, str]]) -> dict[int, dict[str, Destination]]:
    """Return the enabled endpoints of these names, of each client by name."""
    rows = [{"client_id": client_id, "name": name} for client_id, name in wanted]
    found: dict[int, dict[str, Destination]] = {}
    for row in session.execute(NAMED, {"wanted": recordset(rows)}):
        found.setdefault(row.client_id, {})[row.name] = Destination(*row)
    return found


def one_named(session: Session, client_id: int, name: str) -> Destination | None:
    """Return the enabled endpoint of that name that messages may go to."""
    return named(session, [(client_id, name)]).get(client_id, {}).get(name)


def page(session: Session, wanted: Filter, *, size: int) -> Sequence[Endpoint]:
    """Return up to `size` endpoints, oldest first."""
    return session.scalars(select(Endpoint).where(*wanted.conditions()).order_by(Endpoint.id).limit(size)).all()


def listed(session: Session, wanted: Filter, *, size: int) -> list[tuple[Endpoint, str]]:
    """Return up to `size` endpoints with their clients' names, oldest first."""
    statement = select(Endpoint, Client.name).join(Client, Client.id == Endpoint.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(Endpoint.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, endpoint_id: int, *, client_id: int | None) -> Endpoint | None:
    """Return one endpoint, if it belongs to the client (None: to any)."""
    wanted = Filter(client_id).conditions()
    return session.scalar(select(Endpoint).where(Endpoint.id == endpoint_id, *wanted))


def prefixed(session: Session, client_id: int, prefix: str) -> Sequence[Endpoint]:
    """Return the endpoints of a client whose names begin so."""
    wanted = select(Endpoint).where(Endpoint.client_id == client_id, Endpoint.name.startswith(prefix, autoescape=True))
    return session.scalars(wanted.order_by(Endpoint.id)).all()


def add(session: Session, values: dict[str, Any]) -> Endpoint:
    """Store an endpoint. Raises `TakenError`."""
    return inserted(session, insert(Endpoint).values(**values), Endpoint)


def change(session: Session, endpoint_id: int, *, version: int, values: dict[str, Any]) -> Endpoint | None:
    """Change the endpoint if it still is of `version`; None if not. Raises `TakenError`."""
    mine = update(Endpoint).where(Endpoint.id == endpoint_id, Endpoint.version == version)
    return updated(session, mine.values(version=version + 1, **values), Endpoint)


def delete(session: Session, endpoint_id: int) -> None:
    """Remove an endpoint."""
    session.execute(sql_delete(Endpoint).where(Endpoint.id == endpoint_id))


def disable_gone(session: Session, ids: Sequence[str], *, now: datetime) -> None:
    """Disable the endpoints whose receivers answered these notifications that they are gone; timelines say so."""
    session.execute(DISABLE_GONE, {"ids": array(ids), "now": now})


def is_rule_of(session: Session, rule_id: int, client_id: int) -> bool:
    """Whether the client has that rule; the rule cannot be removed before this transaction ends."""
    wanted = select(Rule.id).where(Rule.id == rule_id, Rule.client_id == client_id)
    return session.scalar(wanted.with_for_update(key_share=True, read=True)) is not None


def rules_naming(session: Session, client_id: int, name: str) -> list[str]:
    """Return the names of some enabled rules that notify the endpoint of that name."""
    return list(session.scalars(NAMED_BY, {"client_id": client_id, "name": name}))


def paged_by(session: Session, client_id: int, name: str) -> list[str]:
    """Return some escalation policies and rotations that tell the endpoint of that name."""
    return list(session.scalars(PAGED_BY, {"client_id": client_id, "name": name}))


def secrets(session: Session, *, after: int, size: int, is_locked: bool = False) -> dict[int, str]:
    """Return up to `size` secrets as they are stored, by id; `is_locked` keeps others from writing those rows."""
    rows = session.execute(LOCKED_SECRETS if is_locked else SECRETS, {"after": after, "size": size})
    return {row.id: row.secret for row in rows}


def put_secrets(session: Session, secrets: Mapping[int, str]) -> None:
    """Put other words for the same secrets into their rows."""
    rows = [{"id": endpoint_id, "secret": secret} for endpoint_id, secret in secrets.items()]
    session.execute(PUT_SECRETS, {"rows": recordset(rows)})
