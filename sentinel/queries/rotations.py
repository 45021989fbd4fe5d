"""Rotations: who stands in, which policies tell them, and what a step asks of many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import Rotation, RotationOverride
from sentinel.queries.unique import inserted

# A policy names rotations in its steps.
NAMED_BY = text("""
    SELECT name FROM escalation_policies
    WHERE client_id = :client_id
      AND jsonb_path_exists(
          steps, '$[*].notify[*] ? (@ == $target)', jsonb_build_object('target', CAST('rotation:' || :name AS text))
      )
    ORDER BY id LIMIT 5
""")


def named(session: Session, wanted: Iterable[tuple[int, str]]) -> Sequence[Rotation]:
    """Return the rotations of these clients and names."""
    return session.scalars(select(Rotation).where(tuple_(Rotation.client_id, Rotation.name).in_(wanted))).all()


def policies_naming(session: Session, client_id: int, name: str) -> list[str]:
    """Return the names of some policies whose steps tell the rotation of that name."""
    return list(session.scalars(NAMED_BY, {"client_id": client_id, "name": name}))


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
