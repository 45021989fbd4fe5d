"""Alertmanager's configuration as values: https://prometheus.io/docs/alerting/latest/configuration/. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.rules.matchers import Matcher
from sentinel.schedules.schedule import Schedule

EACH_ALERT = "..."
"""Stands in `group_by` for all labels: each alert is told by itself."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which alerts of a route are told together, and how often; seconds. The defaults are Alertmanager's."""

    by: tuple[str, ...] = ()
    wait: int = 30
    interval: int = 5 * 60
    repeat: int = 4 * 3600


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree that alerts walk. What a node inherits it has."""

    place: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    continues: bool = False
    grouping: Grouping = Grouping()
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    """One way in which a receiver is told: `slack`, `webhook`, …, and its settings as they are written."""

    place: str
    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a route tells."""

    name: str
    configs: tuple[ReceiverConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert of `source` fires, those of `target` are not told, where the labels of `equal` agree."""

    place: str
    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a file says. `intervals`: by name the schedules that hold together, each in a zone of its own."""

    route: Route
    receivers: Mapping[str, Receiver]
    inhibitions: tuple[Inhibition, ...] = ()
    intervals: Mapping[str, tuple[Schedule, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    """Files of templates."""

    others: tuple[str, ...] = ()
    """Sections and keys that this version of Sentinel does not know."""


def walk(route: Route) -> Iterator[Route]:
    """Every node in the order in which Alertmanager's answers stand: below first, each before what comes after it."""
    for each in route.routes:
        yield from walk(each)
    yield route
