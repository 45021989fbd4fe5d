"""What a rule would do, before anybody stores it: checked, tried on an event, asked about the past."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
from flask import jsonify, render_template, request
from werkzeug.wrappers import Response

from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.json_bounds import DEEPEST, is_shallow
from sentinel.rules import completion
from sentinel.rules.errors import InvalidRuleError
from sentinel.services import events
from sentinel.services.ruling import replay as replays
from sentinel.services.ruling import rule_trial
from sentinel.services.ruling.known_names import known_names
from sentinel.services.ruling.live_rules import LiveRule
from sentinel.services.ruling.rule_trial import NO_ID, TRIED
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import asks, caller_for
from sentinel.web.asked_parts import is_part
from sentinel.web.forms import errors_of, text
from sentinel.web.frame import page
from sentinel.web.screens.rules import editor, entries
from sentinel.web.screens.rules.editor import Shown
from sentinel.web.screens.rules.entries import LANGUAGE, Entry

OK, REFUSED = HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY


@asks
def check() -> Response:
    """Say what is wrong and where, or how the rule is understood: for the editor, as one types."""
    entry = entries.sent()
    with unit_of_work() as uow:
        verdict = editor.judged(uow, entry)
    html = render_template("console/rules/verdict.html", verdict=verdict, entry=entry, is_typing=True)
    problem = verdict.problem.as_dict() if verdict.problem else None
    return jsonify(
        {
            "problem": problem,
            "is_unfinished": verdict.is_unfinished,
            "errors": verdict.errors,
            "opinion": verdict.opinion,
            "html": html,
        }
    )


@asks
def complete() -> Response:
    """Say what may be written next; nothing where nothing is known."""
    entry = entries.sent()
    before = request.form.get("before", "").replace("\r\n", "\n")
    with unit_of_work() as uow:
        try:
            known = known_names(uow, editor.client_of(uow, entry))
        except InvalidInputError:
            known = completion.KnownNames()
    return jsonify(completion.complete(before, known))


@asks
def write_out() -> Response:
    """Go on in the rule language with a rule that was written by severity, source and name."""
    entry = entries.sent()
    with unit_of_work() as uow:
        try:
            found = editor.checked(uow, entry)
        except InvalidInputError as error:
            return editor.editor_page(uow, entry, Shown(errors=editor.field_errors(error)), status=REFUSED)
        name = entry.name or entry.written().name
        return editor.editor_page(uow, replace(entry, form=LANGUAGE, rule=found.text, name=name))


@asks
def try_out() -> Response:
    """Try the rule of the form on an event: one that was pasted, or a stored one; `look` only lists those there are."""
    entry = entries.sent()
    with unit_of_work() as uow:
        try:
            if text("use"):
                entry = replace(entry, event=editor.body_of(uow, entry, text("picked")))
            came = Shown() if text("look") else Shown(trial=_tried(uow, entry))
        except InvalidInputError as error:
            came = Shown(trial_errors=_trial_errors(error))
        except NotFoundError as error:
            came = Shown(trial_errors={"picked": str(error)})
        return _part(uow, "console/rules/trial.html", entry, came, is_refused=bool(came.trial_errors))


@asks
def replay() -> Response:
    """Ask what the rule of the form would have said to the events of the last hours."""
    entry, wanted = entries.sent(), text("hours")
    hours = int(wanted) if wanted in map(str, editor.HOURS) else Shown().hours
    with unit_of_work() as uow:
        try:
            came = Shown(replay=replays.replay(uow, _live(uow, entry), hours=hours), hours=hours)
        except InvalidInputError as error:
            came = Shown(replay_error=_said(error), hours=hours)
        return _part(uow, "console/rules/replay.html", entry, came, is_refused=came.replay_error is not None)


def _part(uow: UnitOfWork, part: str, entry: Entry, came: Shown, *, is_refused: bool) -> Response:
    """The part of the page that has changed; without our script all of it."""
    status = REFUSED if is_refused else OK
    if is_part():
        return page(part, status, **editor.editor_values(uow, entry, came))
    return editor.editor_page(uow, entry, came, status=status)


def _live(uow: UnitOfWork, entry: Entry) -> LiveRule:
    """The rule of the form as a worker would ask it; a stored one with the endpoints that belong to it."""
    found = editor.checked(uow, entry)
    return rule_trial.live(entry.rule_id or NO_ID, editor.client_of(uow, entry), entry.name or TRIED, found.syntax)


def _tried(uow: UnitOfWork, entry: Entry) -> rule_trial.Trial:
    rule, caller = _live(uow, entry), caller_for(uow, entry.client)
    return rule_trial.test(uow, caller, rule, _checked_event(uow, _event(entry)))


def _event(entry: Entry) -> dict[str, Any]:
    """The event of the form. Raises `InvalidInputError`, with the place in its text."""
    if not entry.event:
        raise _no_event(entry, "there is no event yet", "paste one, or choose one above")
    try:
        found: Any = orjson.loads(entry.event)
    except orjson.JSONDecodeError as error:
        raise _no_event(entry, f"line {error.lineno}, column {error.colno}: this is not JSON", error.msg) from None
    if not isinstance(found, dict):
        raise _no_event(entry, "is not an object", 'write {"type": "order"}')
    if not is_shallow(entry.event.encode(), found):
        raise _no_event(entry, f"is nested deeper than {DEEPEST} levels", "send what lies deeper as a text")
    return found


def _no_event(entry: Entry, message: str, remedy: str) -> InvalidInputError:
    return InvalidInputError(FieldError("event", shown(entry.event), message, remedy))


def _checked_event(uow: UnitOfWork, event: dict[str, Any]) -> dict[str, Any]:
    """The event, if its known fields are what they should be; what is wrong is wrong with the event."""
    try:
        events.check(event, now=uow.now)
    except InvalidInputError as error:
        wrong = [replace(each, field="event", message=f"{each.field} {each.message}") for each in error.errors]
        raise InvalidInputError(*wrong) from None
    return event


def _trial_errors(error: InvalidInputError) -> dict[str, str]:
    """What kept the trial from being: the rule, or the event."""
    return {"rule": _said(error)} if isinstance(error, InvalidRuleError) else editor.field_errors(error)


def _said(error: InvalidInputError) -> str:
    if isinstance(error, InvalidRuleError):
        return f"The rule has an error in {error}"
    return "; ".join(errors_of(error).values())
