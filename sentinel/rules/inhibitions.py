"""Which alert inhibits another, as Alertmanager has it: matchers for both sides, and labels they have alike. Pure.

https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from sentinel.rules.matchers import Matcher, match_labels

Labels = Mapping[str, str]


class Labelled(Protocol):
    """An alert that fires."""

    @property
    def labels(self) -> Labels:
        """All that matchers ask of it."""
        ...


Alert = TypeVar("Alert", bound=Labelled)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert fires that `source` matches, nothing is told of what `target` matches with `equal` labels alike.

    A label that both lack is alike.
    """

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def shared(self, labels: Labels) -> tuple[str, ...]:
        """What source and target must have alike."""
        return tuple(labels.get(name, "") for name in self.equal)


class Sources(Generic[Alert]):
    """The alerts that fire and are a source of one inhibition.

    What matches both sides is not inhibited by what matches both sides: two alerts would silence each other, or one
    itself.
    """

    def __init__(self, inhibition: Inhibition, firing: Iterable[Alert]) -> None:
        self.inhibition = inhibition
        self._firing = firing

    def inhibiting(self, target: Labels) -> Alert | None:
        """The first alert that inhibits a target; None if none does."""
        if not match_labels(self.inhibition.target, target):
            return None
        is_two_sided = match_labels(self.inhibition.source, target)
        found = self._first_of_one_side if is_two_sided else self._first
        return found.get(self.inhibition.shared(target))

    @cached_property
    def _sources(self) -> list[Alert]:
        """Looked for when the first target comes: most batches bring none."""
        return [each for each in self._firing if match_labels(self.inhibition.source, each.labels)]

    @cached_property
    def _first(self) -> dict[tuple[str, ...], Alert]:
        return self._by_what_they_share(self._sources)

    @cached_property
    def _first_of_one_side(self) -> dict[tuple[str, ...], Alert]:
        target = self.inhibition.target
        return self._by_what_they_share(each for each in self._sources if not match_labels(target, each.labels))

    def _by_what_they_share(self, sources: Iterable[Alert]) -> dict[tuple[str, ...], Alert]:
        found: dict[tuple[str, ...], Alert] = {}
        for each in sources:
            found.setdefault(self.inhibition.shared(each.labels), each)
        return found


class Inhibitor(Generic[Alert]):
    """The inhibitions of a client, and the alerts that fire, ready to be asked. The first of each speaks."""

    def __init__(self, inhibitions: Sequence[Inhibition], firing: Sequence[Alert]) -> None:
        self._all = [Sources(each, firing) for each in inhibitions]

    def inhibiting(self, target: Labels) -> tuple[Inhibition, Alert] | None:
        """The first inhibition that holds a target back, and its source."""
        for sources in self._all:
            if (alert := sources.inhibiting(target)) is not None:
                return sources.inhibition, alert
        return None
