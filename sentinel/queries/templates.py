"""Templates: how a client's messages are worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Template
from sentinel.queries.unique import inserted, updated

# A rule names templates in its actions, `[5, channel, target, template]`, which stand where dumped rules have them.
USED_BY = text("""
    SELECT 'endpoint' AS kind, id, coalesce(name, id::text) AS name FROM endpoints
    WHERE client_id = :client_id AND template = :name AND is_enabled
    UNION ALL
    SELECT 'rule', id, name FROM rules
    WHERE client_id = :client_id AND is_enabled
      AND jsonb_path_exists(
          syntax, 'strict $[1][2][*] ? (@[0] == 5 && @[3] == $name)', jsonb_build_object('name', :name)
      )
    ORDER BY kind, name LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with.

    `words` stand in the name.
    """

    client_id: int | None = None
    name: str | None = None
    channel: str | None = None
    words: str | None = None
    after: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [Template.id > self.after]
        if self.client_id is not None:
            found.append(Template.client_id == self.client_id)
        if self.name is not None:
            found.append(Template.name == self.name)
        if self.channel is not None:
            found.append(Template.channel == self.channel)
        if self.words is not None:
            found.append(Template.name.icontains(self.words, autoescape=True))
        return found


@dataclass(frozen=True, slots=True)
class User:
    """An enabled `endpoint` or `rule` that asks for a template."""

    kind: str
    id: int
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def page(session: Session, wanted: Filter, *, size: int) -> Sequence[Template]:
    """Return up to `size` templates, oldest first."""
    return session.scalars(select(Template).where(*wanted.conditions()).order_by(Template.id).limit(size)).all()


def listed(session: Session, wanted: Filter, *, size: int) -> list[tuple[Template, str]]:
    """Return up to `size` templates with their clients' names, oldest first."""
    statement = select(Template, Client.name).join(Client, Client.id == Template.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(Template.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, template_id: int, *, client_id: int | None) -> Template | None:
    """Return one template, if it belongs to the client (None: to any)."""
    wanted = Filter(client_id).conditions()
    return session.scalar(select(Template).where(Template.id == template_id, *wanted))


def add(session: Session, values: dict[str, Any]) -> Template:
    """Store a template. Raises `TakenError`."""
    return inserted(session, insert(Template).values(**values), Template)


def change(session: Session, template_id: int, *, version: int, values: dict[str, Any]) -> Template | None:
    """Change the template if it still is of `version`; None if not. Raises `TakenError`."""
    mine = update(Template).where(Template.id == template_id, Template.version == version)
    return updated(session, mine.values(version=version + 1, **values), Template)


def fitting(session: Session, client_id: int, name: str, channel: str) -> bool:
    """Whether the client has a template of that name which `channel` can use."""
    mine = (Template.client_id == client_id, Template.name == name)
    fits = or_(Template.channel == channel, Template.channel.is_(None))
    return session.scalar(select(Template.id).where(*mine, fits).limit(1)) is not None


def delete(session: Session, template_id: int) -> None:
    """Remove a template."""
    session.execute(sql_delete(Template).where(Template.id == template_id))


def used_by(session: Session, client_id: int, name: str, *, most: int) -> list[User]:
    """Return some of the enabled endpoints and rules that ask for templates of that name."""
    return [User(*row) for row in session.execute(USED_BY, {"client_id": client_id, "name": name, "most": most})]
