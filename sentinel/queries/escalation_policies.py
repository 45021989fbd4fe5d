"""Escalation policies: which rules bind them, and what tickets that open ask of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

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


def rules_naming(session: Session, client_id: int, name: str) -> list[str]:
    """Return the names of some enabled rules that bind the policy of that name."""
    return list(session.scalars(NAMED_BY, {"client_id": client_id, "name": name}))


def of_clients(session: Session, client_ids: Iterable[int]) -> list[StoredPolicy]:
    """Return all policies of these clients."""
    rows = session.execute(OF_CLIENTS, {"client_ids": array(map(str, client_ids))})
    return [StoredPolicy(*row) for row in rows]
