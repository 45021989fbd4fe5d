"""Carrying out what an importer has planned for a client: all of it in one transaction, or nothing.

What is made has names with the plan's prefix. A later import finds it by them and changes what differs; what a person
has added to an endpoint (a template, other targets) stays. Nothing else of the client is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from sentinel.errors import SentinelError
from sentinel.importing.plan import Plan, PlannedEndpoint
from sentinel.models import Endpoint, Inhibition
from sentinel.queries import endpoints as queries
from sentinel.queries import rules as rule_queries
from sentinel.queries.inhibitions import Filter
from sentinel.rules.matchers import Matcher
from sentinel.schedules.reading import written
from sentinel.services import endpoints
from sentinel.services.access.clients import Caller
from sentinel.services.endpoints import Written
from sentinel.services.muting import inhibitions, matchers
from sentinel.services.ruling import rule_sets
from sentinel.services.ruling.rule_sets import Difference, WantedRule
from sentinel.services.unit_of_work import UnitOfWork

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was made, changed or removed: how it read before and after; no lines where it was not there."""

    kind: str
    name: str
    before: Lines
    after: Lines


@dataclass(slots=True)
class Outcome:
    """What an import has done. `left`: what an earlier one made and this one does not speak of.

    `kept`: what of that cannot be removed, and why.
    """

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    left: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def note(self, kind: str, name: str, before: Lines, after: Lines) -> None:
        """Add a change, if it is one."""
        if before == after:
            self.unchanged += 1
        else:
            self.changes.append(Change(kind, name, before, after))


@contextmanager
def rehearsal(uow: UnitOfWork) -> Iterator[None]:
    """Undo at the end what was written meanwhile: what would be refused is, and the rest is seen as it would be."""
    with uow.session.begin_nested() as nested:
        yield
        nested.rollback()


def carry_out(uow: UnitOfWork, caller: Caller, plan: Plan, *, prune: bool) -> Outcome:
    """Make all that is planned; with `prune`, remove what an earlier import has made besides."""
    rule_queries.lock_client(uow.session, caller.client_id)
    outcome = Outcome()
    stored = {str(each.name): each for each in queries.prefixed(uow.session, caller.client_id, _start(plan))}
    for each in plan.endpoints.values():
        _put_endpoint(uow, caller, each, stored.get(each.name), outcome)
    _put_rules(uow, caller, plan, outcome, prune=prune)
    gone = [endpoint for name, endpoint in stored.items() if name not in plan.endpoints]
    _drop_endpoints(uow, caller, gone, outcome, prune=prune)
    _put_inhibitions(uow, caller, plan, outcome, prune=prune)
    return outcome


def known_targets(uow: UnitOfWork, caller: Caller, prefix: str) -> dict[str, tuple[str, str]]:
    """Where the endpoints of an earlier import lead, by their names."""
    rows = queries.prefixed(uow.session, caller.client_id, f"{prefix}: ")
    return {str(each.name): (each.channel, each.target) for each in rows}


def _start(plan: Plan) -> str:
    return f"{plan.prefix}: "


def _put_endpoint(
    uow: UnitOfWork, caller: Caller, wanted: PlannedEndpoint, stored: Endpoint | None, outcome: Outcome
) -> None:
    after = _lines(wanted.channel, wanted.target, _quiet_hours(wanted))
    before = _lines_of(stored) if stored else ()
    outcome.note("endpoint", wanted.name, before, after)
    if stored is None:
        new = Written(wanted.channel, wanted.target, wanted.name, quiet_hours=_quiet_hours(wanted))
        endpoints.create(uow, caller.client_id, new)
    elif before != after:
        changed = replace(
            endpoints.as_written(stored),
            channel=wanted.channel,
            target=wanted.target,
            quiet_hours=_quiet_hours(wanted),
        )
        endpoints.change(uow, caller.client_id, stored.id, changed, version=stored.version)


def _quiet_hours(wanted: PlannedEndpoint) -> dict[str, Any] | None:
    """What comes while it is quiet is dropped, however severe; its group tells what fires still when that is over.

    So does Alertmanager: of what was resolved meanwhile nobody hears.
    """
    if wanted.quiet is None:
        return None
    return {"windows": written(wanted.quiet), "mode": "drop", "passes_from": None}


def _lines_of(stored: Endpoint) -> Lines:
    return _lines(stored.channel, stored.target, stored.quiet_hours)


def _lines(channel: str, target: str, quiet_hours: Mapping[str, Any] | None) -> Lines:
    quiet = (f"quiet {orjson.dumps(quiet_hours, option=orjson.OPT_SORT_KEYS).decode()}",) if quiet_hours else ()
    return (f"{channel}:{target}", *quiet)


def _put_rules(uow: UnitOfWork, caller: Caller, plan: Plan, outcome: Outcome, *, prune: bool) -> None:
    wanted = [WantedRule(each.name, each.text) for each in plan.rules]
    *_, difference = rule_sets.compare(uow, caller, wanted, prune=prune, prefix=_start(plan))
    if difference.refused:
        raise SentinelError("\n".join(f"{wanted[place].name}: {error}" for place, error in difference.refused.items()))
    names = {each.name for each in wanted}
    if not prune:
        known = rule_sets.everything(uow, caller.client_id)
        outcome.left += [each.name for each in known if each.name.startswith(_start(plan)) and each.name not in names]
    _note_rules(difference, outcome)
    for _ in rule_sets.apply(uow, caller, difference):
        pass


def _put_inhibitions(uow: UnitOfWork, caller: Caller, plan: Plan, outcome: Outcome, *, prune: bool) -> None:
    rows, _ = inhibitions.page(uow, Filter(caller.client_id), size=inhibitions.MOST_INHIBITIONS)
    stored = {row.name: row for row, _ in rows if row.name.startswith(_start(plan))}
    for name, each in plan.inhibitions.items():
        before = _inhibition_lines(stored[name]) if name in stored else ()
        after = _lines_of_sides(each.source, each.target, each.equal)
        outcome.note("inhibition", name, before, after)
        if before != after:
            inhibitions.put(uow, caller.client_id, inhibitions.Written(name, each.source, each.target, each.equal))
    for name in [name for name in stored if name not in plan.inhibitions]:
        if prune:
            outcome.note("inhibition", name, _inhibition_lines(stored[name]), ())
            inhibitions.remove(uow, caller.client_id, name)
        else:
            outcome.left.append(name)


def _inhibition_lines(stored: Inhibition) -> Lines:
    return _lines_of_sides(matchers.read_all(stored.source), matchers.read_all(stored.target), stored.equal)


def _lines_of_sides(source: Iterable[Matcher], target: Iterable[Matcher], equal: Sequence[str]) -> Lines:
    sides = (f"source {matchers.written(source)}", f"target {matchers.written(target)}")
    return (*sides, f"equal {', '.join(equal)}") if equal else sides


def _note_rules(difference: Difference, outcome: Outcome) -> None:
    outcome.unchanged += difference.unchanged
    for rule in difference.gone:
        outcome.note("rule", rule.name, (rule.text,), ())
    for each in difference.changed:
        outcome.note("rule", each.draft.name, (each.rule.text,), (each.draft.rule.text,))
    for draft in difference.new:
        outcome.note("rule", draft.name, (), (draft.rule.text,))


def _drop_endpoints(
    uow: UnitOfWork, caller: Caller, gone: Iterable[Endpoint], outcome: Outcome, *, prune: bool
) -> None:
    for each in gone:
        users = _users(uow, each) if prune else []
        if users:
            outcome.kept.append(f"{each.name} is named by {', '.join(users)}")
        elif prune:
            outcome.note("endpoint", str(each.name), _lines_of(each), ())
            endpoints.delete(uow, caller.client_id, each.id)
        else:
            outcome.left.append(str(each.name))


def _users(uow: UnitOfWork, endpoint: Endpoint) -> list[str]:
    """Rules, policies and rotations that a person has made, and that would find nobody there."""
    name = str(endpoint.name)
    return [
        *queries.rules_naming(uow.session, endpoint.client_id, name),
        *queries.paged_by(uow.session, endpoint.client_id, name),
    ]
