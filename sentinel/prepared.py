"""Statements that PostgreSQL plans once per connection and runs by name: docs/decisions/087-prepared-statements.md."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import psycopg2

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
DIALECT = psycopg2.dialect()  # type: ignore[no-untyped-call]

PLAN_SECONDS = 5
"""A plan is as old as this at most: one that suits an empty table would read all of a full one."""


@dataclass(frozen=True, slots=True)
class Preparable:
    """A statement in its two halves, for `PREPARE name AS body` and `EXECUTE name arguments` with psycopg2's marks."""

    body: str
    arguments: str


PREPARABLE: dict[str, Preparable] = {}
"""By their text, as the driver gets it."""


def prepared(sql: str) -> TextClause:
    """Return a statement that is planned once per connection, for any values: for what runs often and always alike.

    PostgreSQL must be able to tell each parameter's type from the place where it stands first; CAST it where not.
    """
    statement = text(sql)
    sent = str(statement.compile(dialect=DIALECT))
    PREPARABLE[sent] = halves(sent)
    return statement


def halves(sent: str) -> Preparable:
    """Split a statement with marks by name into its body with numbered parameters, and the values to pass."""
    names = list(dict.fromkeys(PLACEHOLDER.findall(sent)))
    body = PLACEHOLDER.sub(lambda mark: f"${names.index(mark[1]) + 1}", sent)
    arguments = ", ".join(f"%({name})s" for name in names)
    return Preparable(body, f"({arguments})" if names else "")


class Plans:
    """What one connection has prepared, by statement. A plan is made anew after some seconds, as tables grow.

    Names are not used twice: what became of them in a message that failed, nobody knows.
    """

    def __init__(self, *, are_used: bool) -> None:
        self._kept: dict[str, tuple[str, float]] = {}
        self._made: tuple[str, float] | None = None
        self._numbers = itertools.count(1)
        self._preparable = PREPARABLE if are_used else {}

    def begin(self, query: str) -> str:
        """Return what to say for a statement: to run its plan, to make one and run it, or just itself."""
        self._made = None
        statement = self._preparable.get(query)
        if statement is None:
            return query
        name, until = self._kept.get(query, ("", 0.0))
        now = time.monotonic()
        if now < until:
            return f"EXECUTE {name}{statement.arguments}"
        self._kept.pop(query, None)
        old, name = name, f"sentinel_{next(self._numbers)}"
        self._made = name, now + PLAN_SECONDS
        forget = f"DEALLOCATE {old};" if old else ""
        return f"{forget}PREPARE {name} AS {statement.body};EXECUTE {name}{statement.arguments}"

    def keep(self, query: str) -> None:
        """Remember the plan that was made with the last statement, which went well."""
        if self._made:
            self._kept[query] = self._made
