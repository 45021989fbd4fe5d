"""From what is demanded of labels to a condition of the rule language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sentinel.importing.demands import Clause, Demand, Known, Settled, anchored, is_matched
from sentinel.rules import limits, patterns
from sentinel.rules.syntax import (
    Compare,
    Condition,
    Field,
    Missing,
    OneOf,
    TextTest,
    conjunction,
    disjunction,
)

ALERTS = Compare(Field(("type",)), "==", "alert")
"""Alertmanager knows alerts only; other events that have labels, too, are none of its routes' business."""


def condition(settled: Settled) -> Condition:
    """The condition that an event is an alert with such labels."""
    labels = [part for label, known in settled.labels.items() for part in _of_label(label, known)]
    return conjunction([ALERTS, *labels, *map(_of_clause, settled.clauses)])


def _of_clause(clause: Clause) -> Condition:
    return disjunction(conjunction(_of_demand(each)) for each in clause)


def _of_demand(asked: Demand) -> Iterator[Condition]:
    return _of_label(asked.label, Known().narrowed(asked))


def _of_label(label: str, known: Known) -> Iterator[Condition]:
    """What must hold of one label; one that is not there is the empty text."""
    field = Field(("labels", label))
    if known.allowed is not None:
        yield _or_missing(field, _among(field, known.allowed), is_missing="" in known.allowed)
        return
    if known.refused:
        yield from _and_there(field, "" in known.refused)
        yield _among(field, known.refused, negated=True)
    for each in known.found:
        test = TextTest(field, "matches", anchored(each))
        yield _or_missing(field, test, is_missing=known.permits(""))
    for each in _joined(known.missed):
        yield TextTest(field, "matches", anchored(each), negated=True)
    if "" not in known.refused and any(is_matched(each, "") for each in known.missed):
        yield from _and_there(field, True)


def _among(field: Field, values: frozenset[str], *, negated: bool = False) -> Condition:
    first, *more = sorted(values)
    return OneOf(field, (first, *more), negated=negated) if more else Compare(field, "==", first, negated)


def _or_missing(field: Field, test: Condition, *, is_missing: bool) -> Condition:
    return disjunction([Missing(field), test]) if is_missing else test


def _and_there(field: Field, is_there: bool) -> Iterator[Condition]:  # noqa: FBT001 - said by what calls it
    if is_there:
        yield Missing(field, negated=True)


def _joined(missed: Iterable[str]) -> Iterator[str]:
    """Patterns of which none may match, as few patterns as RE2 takes: a rule has room for some only."""
    together: list[str] = []
    for each in missed:
        if together and (len(together) >= limits.PATTERNS or patterns.problem(anchored(_union([*together, each])))):
            yield _union(together)
            together = []
        together.append(each)
    if together:
        yield _union(together)


def _union(together: list[str]) -> str:
    if len(together) == 1:
        return together[0]
    return "|".join(f"(?:{each})" if "|" in each or "(?" in each else each for each in together)
