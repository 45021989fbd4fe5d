"""Rules of a client: made, listed, replaced, switched, deleted, and what was done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.models import Rule, RuleVersion
from sentinel.queries import flushing
from sentinel.queries import rules as queries
from sentinel.queries.rules import Filter
from sentinel.rules import limits, packs, serialise
from sentinel.rules.syntax import RuleSyntax
from sentinel.services import editing
from sentinel.services.access.clients import Caller
from sentinel.services.ruling.rule_texts import CheckedRule, Shorthand, check, check_shorthand
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

LONGEST_NAME = 200

MOST_CHANGES = 1000
"""Changes of a rule that its history tells; older ones stay in the database."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as somebody wants it."""

    name: str
    rule: CheckedRule
    is_enabled: bool = True

    @property
    def row(self) -> dict[str, Any]:
        """Its columns."""
        return {"name": self.name, "is_enabled": self.is_enabled} | self.rule.columns

    @property
    def is_asked_always(self) -> bool:
        """Whether every event of the client will ask it."""
        return self.is_enabled and self.rule.is_scanned


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as a request has it: its text, or the short form."""

    name: str
    rule: str | Shorthand
    is_enabled: bool = True


def name_error(name: str) -> FieldError | None:
    """Say what is wrong with a rule's name, if anything is."""
    if 0 < len(name) <= LONGEST_NAME and name.isprintable():
        return None
    return FieldError("name", shown(name), "cannot be a name", f"use 1 to {LONGEST_NAME} printable characters")


def draft(uow: UnitOfWork, client_id: int, written: Written) -> Draft:
    """Return what may be stored of it, or say what is wrong."""
    if isinstance(written.rule, str):
        if error := name_error(written.name):
            raise InvalidInputError(error)
        return Draft(written.name, check(uow, client_id, written.rule), written.is_enabled)
    if len(written.name) > LONGEST_NAME:
        remedy = "shorten source or name, or write the rule in the rule language"
        message = f"severity, source and name have more than {LONGEST_NAME} characters together"
        raise InvalidInputError(FieldError("name", written.name[:LONGEST_NAME] + "…", message, remedy))
    return Draft(written.name, check_shorthand(uow, client_id, written.rule), written.is_enabled)


def syntax_of(rule: Rule, shared: dict[Any, Any] | None = None) -> RuleSyntax:
    """What a stored rule says. Hand `shared` from rule to rule where many are read."""
    return serialise.load(rule.syntax, shared)


def get(uow: UnitOfWork, rule_id: int, *, client_id: int) -> Rule:
    """Return a rule of the client."""
    found = queries.get(uow.session, rule_id, client_id=client_id) if rule_id <= editing.LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no rule {rule_id}; GET /rules lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[Sequence[Rule], int | None]:
    """Return a page of rules in the order they were made, and the cursor of the next page, if any."""
    return editing.cut(queries.page(uow.session, wanted, size=size + 1), size)


def history(uow: UnitOfWork, rule_id: int, *, client_id: int) -> Sequence[RuleVersion]:
    """Return what was done to a rule of the client, newest first; it outlives the rule."""
    is_possible = rule_id <= editing.LARGEST_ID
    found = queries.history(uow.session, rule_id, client_id=client_id, most=MOST_CHANGES) if is_possible else ()
    if not found:
        raise NotFoundError(f"no rule {rule_id}, and there was none; GET /rules lists those there are")
    return found


def create(uow: UnitOfWork, caller: Caller, written: Written) -> Rule:
    """Store a new rule."""
    made = create_many(uow, caller, [draft(uow, caller.client_id, written)])
    if not made:
        raise _name_is_taken(written.name)
    return get(uow, made[0], client_id=caller.client_id)


def create_many(uow: UnitOfWork, caller: Caller, drafts: Sequence[Draft]) -> list[int]:
    """Store new rules; returns the ids of those whose name was free."""
    if not drafts:
        return []
    queries.lock_client(uow.session, caller.client_id)
    check_room(uow, caller.client_id, added=len(drafts), scanned=sum(each.is_asked_always for each in drafts))
    rows = [each.row | {"client_id": caller.client_id} for each in drafts]
    return queries.insert(uow.session, rows, changed_by=caller.label, now=uow.now)


def replace(uow: UnitOfWork, caller: Caller, rule_id: int, written: Written, *, version: int) -> Rule:
    """Put `written` in the place of a rule that still has `version`."""
    queries.lock_client(uow.session, caller.client_id)
    found = get(uow, rule_id, client_id=caller.client_id)
    refuse_stale(found, version)
    if written.name != found.name and queries.by_names(uow.session, caller.client_id, [written.name]):
        raise _name_is_taken(written.name)
    return _put(uow, caller, found, draft(uow, caller.client_id, written))


def switch(uow: UnitOfWork, caller: Caller, rule_id: int, *, is_enabled: bool, version: int | None = None) -> Rule:
    """Enable or disable a rule; `version`, where given, must be the one it has."""
    queries.lock_client(uow.session, caller.client_id)
    found = get(uow, rule_id, client_id=caller.client_id)
    refuse_stale(found, version)
    as_it_is = CheckedRule(found.text, syntax_of(found))
    return _put(uow, caller, found, Draft(found.name, as_it_is, is_enabled))


def delete(uow: UnitOfWork, caller: Caller, rule_id: int) -> None:
    """Delete a rule; its history stays."""
    queries.lock_client(uow.session, caller.client_id)
    found = get(uow, rule_id, client_id=caller.client_id)
    queries.delete(uow.session, caller.client_id, [found.id], changed_by=caller.label, now=uow.now)
    flushing.hasten_last(uow.session, caller.client_id, now=uow.now)


def named(uow: UnitOfWork, client_id: int, names: Sequence[str]) -> dict[str, Rule]:
    """Return those rules of a client that have one of `names`."""
    return {each.name: each for each in queries.by_names(uow.session, client_id, names)}


def install(uow: UnitOfWork, caller: Caller, pack: str) -> tuple[Sequence[Rule], list[str]]:
    """Copy a shipped pack into the client's rules; returns the new ones, and the names that were there already."""
    shipped = packs.load_pack(pack)
    names = [each.name for each in shipped]
    there = named(uow, caller.client_id, names)
    drafts = [Draft(each.name, CheckedRule(each.text, each.syntax)) for each in shipped if each.name not in there]
    made = set(create_many(uow, caller, drafts))
    rows = [each for each in queries.by_names(uow.session, caller.client_id, names) if each.id in made]
    return sorted(rows, key=lambda each: each.id), [each for each in names if each in there]


def change_of(found: Rule, wanted: Draft) -> str | None:
    """What putting `wanted` in the place of a rule is called; None when nothing would change."""
    if (found.name, found.text) != (wanted.name, wanted.rule.text):
        return "changed"
    if found.is_enabled == wanted.is_enabled:
        return None
    return "enabled" if wanted.is_enabled else "disabled"


def check_room(uow: UnitOfWork, client_id: int, *, added: int, scanned: int) -> None:
    """Refuse more rules than a client may have; `scanned`: how many more of them every event would ask."""
    has, has_scanned = queries.counts(uow.session, client_id)
    most = get_settings().max_rules
    if added > 0 and has + added > most:
        remedy = f"delete some, or raise SENTINEL_MAX_RULES ({most})"
        raise InvalidInputError(FieldError("rule", has + added, "would be more rules than a client may have", remedy))
    if scanned > 0 and has_scanned + scanned > limits.SCANNED_RULES:
        message = f"no field narrows this rule down, and the client has {has_scanned} such rules that every event asks"
        remedy = f"add an equality such as type == …, or disable some; at most {limits.SCANNED_RULES} may be enabled"
        raise InvalidInputError(FieldError("rule", has_scanned + scanned, message, remedy))


def refuse_stale(found: Rule, version: int | None) -> None:
    """Refuse a writer who has read another version than the one there is."""
    if version is not None and found.version != version:
        raise editing.stale(f"rule {found.id}", now=found.version, read=version)


def _put(uow: UnitOfWork, caller: Caller, found: Rule, wanted: Draft) -> Rule:
    # The same text may mean another rule in another version of Sentinel: writing it again brings it up to date.
    change = change_of(found, wanted) or ("changed" if found.syntax != wanted.row["syntax"] else None)
    if change is None:
        return found
    was_asked_always = found.is_enabled and found.is_scanned
    check_room(uow, caller.client_id, added=0, scanned=wanted.is_asked_always - was_asked_always)
    row = wanted.row | {"id": found.id, "version": found.version, "change": change}
    queries.change(uow.session, [row], changed_by=caller.label, now=uow.now)
    flushing.hasten_last(uow.session, caller.client_id, now=uow.now)
    uow.session.refresh(found)
    return found


def _name_is_taken(name: str) -> ConflictError:
    return ConflictError(f'there is a rule "{name}" already; GET /rules?name=… finds it, PUT /rules/{{id}} changes it')
