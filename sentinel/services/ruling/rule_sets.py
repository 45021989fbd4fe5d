"""All rules of a client at once: what a file of rules would change, and changing it, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sentinel.errors import FieldError, InvalidInputError
from sentinel.models import Rule
from sentinel.queries import flushing
from sentinel.queries import rules as queries
from sentinel.services.access.clients import Caller
from sentinel.services.ruling import rule_texts, rules
from sentinel.services.ruling.rules import Draft
from sentinel.services.unit_of_work import UnitOfWork

ROWS_AT_ONCE = 2000
"""Rules in one statement: a few seconds of work, and a step of the progress bar."""


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule as a file has it."""

    name: str
    text: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Replacement:
    """A rule, and what it shall be."""

    rule: Rule
    draft: Draft
    change: str


@dataclass(slots=True)
class Difference:
    """What has to be done so that a client has the wanted rules. `refused`: place in the file → what is wrong."""

    new: list[Draft] = field(default_factory=list)
    changed: list[Replacement] = field(default_factory=list)
    unchanged: int = 0
    gone: list[Rule] = field(default_factory=list)
    refused: dict[int, InvalidInputError] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many rules of the file have been looked at."""
        return len(self.new) + len(self.changed) + self.unchanged + len(self.refused)

    @property
    def size(self) -> int:
        """How many rules are written."""
        return len(self.new) + len(self.changed) + len(self.gone)


def everything(uow: UnitOfWork, client_id: int) -> Sequence[Rule]:
    """Return all rules of a client by name."""
    return queries.everything(uow.session, client_id)


def compare(
    uow: UnitOfWork, caller: Caller, wanted: Sequence[WantedRule], *, prune: bool, prefix: str = ""
) -> Iterator[Difference]:
    """Compare the file with what is stored; gives the same growing difference after every few rules.

    With `prune` the rules are gone that the file does not have, of those whose names begin with `prefix`. From here on
    nobody else writes rules of this client, until the transaction ends. Texts that are stored already are not read
    again.
    """
    queries.lock_client(uow.session, caller.client_id)
    stored = {each.name: each for each in queries.everything(uow.session, caller.client_id)}
    found = Difference(refused=_refused_names(wanted))
    if prune:
        names = {each.name for each in wanted}
        found.gone = [rule for name, rule in stored.items() if name not in names and name.startswith(prefix)]
    readable = [(place, each) for place, each in enumerate(wanted) if place not in found.refused]
    for start in range(0, len(readable), ROWS_AT_ONCE):
        _compare_part(uow, caller, readable[start : start + ROWS_AT_ONCE], stored, found)
        yield found
    if not found.refused:
        _check_room(uow, caller, found)
    yield found


def apply(uow: UnitOfWork, caller: Caller, difference: Difference) -> Iterator[int]:
    """Write a difference; gives how many rules are written after every few. Nothing holds until the commit."""
    ids = [each.id for each in difference.gone]
    done = 0
    if ids:
        done += len(queries.delete(uow.session, caller.client_id, ids, changed_by=caller.label, now=uow.now))
        yield done
    changed = [
        {"id": each.rule.id, "version": each.rule.version, "change": each.change} | each.draft.row
        for each in difference.changed
    ]
    new = [{"client_id": caller.client_id} | each.row for each in difference.new]
    for write, rows in ((queries.change, changed), (queries.insert, new)):
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            done += len(write(uow.session, part, changed_by=caller.label, now=uow.now))
            yield done
    if ids or changed:
        flushing.hasten_last(uow.session, caller.client_id, now=uow.now)


def _refused_names(wanted: Sequence[WantedRule]) -> dict[int, InvalidInputError]:
    refused: dict[int, InvalidInputError] = {}
    seen: set[str] = set()
    for place, each in enumerate(wanted):
        error = _name_error(each.name, seen)
        if error is not None:
            refused[place] = InvalidInputError(error)
        seen.add(each.name)
    return refused


def _name_error(name: str, seen: set[str]) -> FieldError | None:
    if name in seen:
        return FieldError("name", name, "stands in the file twice", "give each rule a name of its own")
    return rules.name_error(name)


def _compare_part(
    uow: UnitOfWork,
    caller: Caller,
    part: Sequence[tuple[int, WantedRule]],
    stored: dict[str, Rule],
    found: Difference,
) -> None:
    unread = []
    for place, each in part:
        rule = stored.get(each.name)
        if rule is not None and rule.text == each.text.strip() and rule.is_enabled == each.is_enabled:
            found.unchanged += 1
        else:
            unread.append((place, each))
    checked = rule_texts.check_many(uow, caller.client_id, [each.text for _, each in unread])
    for (place, each), outcome in zip(unread, checked, strict=True):
        if isinstance(outcome, InvalidInputError):
            found.refused[place] = outcome
        else:
            _sort_in(Draft(each.name, outcome, each.is_enabled), stored.get(each.name), found)


def _sort_in(draft: Draft, rule: Rule | None, found: Difference) -> None:
    if rule is None:
        found.new.append(draft)
    elif change := rules.change_of(rule, draft):
        found.changed.append(Replacement(rule, draft, change))
    else:
        found.unchanged += 1


def _check_room(uow: UnitOfWork, caller: Caller, found: Difference) -> None:
    drafts = [*found.new, *(each.draft for each in found.changed)]
    before = [*found.gone, *(each.rule for each in found.changed)]
    scanned = sum(each.is_asked_always for each in drafts) - sum(each.is_enabled and each.is_scanned for each in before)
    rules.check_room(uow, caller.client_id, added=len(found.new) - len(found.gone), scanned=scanned)
