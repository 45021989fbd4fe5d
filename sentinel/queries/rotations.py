"""Rotations and who stands in: the rows that people edit, and what a step asks of many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, text, tuple_, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Client, Rotation, RotationOverride
from sentinel.queries.unique import inserted, updated

# A policy names rotations in its steps.
NAMED_BY = text("""
    SELECT name FROM escalation_policies
    WHERE client_id = :client_id
      AND jsonb_path_exists(
          steps, '$[*].notify[*] ? (@ == $target)', jsonb_build_object('target', CAST('rotation:' || :name AS text))
      )
    ORDER BY id LIMIT 5
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None means any. `after` is the id that the page before ended with."""

    client_id: int | None = None
    name: str | None = None
    after: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """Build the WHERE clause."""
        exact = ((Rotation.client_id, self.client_id), (Rotation.name, self.name))
        found = [column == value for column, value in exact if value is not None]
        return [*found, Rotation.id > self.after]


def page(session: Session, wanted: Filter, *, size: int) -> list[tuple[Rotation, str]]:
    """Return up to `size` rotations with their clients' names, oldest first."""
    statement = select(Rotation, Client.name).join(Client, Client.id == Rotation.client_id)
    ordered = statement.where(*wanted.conditions()).order_by(Rotation.id).limit(size)
    return [(row[0], row[1]) for row in session.execute(ordered)]


def get(session: Session, name: str, *, client_id: int) -> Rotation | None:
    """Return the rotation of that name of the client."""
    return session.scalar(select(Rotation).where(*Filter(client_id, name).conditions()))


def named(session: Session, wanted: Iterable[tuple[int, str]]) -> Sequence[Rotation]:
    """Return the rotations of these clients and names."""
    return session.scalars(select(Rotation).where(tuple_(Rotation.client_id, Rotation.name).in_(wanted))).all()


def add(session: Session, values: dict[str, Any]) -> Rotation:
    """Store a rotation. Raises `TakenError`."""
    return inserted(session, insert(Rotation).values(**values), Rotation)


def change(session: Session, rotation_id: int, *, version: int, values: dict[str, Any]) -> Rotation | None:
    """Change the rotation if it still is of `version`; None if not. Raises `TakenError`."""
    mine = update(Rotation).where(Rotation.id == rotation_id, Rotation.version == version)
    return updated(session, mine.values(version=version + 1, **values), Rotation)


def delete(session: Session, rotation_id: int) -> None:
    """Remove a rotation, and who stands in."""
    session.execute(sql_delete(Rotation).where(Rotation.id == rotation_id))


def policies_naming(session: Session, client_id: int, name: str) -> list[str]:
    """Return the names of some policies whose steps tell the rotation of that name."""
    return list(session.scalars(NAMED_BY, {"client_id": client_id, "name": name}))


def names(session: Session, client_id: int, wanted: Sequence[str]) -> set[str]:
    """Return those of `wanted` that rotations of the client have."""
    mine = (Rotation.client_id == client_id, Rotation.name.in_(wanted))
    return set(session.scalars(select(Rotation.name).where(*mine)))


def overrides(session: Session, rotation_ids: Iterable[int], *, ending_after: datetime) -> Sequence[RotationOverride]:
    """Return who stands in after a moment, in the order in which it was said."""
    mine = (RotationOverride.rotation_id.in_(rotation_ids), RotationOverride.ends_at > ending_after)
    return session.scalars(select(RotationOverride).where(*mine).order_by(RotationOverride.id)).all()


def add_override(session: Session, values: dict[str, Any]) -> RotationOverride:
    """Let somebody stand in."""
    return inserted(session, insert(RotationOverride).values(**values), RotationOverride)


def delete_override(session: Session, override_id: int, *, rotation_id: int) -> bool:
    """Take back that somebody stands in; False if the rotation has no such override."""
    mine = (RotationOverride.id == override_id, RotationOverride.rotation_id == rotation_id)
    done = session.execute(sql_delete(RotationOverride).where(*mine))
    return bool(done.rowcount)  # type: ignore[attr-defined]
