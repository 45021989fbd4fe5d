"""The page on which rules are written and tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request
from markupsafe import Markup
from werkzeug.wrappers import Response

from sentinel.channels.registry import CHANNELS
from sentinel.errors import InvalidInputError, NotFoundError
from sentinel.models import RuleVersion
from sentinel.queries.events import Filter as EventFilter
from sentinel.rules.advice import Opinion, opinion
from sentinel.rules.errors import InvalidRuleError, Problem
from sentinel.rules.lexemes import lexicon
from sentinel.rules.limits import TEXT_CHARACTERS
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import events
from sentinel.services.events import SeenEvent
from sentinel.services.ruling import bar_chart, browsing, rule_texts
from sentinel.services.ruling.browsing import ListedRule
from sentinel.services.ruling.replay import Replay
from sentinel.services.ruling.rule_texts import CheckedRule
from sentinel.services.ruling.rule_trial import Trial
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import caller_for
from sentinel.web.chosen_client import client_names
from sentinel.web.forms import errors_of
from sentinel.web.frame import page
from sentinel.web.numbers import whole
from sentinel.web.screens.rules import entries, texts
from sentinel.web.screens.rules.entries import Entry
from sentinel.web.words import pretty

RECENT_EVENTS = 25
HOURS = {1: "Last hour", 24: "Last 24 hours", 168: "Last 7 days"}
COPY = " (copy)"

TELLING = ("type", "severity", "source", "name", "device_id", "status", "amount")
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say about a rule as it is written: what is wrong, or how it is understood."""

    problem: Problem | None = None
    errors: dict[str, str] = field(default_factory=dict)
    opinion: Opinion | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether it is right as far as it goes."""
        return self.problem is not None and self.problem.message.endswith("found the end")


@dataclass(frozen=True, slots=True)
class Shown:
    """The editor's page beside its form. `theirs`: what somebody else has stored meanwhile."""

    verdict: Verdict | None = None
    errors: dict[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    trial_errors: dict[str, str] = field(default_factory=dict)
    replay: Replay | None = None
    replay_error: str | None = None
    hours: int = 24
    theirs: ListedRule | None = None


NOTHING = Shown()


def new() -> Response:
    """Begin a rule: a blank one, or a copy of another, as it is or as it was."""
    with unit_of_work() as uow:
        entry = _copied(uow) if whole(request.args.get("copy", "")) else entries.blank()
        return editor_page(uow, _with_event(uow, entry))


def edit(rule_id: int) -> Response:
    """Open a rule in the editor; `?event=…` to try it on."""
    with unit_of_work() as uow:
        entry = entries.of_rule(browsing.get(uow, rule_id))
        return editor_page(uow, _with_event(uow, entry))


def editor_page(uow: UnitOfWork, entry: Entry, shown: Shown = NOTHING, *, status: int = 200) -> Response:
    """Show the editor with what was written, whatever is said about it."""
    return page("console/rules/editor.html", status, **editor_values(uow, entry, shown))


def editor_values(uow: UnitOfWork, entry: Entry, shown: Shown = NOTHING) -> dict[str, Any]:
    """What the editor's page and its parts are made of."""
    return {
        "entry": entry,
        "shown": shown,
        "verdict": shown.verdict or judged(uow, entry),
        "clients": client_names(uow),
        "recent": recent_events(uow, entry.client),
        "lexicon": lexicon(),
        "severities": ("*", *SEVERITIES),
        "channels": CHANNELS,
        "longest": TEXT_CHARACTERS,
        "hours": HOURS,
        "differences": texts.differences(shown.theirs.rule.text, entry.rule) if shown.theirs else [],
        "title_of": title_of,
        **_chart(shown.replay),
    }


def _chart(replay: Replay | None) -> dict[str, Any]:
    if replay is None:
        return {}
    return {"chart": Markup(bar_chart.bare(replay.hours)), "tallest": bar_chart.tallest_of(replay.hours)}  # noqa: S704 - our own figures


def judged(uow: UnitOfWork, entry: Entry) -> Verdict:
    """Check a rule as it is written; nothing is said of a form that nobody has filled yet."""
    if not entry.is_short and not entry.rule:
        return Verdict()
    try:
        return Verdict(opinion=opinion(checked(uow, entry).syntax))
    except InvalidInputError as error:
        return verdict_of(error, entry)


def checked(uow: UnitOfWork, entry: Entry) -> CheckedRule:
    """Read the rule of the form. Raises `InvalidInputError`."""
    given, client_id = entry.given, client_of(uow, entry)
    if isinstance(given, str):
        return rule_texts.check(uow, client_id, given)
    entry.written()  # names somebody
    try:
        return rule_texts.check_shorthand(uow, client_id, given)
    except InvalidInputError as error:
        raise InvalidInputError(
            *(replace(each, field=entries.FIELD_OF.get(each.field, each.field)) for each in error.errors)
        ) from None


def client_of(uow: UnitOfWork, entry: Entry) -> int:
    """The client whose rule it is. Raises `InvalidInputError`."""
    try:
        return caller_for(uow, entry.client).client_id
    except NotFoundError as error:
        raise InvalidInputError(entries.no_client(entry, str(error))) from None


def verdict_of(error: InvalidInputError, entry: Entry) -> Verdict:
    """What a refusal says, and where in the text as it was sent: rules are read without the space before them."""
    if not isinstance(error, InvalidRuleError):
        return Verdict(errors=field_errors(error))
    problem = error.problem
    before = entry.rule[: len(entry.rule) - len(entry.rule.lstrip())]
    column = problem.column + (len(before.rpartition("\n")[2]) if problem.line == 1 else 0)
    return Verdict(problem=replace(problem, line=problem.line + before.count("\n"), column=column))


def field_errors(error: InvalidInputError) -> dict[str, str]:
    """What is wrong with each field of the form; the service calls an alert's name by another word than a rule's."""
    found = errors_of(error)
    return {("notify" if name.startswith("notify.") else name): message for name, message in found.items()}


def recent_events(uow: UnitOfWork, client: str) -> list[SeenEvent]:
    """The newest events that the client heard."""
    try:
        client_id = caller_for(uow, client).client_id
    except NotFoundError:
        return []
    return events.page(uow, EventFilter({}), client_id, size=RECENT_EVENTS)[0]


def title_of(event: Mapping[str, Any]) -> str:
    """An event in a few words, to tell it from others: by what events are usually told by, else by all it has."""
    words = [str(event[name]) for name in TELLING if event.get(name)]
    words = words or [f"{name} {value}" for name, value in event.items() if isinstance(value, str | int | float)]
    title = " · ".join(words) or "an event"
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def _copied(uow: UnitOfWork) -> Entry:
    """A new rule like one that is, or was; beside the one that is it begins off, so that nobody is told twice."""
    found = browsing.past(uow, whole(request.args["copy"]))
    version = request.args.get("version", "")
    kept = version_of(found.changes, whole(version)) if version else found.changes[0]
    is_gone = found.rule is None
    name = kept.name if is_gone else kept.name + COPY
    return Entry(found.client, name, kept.text, is_enabled=is_gone and kept.is_enabled)


def version_of(changes: Any, version: int) -> RuleVersion:
    """A version of a rule's history."""
    found: RuleVersion | None = next((each for each in changes if each.version == version), None)
    if found is None:
        raise NotFoundError(f"this rule has no version {version}")
    return found


def _with_event(uow: UnitOfWork, entry: Entry) -> Entry:
    event_id = request.args.get("event")
    return replace(entry, event=body_of(uow, entry, event_id)) if event_id else entry


def body_of(uow: UnitOfWork, entry: Entry, event_id: str) -> str:
    """A stored event as the form has it."""
    return pretty(events.get(uow, event_id, client_of(uow, entry)).event.body)
