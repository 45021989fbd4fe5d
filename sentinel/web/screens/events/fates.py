"""What became of each rule that an event met, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from sentinel.models import Event
from sentinel.rules.explain import Finding, Note
from sentinel.services.ruling.explaining import EventExplanation, Fate, RuleFate

WORDS: dict[Fate, tuple[str, str]] = {
    Fate.SPOKE: ("spoke", "good"),
    Fate.SILENCED: ("silenced by another rule", "quiet"),
    Fate.THROTTLED: ("throttled", "waiting"),
    Fate.WAITING: ("waits for its window", "waiting"),
    Fate.NOT_ASKED: ("matches now, was not asked then", "waiting"),
    Fate.DISABLED: ("disabled", "quiet"),
    Fate.FAILED: ("did not match", "quiet"),
}

LONGEST_VALUE = 120
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class ToldFate:
    """A rule, what became of it, and if it did not match the first condition that failed with what it saw."""

    rule_id: int
    name: str
    outcome: str
    tone: str
    failed: str
    saw: str
    needs: tuple[str, ...]
    has_changed: bool
    findings: tuple[tuple[str, bool], ...]
    notification_ids: tuple[str, ...]


def label(event: Event) -> str:
    """What to call an event that may have no name at all."""
    named = [each for each in (event.type, event.source, event.name) if each]
    about = event.device_id or event.user_id or event.event_id
    return " / ".join(named) or (f"Event of {about}" if about else "Event")


def compact(body: Any) -> str:
    """The beginning of an event on one line."""
    return orjson.dumps(body).decode()[:MOST_SHOWN]


def fates_of(explained: EventExplanation) -> list[ToldFate]:
    """Each rule in words, in the order of the explanation."""
    return [_fate(each, explained) for each in explained.fates]


def _fate(fate: RuleFate, explained: EventExplanation) -> ToldFate:
    outcome, tone = WORDS[fate.fate]
    failed = fate.explanation.failed
    return ToldFate(
        fate.rule.id,
        fate.rule.name,
        outcome,
        tone,
        failed=failed.text if failed is not None else "",
        saw="" if failed is None else _saw(_deepest(failed)),
        needs=tuple(fate.needs),
        has_changed=fate.has_changed,
        findings=tuple((each.text, each.holds) for each in fate.explanation.findings),
        notification_ids=tuple(each.id for each in explained.notifications if fate.rule.id in (each.rule_ids or ())),
    )


def _deepest(finding: Finding) -> Finding:
    """The one condition to blame: of several that are joined by `or`, the first."""
    while finding.parts:
        finding = next((each for each in finding.parts if not each.holds), finding.parts[0])
    return finding


def _saw(finding: Finding) -> str:
    """What the condition met in the event."""
    if finding.note is Note.MISSING:
        return "the event has no such field"
    value = _shown(finding.value)
    return f"it saw {value}, which is of another type" if finding.note is Note.TYPE else f"it saw {value}"


def _shown(value: Any) -> str:
    text = f"“{value}”" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
