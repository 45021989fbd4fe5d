"""Escalation policies: the rows that people edit, and what tickets that open ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, EscalationPolicy
from sentinel.queries.unique import inserted, updated
from sentinel.queries.values import array

# A rule names policies in its actions, `[6, severity, title, merge, policy]`, which stand where dumped rules have them.
NAMED_BY = text("""
    SELECT name FROM rules
    WHERE client_id = :client_id AND is_enabled
      AND jsonb_path_exists(
          syntax, 'strict $[1][2][*] ? (@[0] == 6 && @[4] == $name)', jsonb_build_object('name', :name)
      )
    ORDER BY id LIMIT 5
""")

OF_CLIENTS = text("""
    SELECT client_id, name, steps, repeat, repeat_wait_seconds, acknowledge_timeout_seconds, default_for, tells_end
    FROM escalation_policies WHERE client_id = ANY(CAST(:client_ids AS int[]))
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with."""

    client_id: int | None = None
    name: str | None = None
    after: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = ((EscalationPolicy.client_id, self.client_id), (EscalationPolicy.name, self.name))
        found = [column == value for column, value in exact if value is not None]
        return [*found, EscalationPolicy.id > self.after]


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy as a ticket copies it."""

    client_id: int
    name: str
    steps: list[dict[str, Any]]
    repeat: int
    repeat_wait_seconds: int
    acknowledge_timeout_seconds: int | None
    default_for: list[str]
    tells_end: bool


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[EscalationPolicy, str]]:
    """Return up to `size` policies with their clients' names, oldest first."""
    statement = select(EscalationPolicy, Client.name).join(Client, Client.id == EscalationPolicy.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(EscalationPolicy.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, name: str, *, client_id: int) -> EscalationPolicy | None:
    """Return the policy of that name of the client."""
    return session.scalar(select(EscalationPolicy).where(*Filter(client_id, name).conditions()))


def add(session: Session, values: dict[str, Any]) -> EscalationPolicy:
    """Store a policy. Raises `TakenError`, also where another one is the default for a severity already."""
    return inserted(session, insert(EscalationPolicy).values(**values), EscalationPolicy)


def change(session: Session, policy_id: int, *, version: int, values: dict[str, Any]) -> EscalationPolicy | None:
    """Change the policy if it still is of `version`; None if not. Raises `TakenError`."""
    mine = update(EscalationPolicy).where(EscalationPolicy.id == policy_id, EscalationPolicy.version == version)
    return updated(session, mine.values(version=version + 1, **values), EscalationPolicy)


def delete(session: Session, policy_id: int) -> None:
    """Remove a policy; tickets that have copied it go on."""
    session.execute(sql_delete(EscalationPolicy).where(EscalationPolicy.id == policy_id))


def rules_naming(session: Session, client_id: int, name: str) -> list[str]:
    """Return the names of some enabled rules that bind the policy of that name."""
    return list(session.scalars(NAMED_BY, {"client_id": client_id, "name": name}))


def of_clients(session: Session, client_ids: Iterable[int]) -> list[StoredPolicy]:
    """Return all policies of these clients."""
    rows = session.execute(OF_CLIENTS, {"client_ids": array(map(str, client_ids))})
    return [StoredPolicy(*row) for row in rows]


def names(session: Session, client_id: int, wanted: Sequence[str]) -> set[str]:
    """Return those of `wanted` that policies of the client have."""
    mine = (EscalationPolicy.client_id == client_id, EscalationPolicy.name.in_(wanted))
    return set(session.scalars(select(EscalationPolicy.name).where(*mine)))


def known(session: Session, client_id: int, *, most: int) -> list[str]:
    """Return names of policies of the client, for suggestions."""
    mine = select(EscalationPolicy.name).where(EscalationPolicy.client_id == client_id)
    return list(session.scalars(mine.order_by(EscalationPolicy.id).limit(most)))
