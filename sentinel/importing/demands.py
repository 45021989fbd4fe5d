"""What labels must be, as sets of texts and patterns: what follows from what, what contradicts what. Pure.

A label that an alert does not have is the empty text, as everywhere in Alertmanager.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod

from sentinel.importing.alternatives import branches, listed
from sentinel.rules import limits, patterns
from sentinel.rules.matchers import Matcher

NOTHING: frozenset[str] = frozenset()
MOST_COMPARED = 100
"""Clauses that are compared, each with each: a condition of more is longer than a rule may be, most likely."""


class EndlessError(ValueError):
    """There are more clauses than a rule has characters."""


@dataclass(frozen=True, slots=True)
class Demand:
    """That a label is one of `values`, or matches `pattern` as a whole; or, with `is_wanted` false, that it is not."""

    label: str
    values: frozenset[str] = NOTHING
    pattern: str | None = None
    is_wanted: bool = True

    def holds(self, text: str) -> bool:
        """Whether a label with this text is as demanded."""
        found = text in self.values if self.pattern is None else is_matched(self.pattern, text)
        return found is self.is_wanted


Clause = tuple[Demand, ...]
"""Demands of which one at least must hold."""


def demands(matcher: Matcher) -> tuple[Clause, ...]:
    """What a matcher asks for: one demand of each clause."""
    found = [
        Demand(matcher.name, values, pattern, matcher.is_equal)
        for values, pattern in (_asked(matcher.value) if matcher.is_regex else [(frozenset((matcher.value,)), None)])
    ]
    return (tuple(found),) if matcher.is_equal else tuple((each,) for each in found)


@lru_cache(maxsize=10_000)
def denials(matchers: tuple[Matcher, ...]) -> tuple[Clause, ...]:
    """What it means that not all of some matchers match. Raises `EndlessError`."""
    denied = [demands(replace(each, is_equal=not each.is_equal)) for each in matchers]
    if prod(map(len, denied)) > limits.TEXT_CHARACTERS:
        raise EndlessError
    return tuple(tuple(each for clause in clauses for each in clause) for clauses in product(*denied))


def _asked(pattern: str) -> list[tuple[frozenset[str], str | None]]:
    """A list of texts, or a pattern; or several, where it is too much for one."""
    if (texts := listed(pattern)) is not None:
        return [(texts, None)]
    if patterns.problem(anchored(pattern)) is None:
        return [(NOTHING, pattern)]
    return [(NOTHING, each) for each in branches(pattern)]


@lru_cache(maxsize=10_000)
def is_matched(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text as a whole."""
    return bool(patterns.single(anchored(pattern)).found_in(text))


def anchored(pattern: str) -> str:
    """The pattern for a whole text."""
    is_loose = "|" in pattern or "(?" in pattern  # a flag would reach the end of what is put around it
    return f"^(?:{pattern})$" if is_loose else f"^{pattern}$"


@dataclass(frozen=True, slots=True)
class Known:
    """All that is demanded of one label. `allowed` is None while it may be any text that the rest permits."""

    allowed: frozenset[str] | None = None
    refused: frozenset[str] = NOTHING
    found: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def is_impossible(self) -> bool:
        """Whether no text at all is left."""
        return self.allowed == NOTHING or bool(set(self.found) & set(self.missed))

    def permits(self, text: str) -> bool:
        """Whether the label may be this text."""
        if self.allowed is not None:
            return text in self.allowed
        return (
            text not in self.refused
            and all(is_matched(each, text) for each in self.found)
            and not any(is_matched(each, text) for each in self.missed)
        )

    def verdict(self, asked: Demand) -> bool | None:
        """Whether a demand holds for all texts that are left, or for none; None: for some."""
        if self.allowed is not None:
            answers = {asked.holds(each) for each in self.allowed}
            return answers.pop() if len(answers) == 1 else None
        if asked.pattern is None:
            return None if any(map(self.permits, asked.values)) else not asked.is_wanted
        if asked.pattern in (*self.found, *self.missed):
            return (asked.pattern in self.found) is asked.is_wanted
        return None

    def narrowed(self, asked: Demand) -> Known:
        """What is known when a demand holds, too; what it makes needless is left out."""
        if self.allowed is not None:
            return replace(self, allowed=frozenset(filter(asked.holds, self.allowed)))
        if asked.pattern is None:
            permitted = frozenset(filter(self.permits, asked.values))
            return Known(allowed=permitted) if asked.is_wanted else replace(self, refused=self.refused | permitted)
        refused = frozenset(filter(asked.holds, self.refused))
        if asked.is_wanted:
            return replace(self, refused=refused, found=_with(self.found, asked.pattern))
        return replace(self, refused=refused, missed=_with(self.missed, asked.pattern))


@dataclass(frozen=True, slots=True)
class Settled:
    """Demands on many labels in their shortest form: each label's own, and the clauses that are left open."""

    labels: Mapping[str, Known]
    clauses: tuple[Clause, ...] = ()


def settle(clauses: Iterable[Clause]) -> Settled | None:
    """Put together what must hold and draw the conclusions; None when no alert can be so."""
    labels: dict[str, Known] = {}
    left = list(clauses)
    while True:
        new, left = _conclusions(labels, left)
        for each in new:
            labels[each.label] = labels.get(each.label, Known()).narrowed(each)
        if () in left or any(known.is_impossible for known in labels.values()):
            return None
        if not new:
            return Settled(labels, _shortest(left))


def _conclusions(labels: Mapping[str, Known], clauses: Sequence[Clause]) -> tuple[list[Demand], list[Clause]]:
    """What clauses with one demand left demand, and the others, shortened by what is known."""
    left = [short for each in clauses if (short := _shortened(labels, each)) is not None]
    return [each[0] for each in left if len(each) == 1], [each for each in left if len(each) != 1]


def _shortened(labels: Mapping[str, Known], clause: Clause) -> Clause | None:
    """The demands that are still open; None when one holds already."""
    found: dict[tuple[str, str | None], Demand] = {}
    for asked in clause:
        known = labels.get(asked.label, Known())
        if known.verdict(asked) is False:
            continue
        key = (asked.label, asked.pattern)
        either = _either(found[key], asked) if key in found else asked
        if either is None or known.verdict(either):
            return None
        found[key] = either
    return tuple(found.values())


def _either(one: Demand, other: Demand) -> Demand | None:
    """That one of two demands of the same kind holds; None when one of them always does."""
    if one.pattern is not None:
        return one if one.is_wanted == other.is_wanted else None
    if one.is_wanted and other.is_wanted:
        return replace(one, values=one.values | other.values)
    if one.is_wanted or other.is_wanted:
        wanted, unwanted = (one, other) if one.is_wanted else (other, one)
        values = unwanted.values - wanted.values
    else:
        values = one.values & other.values
    return Demand(one.label, values, is_wanted=False) if values else None


def _shortest(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """Without those that hold whenever another one does; of very many, without repetitions only."""
    sets = {frozenset(each): each for each in clauses}
    if len(sets) > MOST_COMPARED:
        return tuple(sets.values())
    return tuple(clause for each, clause in sets.items() if not any(other < each for other in sets))


def _with(known: tuple[str, ...], pattern: str) -> tuple[str, ...]:
    return known if pattern in known else (*known, pattern)
