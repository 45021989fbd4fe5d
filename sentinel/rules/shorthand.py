"""Rules by severity, source and name, with `*` for any: as text of the rule language, so that they can be edited on."""

from __future__ import annotations

from sentinel.errors import FieldError, InvalidInputError
from sentinel.rules import limits
from sentinel.rules.printer import rule_text
from sentinel.rules.syntax import SEVERITIES, Action, Compare, Condition, Field, RuleSyntax, conjunction

ANY = "*"


def shorthand(severity: str, source: str, name: str, *, actions: tuple[Action, ...]) -> str:
    """The rule that acts on events of this severity (in any case), source and name."""
    conditions: list[Condition] = []
    if severity != ANY:
        conditions.append(Compare(Field(("severity",), "lower"), "==", _severity(severity)))
    for field, value in (("source", source), ("name", name)):
        if value != ANY:
            conditions.append(Compare(Field((field,)), "==", _text(field, value)))
    return rule_text(RuleSyntax(conjunction(conditions), actions))


def _severity(severity: str) -> str:
    if severity.lower() not in SEVERITIES:
        remedy = f"write one of {', '.join(SEVERITIES)}, or * for any"
        raise InvalidInputError(FieldError("severity", severity, "is no severity", remedy))
    return severity.lower()


def _text(field: str, value: str) -> str:
    if not 0 < len(value) <= limits.STRING_CHARACTERS:
        remedy = f"write 1 to {limits.STRING_CHARACTERS} characters, or * for any"
        raise InvalidInputError(FieldError(field, value[:100], "is empty or too long", remedy))
    return value
