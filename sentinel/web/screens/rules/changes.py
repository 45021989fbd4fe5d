"""What admins do to rules: made, changed, switched, deleted, put back to what they were."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from flask import flash
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from sentinel.rules.errors import InvalidRuleError
from sentinel.services.ruling import browsing, rules
from sentinel.services.ruling.rules import Written
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acts, caller_for, note_action
from sentinel.web.forms import text
from sentinel.web.frame import back_or, not_done, see_other
from sentinel.web.numbers import whole
from sentinel.web.screens.rules import editor, entries
from sentinel.web.screens.rules.editor import Shown, Verdict
from sentinel.web.screens.rules.entries import Entry

REFUSED = HTTPStatus.UNPROCESSABLE_ENTITY


@acts("admin")
def create() -> Response:
    """Store a new rule."""
    entry = entries.sent()
    try:
        with unit_of_work() as uow:
            editor.checked(uow, entry)
            made = rules.create(uow, caller_for(uow, entry.client), entry.written())
            note_action(uow, "rule.create", f"rule {made.id}", client=entry.client, name=made.name)
            rule_id, name = made.id, made.name
    except InvalidInputError as error:
        return _refused(entry, error)
    except ConflictError:
        return _again(entry, Shown(errors={"name": _taken(entry)}), HTTPStatus.CONFLICT)
    flash(f"“{name}” is stored; workers ask it from the next event on.")
    return see_other("console.rules.show", rule_id=rule_id)


@acts("admin")
def save(rule_id: int) -> Response:
    """Put what was written in the place of a rule that nobody else has changed meanwhile."""
    entry = replace(entries.sent(), rule_id=rule_id)
    try:
        with unit_of_work() as uow:
            found = browsing.get(uow, rule_id)
            caller = caller_for(uow, found.client)
            entry = replace(entry, client=found.client)
            changed = rules.replace(uow, caller, rule_id, entry.written(), version=entry.version)
            is_new, name = changed.version != entry.version, changed.name
            if is_new:
                note_action(uow, "rule.change", f"rule {rule_id}", client=found.client, version=changed.version)
    except InvalidInputError as error:
        return _refused(entry, error)
    except ConflictError:
        return _conflict(entry)
    except NotFoundError:
        return _gone(entry)
    _say(
        is_new, f"“{name}” is saved; workers ask it from the next event on.", "Nothing was saved: nothing is different."
    )
    return see_other("console.rules.show", rule_id=rule_id)


@acts("admin")
def switch(rule_id: int) -> Response:
    """Enable or disable a rule."""
    is_on = text("state") == "on"
    try:
        with unit_of_work() as uow:
            found = browsing.get(uow, rule_id)
            before = found.rule.version
            changed = rules.switch(uow, caller_for(uow, found.client), rule_id, is_enabled=is_on)
            is_new, name = changed.version != before, changed.name
            if is_new:
                action = "rule.enable" if is_on else "rule.disable"
                note_action(uow, action, f"rule {rule_id}", client=found.client, version=changed.version)
    except InvalidInputError as error:
        not_done(f"Rule {rule_id} stays off: {error.errors[0].message}. {error.errors[0].remedy.capitalize()}.")
    else:
        state = "on" if is_on else "off"
        done = f"“{name}” is {state}." if is_on else f"“{name}” is off: events do not ask it any more."
        _say(is_new, done, f"“{name}” is {state} already.")
    return back_or("console.rules.show", rule_id=rule_id)


@acts("admin")
def delete(rule_id: int) -> Response:
    """Delete a rule, with the endpoints that belong to it."""
    with unit_of_work() as uow:
        found = browsing.get(uow, rule_id)
        name, client = found.rule.name, found.client
        gone = len(browsing.own_endpoints(uow, found.rule))
        rules.delete(uow, caller_for(uow, client), rule_id)
        note_action(uow, "rule.delete", f"rule {rule_id}", client=client, name=name, endpoints=gone)
    flash(f"“{name}” is deleted. Its history stays: from there it can be made again.")
    return see_other("console.rules.history", rule_id=rule_id)


@acts("admin")
def restore(rule_id: int) -> Response:
    """Make a rule again what it was in an earlier version; that is a new version of it."""
    version = whole(text("version"))
    with unit_of_work() as uow:
        found = browsing.get(uow, rule_id)
        past = browsing.past(uow, rule_id)
        kept = editor.version_of(past.changes, version)
        entry = replace(entries.of_rule(found), name=kept.name, rule=kept.text)
    try:
        with unit_of_work() as uow:
            caller = caller_for(uow, entry.client)
            written = Written(entry.name, entry.rule, entry.is_enabled)
            now = rules.replace(uow, caller, rule_id, written, version=entry.version).version
            if now != entry.version:
                note_action(uow, "rule.restore", f"rule {rule_id}", client=entry.client, version=now, of=version)
    except InvalidInputError as error:  # what it named then may be gone
        return _refused(entry, error)
    except ConflictError:
        return _conflict(entry)
    done = f"The rule is again what it was in version {version}."
    _say(now != entry.version, done, f"The rule is what it was in version {version} already.")
    return see_other("console.rules.show", rule_id=rule_id)


def _say(is_new: bool, done: str, was_so: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Tell what was done; or that there was nothing to do."""
    if is_new:
        flash(done)
    else:
        not_done(was_so)


def _refused(entry: Entry, error: InvalidInputError) -> Response:
    """The form as it was sent, with what is wrong where it is wrong."""
    if isinstance(error, InvalidRuleError):
        return _again(entry, Shown(verdict=editor.verdict_of(error, entry)), REFUSED)
    verdict = Verdict() if entry.is_short else None  # what is wrong stands at the fields already
    return _again(entry, Shown(errors=editor.field_errors(error), verdict=verdict), REFUSED)


def _conflict(entry: Entry) -> Response:
    """Somebody else has changed the rule meanwhile, or has its new name."""
    with unit_of_work() as uow:
        found = browsing.get(uow, entry.rule_id)
        if found.rule.version == entry.version:
            shown = Shown(errors={"name": _taken(entry)})
        else:
            shown, entry = Shown(theirs=found), replace(entry, version=found.rule.version)
        return editor.editor_page(uow, entry, shown, status=HTTPStatus.CONFLICT)


def _gone(entry: Entry) -> Response:
    """Somebody has deleted the rule meanwhile; what was written can still become a new one."""
    with unit_of_work() as uow:
        browsing.past(uow, entry.rule_id)
    message = "this rule was deleted meanwhile; what you wrote is here, and becomes a new rule when you save it"
    return _again(replace(entry, rule_id=0, version=0), Shown(errors={"name": message}), HTTPStatus.CONFLICT)


def _again(entry: Entry, shown: Shown, status: HTTPStatus) -> Response:
    with unit_of_work() as uow:
        return editor.editor_page(uow, entry, shown, status=status)


def _taken(entry: Entry) -> str:
    return f"{entry.client} has a rule of this name already: choose another one."
