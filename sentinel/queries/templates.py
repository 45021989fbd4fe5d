"""Templates: how a client's messages are worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Template
from sentinel.queries.unique import inserted, updated

# A rule names templates in its actions, `[5, channel, target, template]`, which stand where dumped rules have them.
USED_BY = text("""
    SELECT 'endpoint ' || coalesce(name, id::text) AS user FROM endpoints
    WHERE client_id = :client_id AND template = :name AND is_enabled
    UNION ALL
    SELECT 'rule ' || name FROM rules
    WHERE client_id = :client_id AND is_enabled
      AND jsonb_path_exists(
          syntax, 'strict $[1][2][*] ? (@[0] == 5 && @[3] == $name)', jsonb_build_object('name', :name)
      )
    ORDER BY 1 LIMIT 5
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with."""

    client_id: int
    name: str | None = None
    channel: str | None = None
    after: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        found = [Template.client_id == self.client_id, Template.id > self.after]
        if self.name is not None:
            found.append(Template.name == self.name)
        if self.channel is not None:
            found.append(Template.channel == self.channel)
        return found


def page(session: Session, wanted: Filter, *, size: int) -> Sequence[Template]:
    """Return up to `size` templates, oldest first."""
    return session.scalars(select(Template).where(*wanted.conditions()).order_by(Template.id).limit(size)).all()


def get(session: Session, template_id: int, *, client_id: int) -> Template | None:
    """Return one template, if it belongs to the client."""
    return session.scalar(select(Template).where(Template.id == template_id, Template.client_id == client_id))


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


def names_used(session: Session, client_id: int, name: str) -> list[str]:
    """Return some of the enabled rules and endpoints that ask for templates of that name."""
    return [row.user for row in session.execute(USED_BY, {"client_id": client_id, "name": name})]
