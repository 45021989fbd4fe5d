"""How pages say what escalations do: whom a step tells, what comes next, and what has happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinel.clock import utc_now
from sentinel.models import Escalation
from sentinel.models.escalation import EscalationState
from sentinel.services.escalating.addressees import Addressee, Nobody, shown
from sentinel.services.notifications import TimelineItem
from sentinel.web.words import ago, moment, seconds

WHY_NOBODY = {
    "no_endpoint": "there is no enabled endpoint of that name",
    "no_rotation": "there is no rotation of that name",
    "invalid": "its address is not allowed (any more)",
}

HOW = {"api": "by the API", "link": "by the link in a message", "rule": "", "command line": "on the command line"}
HOW |= {"console": "in the console"}

LATE = timedelta(minutes=1)
"""Steps are looked for every few seconds: one that waits longer after its time than this is late."""

TONES = {
    "acknowledged": "waiting",
    "snoozed": "waiting",
    "resolved": "good",
    "step_missed": "bad",
    "policy_missing": "bad",
    "put_off": "bad",
    "exhausted": "bad",
    "acknowledge_timeout": "bad",
    "opened": "bad",
}


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened to a ticket. `told` and `missing` are as the history has them."""

    at: datetime
    words: str
    tone: str
    note: str | None
    told: Sequence[Mapping[str, Any]]
    missing: Sequence[Mapping[str, Any]]


def target_words(target: str) -> str:
    """Whom a policy means: `ann`, `whoever is on call of primary`, `sms +14155552671`."""
    kind, _, name = shown(target).partition(":")
    if kind == "rotation":
        return f"whoever is on call of {name}"
    return name if kind == "endpoint" else f"{kind} {name}"


def meant_words(meant: Addressee | Nobody) -> str:
    """Who that is at this moment: `ann by sms`, `bob (on call of primary) by email`, `nobody behind eve`."""
    kind, _, name = shown(meant.target).partition(":")
    if isinstance(meant, Nobody):
        return f"nobody behind {target_words(meant.target)}: {WHY_NOBODY.get(meant.reason, meant.reason)}"
    if kind == "rotation":
        return f"{meant.who} (on call of {name}) by {meant.channel}"
    return f"{meant.who} by {meant.channel}" if kind == "endpoint" else target_words(meant.target)


def wait_words(wait_seconds: int, number: int) -> str:
    """When a step comes; `number` from 1 on."""
    if wait_seconds:
        return f"after {seconds(wait_seconds)}"
    return "at once" if number == 1 else "right after that"


def next_words(escalation: Escalation | None, meant: Iterable[Addressee | Nobody]) -> str:
    """What comes next for a ticket: `tells bob by sms in 3 min`."""
    if escalation is None:
        return "nobody is told: no escalation policy"
    when = ago(escalation.next_step_at) if escalation.next_step_at else ""
    match escalation.state:
        case EscalationState.RUNNING:
            return _telling(escalation, meant, when)
        case EscalationState.SNOOZED:
            return f"snoozed; {_telling(escalation, meant, when)}"
        case EscalationState.ACKNOWLEDGED:
            return f"open again {when} unless it is resolved" if when else "somebody has it; nobody else is told"
        case EscalationState.EXHAUSTED:
            return "everybody was told, and nobody took it"
        case _:
            return "over"


def _telling(escalation: Escalation, meant: Iterable[Addressee | Nobody], when: str) -> str:
    due = escalation.next_step_at
    is_late = due is not None and utc_now() - due > LATE
    return f"should have told {_all(meant)} {when} (late)" if is_late else f"tells {_all(meant)} {when}"


def needs_somebody(escalation: Escalation | None, meant: Sequence[Addressee | Nobody]) -> bool:
    """Whether an open ticket waits for somebody whom nobody will tell of it."""
    if escalation is None or escalation.state == EscalationState.EXHAUSTED:
        return True
    return bool(meant) and all(isinstance(each, Nobody) for each in meant)


def _all(meant: Iterable[Addressee | Nobody]) -> str:
    return ", ".join(map(meant_words, meant)) or "nobody"


def lines(items: Iterable[TimelineItem]) -> list[Line]:
    """The history of a ticket in words, the newest first."""
    return [_line(each) for each in items][::-1]


def _line(item: TimelineItem) -> Line:
    detail = item.detail
    words = _words(item.event, detail)
    tone = TONES.get(item.event, "quiet")
    return Line(item.at, words, tone, detail.get("note"), detail.get("told", ()), detail.get("missing") or ())


def _words(event: str, detail: Mapping[str, Any]) -> str:
    saying = SAYINGS.get(event)
    if saying is None:
        return event.replace("_", " ")
    known = {"who": _who(detail), "within": seconds(detail.get("seconds")), "place": _place(detail)}
    known |= {"until": _until(detail)}
    return saying.format_map(dict(detail) | known).strip()


SAYINGS = {
    "opened": "Opened as {severity}: {title}",
    "escalation_began": "Takes the escalation policy {policy}",
    "escalation_raised": "Got worse: takes the policy {policy} in the place of {before}, from its start",
    "policy_missing": "Its rule names the policy {policy}, which there is not",
    "step_told": "{place}: told",
    "step_missed": "{place}: nobody to tell",
    "acknowledged": "Acknowledged by {who}",
    "resolved": "Resolved by {who}",
    "snoozed": "Snoozed by {who}, until {until}",
    "woken": "Woken by {who}: the next step is told at once",
    "acknowledge_timeout": "Open again: {by} did not resolve it within {within}",
    "exhausted": "Everybody was told; nobody is left to tell",
    "put_off": "A mistake of ours ({error}) kept the next step from being told; tried again after {within}",
    "end_told": "Told that it is over",
}
"""What each kind of entry of a ticket's history says."""


def _who(detail: Mapping[str, Any]) -> str:
    how = HOW.get(detail.get("how", ""), detail.get("how", ""))
    return " ".join(filter(None, (detail.get("by"), how)))


def _until(detail: Mapping[str, Any]) -> str:
    """The end of a snooze, which histories keep as ISO 8601, as pages say times."""
    written = detail.get("until")
    return f"{moment(datetime.fromisoformat(written))} UTC" if written else ""


def _place(detail: Mapping[str, Any]) -> str:
    step = f"Step {detail.get('step')}"
    return step if detail.get("round") == 1 else f"{step}, round {detail.get('round')}"
