"""Why a rule did or did not match: every condition with the value it saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sentinel.rules.conditions import fits, predicate, test
from sentinel.rules.fields import reader
from sentinel.rules.printer import condition_text
from sentinel.rules.syntax import And, Condition, Constant, Missing, Not, Or, Term, Window, conjuncts

SHOWN_CHARACTERS = 200


class Note(StrEnum):
    """Why a value could not be compared."""

    MISSING = "missing"
    """The event has no such field, or null in it."""
    TYPE = "type"
    """The value is of another type, and nothing is converted."""
    WINDOW = "window"
    """Needs more events than this one; taken as true here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition as it was met: its text, the value seen, and whether it held."""

    text: str
    holds: bool
    value: Any = None
    note: Note | None = None
    parts: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for answers in JSON."""
        parts = [each.as_dict() for each in self.parts]
        return {"text": self.text, "holds": self.holds, "value": self.value, "note": self.note, "parts": parts}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the event matches, every condition of the rule, and the first that failed."""

    matched: bool
    findings: tuple[Finding, ...]
    failed: Finding | None

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for answers in JSON."""
        findings = [each.as_dict() for each in self.findings]
        return {"matched": self.matched, "findings": findings, "failed": self.failed and self.failed.as_dict()}


def explain(condition: Condition, event: Mapping[str, Any]) -> Explanation:
    """Ask every condition, also those that matching would not have reached."""
    findings = tuple(_finding(each, event) for each in conjuncts(condition))
    failed = next((each for each in findings if not each.holds), None)
    return Explanation(failed is None, findings, failed)


def reach(condition: Condition, event: Mapping[str, Any]) -> tuple[bool, int]:
    """Whether the event matches, and how many conditions held before the first that failed: `explain` in short."""
    parts = conjuncts(condition)
    for depth, part in enumerate(parts):
        if not (isinstance(part, Window) or predicate(part)(event)):
            return False, depth
    return True, len(parts)


def _finding(condition: Condition, event: Mapping[str, Any]) -> Finding:
    text = condition_text(condition)
    if isinstance(condition, And | Or):
        parts = tuple(_finding(each, event) for each in condition.conditions)
        together = all if isinstance(condition, And) else any
        return Finding(text, together(each.holds for each in parts), parts=parts)
    if isinstance(condition, Not):
        inner = _finding(condition.condition, event)
        return Finding(text, not inner.holds, parts=(inner,))
    if isinstance(condition, Constant):
        return Finding(text, condition.value)
    if isinstance(condition, Window):
        return Finding(text, holds=True, note=Note.WINDOW)
    return _of_field(condition, text, event)


def _of_field(term: Term, text: str, event: Mapping[str, Any]) -> Finding:
    value = reader(term.field)(event)
    return Finding(text, test(term)(value) != term.negated, _shown(value), _note(term, value))


def _note(term: Term, value: Any) -> Note | None:
    if isinstance(term, Missing):
        return None
    if value is None:
        return Note.MISSING
    return None if fits(term, value) else Note.TYPE


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return value[: SHOWN_CHARACTERS - 1] + "…"
    if isinstance(value, list):
        return "(list)"
    return "(object)" if isinstance(value, dict) else value
