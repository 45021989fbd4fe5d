"""Which alert inhibits another, as Alertmanager has it: matchers for both sides, and labels they have alike. Pure.

https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        self._first: dict[tuple[str, ...], Alert] = {}
        self._first_of_one_side: dict[tuple[str, ...], Alert] = {}
        for each in firing:
            if match_labels(inhibition.source, each.labels):
                self._add(each)

    def _add(self, alert: Alert) -> None:
        shared = self.inhibition.shared(alert.labels)
        self._first.setdefault(shared, alert)
        if not match_labels(self.inhibition.target, alert.labels):
            self._first_of_one_side.setdefault(shared, alert)

    def inhibiting(self, target: Labels) -> Alert | None:
        """The first alert that inhibits a target; None if none does."""
        if not self._first or not match_labels(self.inhibition.target, target):
            return None
        is_two_sided = match_labels(self.inhibition.source, target)
        found = self._first_of_one_side if is_two_sided else self._first
        return found.get(self.inhibition.shared(target))


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
