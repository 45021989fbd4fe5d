"""Looks at what every statement reads, just before it runs, and says which ones read too much."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, TextClause, event, text
from sqlalchemy.dialects.postgresql import psycopg2 as dialect

import sentinel.queries

BIG_ROWS = 3000
"""A table with more rows is big: reading all of it is a matter of seconds one day."""

MOST_READ = 12_000
"""Rows of big tables that one statement may read: a day of a million, or a sweep's 5,000 with what belongs to them."""

EXPLAINED = re.compile(r"[\s(]*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


@dataclass(slots=True)
class Plans:
    """What was seen: the worst complaint about each statement, and which texts ran at all."""

    big: frozenset[str]
    complaints: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def look(self, statement: str, plan: dict[str, Any]) -> None:
        """Note a statement, and what is wrong with its plan."""
        self.seen.add(statement)
        complaint = judged(plan, self.big)
        if complaint:
            self.complaints[statement] = complaint


READS_MUCH = {
    "gauges.GAUGES": "counts everything that waits, by partial indexes",
    "audit.EVENT_FAULTS": "may hash ticket_events where that is cheaper than a look for each event of a day",
}
"""Statements that may read more, by name, and why."""


def judged(plan: dict[str, Any], big: frozenset[str]) -> str | None:
    """What is wrong with a plan; None if it reads big tables by index, and not much of them."""
    found = [node for node in nodes(plan) if node.get("Relation Name") in big]
    for node in found:
        if node["Node Type"] == "Seq Scan" and _read(node):
            return f"reads all of {node['Relation Name']}"
    read = sum(map(_read, found))
    return f"reads {read} rows of {', '.join({node['Relation Name'] for node in found})}" if read > MOST_READ else None


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and all plans within it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def _read(node: dict[str, Any]) -> int:
    """Rows that a node looked at, those it threw away too; a node that writes looks at nothing itself."""
    if "Scan" not in node["Node Type"]:
        return 0
    thrown_away = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + thrown_away) * node["Actual Loops"])


def scanned(plan: dict[str, Any], big: frozenset[str]) -> set[str]:
    """The big tables of which a plan that did not run would read everything."""
    return {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"} & big


def big_tables(connection: Connection) -> frozenset[str]:
    """The tables that have many rows here."""
    statement = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > :rows AND relname !~ '^pg_'"
    return frozenset(connection.execute(text(statement), {"rows": BIG_ROWS}).scalars())


@contextmanager
def looked_at(engine: Engine) -> Iterator[Plans]:
    """Everything that is said to the database meanwhile is first tried, measured and undone."""
    with engine.connect() as connection:
        plans = Plans(big_tables(connection))

    def look(connection: Connection, cursor: Any, statement: str, parameters: Any, _: Any, is_many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
        if not is_many and EXPLAINED.match(statement):
            plan = _explained(cursor.connection, statement, parameters)
            if plan is not None:
                plans.look(statement, plan)

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", look)


def _explained(connection: Any, statement: str, parameters: Any) -> dict[str, Any] | None:
    """Run a statement, measure it, and undo it; None where it fails: then it fails again, for real."""
    is_alone, connection.stands_alone = connection.stands_alone, False  # a savepoint needs a transaction
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT look")
        try:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
            plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
        except psycopg2.Error:
            return None
        else:
            return plan
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT look")
            cursor.execute("RELEASE SAVEPOINT look")
            connection.stands_alone = is_alone
            if is_alone:
                connection.rollback()


def named_statements() -> dict[str, TextClause]:
    """The statements of `sentinel.queries` that are written as text, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(sentinel.queries.__path__):
        members = vars(importlib.import_module(f"sentinel.queries.{module.name}"))
        for name, value in members.items():
            if isinstance(value, TextClause):
                found[f"{module.name}.{name}"] = value
    return found


def as_sent(statement: TextClause) -> str:
    """A statement's text as the driver gets it."""
    return str(statement.compile(dialect=dialect.dialect()))  # type: ignore[no-untyped-call]


def planned(connection: Connection, statement: TextClause) -> dict[str, Any]:
    """The plan of a statement that is not run, for any values; raises where PostgreSQL cannot tell their types."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

    sql = re.sub(r"(?<![:\w]):(\w+)", number, statement.text)
    with connection.begin_nested():
        rows = connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql.replace('%', '%%')}")
        plan: dict[str, Any] = rows.scalar_one()[0]["Plan"]
    return plan
