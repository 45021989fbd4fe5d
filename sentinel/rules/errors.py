"""What is wrong with a rule's text: where, what, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sentinel.errors import FieldError, InvalidInputError

SHOWN = 100
"""Most characters of a line that an error repeats."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A stretch of the rule's text; line and column count from 1."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as the API gives it."""

    line: int
    column: int
    length: int
    message: str
    hint: str
    expected: tuple[str, ...] = field(default=())

    @classmethod
    def at(cls, text: str, start: int, length: int, message: str, hint: str) -> Problem:
        """What is wrong at this offset of `text`."""
        before = text[:start]
        return cls(before.count("\n") + 1, len(before) - before.rfind("\n"), length, message, hint)

    def as_dict(self) -> dict[str, Any]:
        """The shape of an item of `errors` in a 422."""
        return asdict(self) | {"expected": list(self.expected)}


PLACE = ("line", "column", "length", "hint", "expected")
"""What an error of the API tells beside the four that each has."""


@dataclass(frozen=True, slots=True)
class RuleFieldError(FieldError):
    """A refused rule, with the place in its text."""

    problem: Problem

    def as_dict(self) -> dict[str, Any]:
        """The shape of every refused field, and where in the rule."""
        place = self.problem.as_dict()
        four = {"field": self.field, "value": self.value, "message": self.message, "remedy": self.remedy}
        return four | {name: place[name] for name in PLACE}


class InvalidRuleError(InvalidInputError):
    """A rule's text was refused; `problem` points at the place, `excerpt()` shows it."""

    def __init__(self, text: str, problem: Problem) -> None:
        message = f"line {problem.line}, column {problem.column}: {problem.message}"
        self.problem = problem
        self.text = text
        remedy = problem.hint or "see docs/reference/rule-language.md"
        super().__init__(RuleFieldError("rule", self._seen(), message, remedy, problem))

    def __str__(self) -> str:
        """Where, what and the remedy, in one line."""
        hint = f" ({self.problem.hint})" if self.problem.hint else ""
        return f"line {self.problem.line}, column {self.problem.column}: {self.problem.message}{hint}"

    def excerpt(self) -> str:
        """The line in question with a caret below the place, for terminals and forms."""
        line, column = self._line(), self.problem.column - 1
        start = max(0, column - SHOWN // 2)
        shown = line[start : start + SHOWN].replace("\t", " ")
        carets = "^" * max(1, min(self.problem.length, len(shown) - (column - start)))
        return f"  {shown}\n  {' ' * (column - start)}{carets}"

    def _line(self) -> str:
        lines = self.text.split("\n")
        return lines[min(self.problem.line, len(lines)) - 1]

    def _seen(self) -> str:
        start = self.problem.column - 1
        seen = self._line()[start : start + self.problem.length]
        return seen if len(seen) <= SHOWN else seen[:SHOWN] + "…"
