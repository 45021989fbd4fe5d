"""The rules and the alerts of the comparison: each client's rules speak of sources of its own, and of one of all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, product
from types import MappingProxyType
from typing import Any

SEVERITIES = ("low", "medium", "high", "critical")
SOURCES = ("api", "db", "cache", "monitor", "queue", "worker", "frontend", "backend")
NAMES = ("timeout", "error", "crash", "slow", "memory", "cpu", "disk", "network", "auth")
RULES_EACH = len(SEVERITIES) * len(SOURCES) * len(NAMES)

EVERYBODY = "everybody"
NOBODY = "nobody"
ONE = "one"
"""Who hears an alert: a rule of every client, none, or one rule of one client."""

TOKEN = re.compile(rb"bench-\d+-\d+")
LIVES = timedelta(minutes=10)
FILLING = "The probe has failed several times in a row; see the runbook of this service for what to do next. " * 2


@dataclass(frozen=True, slots=True)
class Triple:
    """What a rule asks for, and what an alert has."""

    severity: str
    source: str
    name: str


SHARED = Triple("critical", "everywhere", "outage")
UNHEARD = Triple("critical", "nowhere", "outage")


@cache
def triples(client: int) -> tuple[Triple, ...]:
    """The rules of a client: all but the last hold for its own sources only, the last for every client's."""
    own = (
        Triple(severity, f"{source}-{client}", name) for severity, source, name in product(SEVERITIES, SOURCES, NAMES)
    )
    return (*islice(own, RULES_EACH - 1), SHARED)


def triple_of(number: int, audience: str, clients: int) -> Triple:
    """What the alert of this number has: one after the other for each client, through all of its own rules."""
    if audience == ONE:
        return triples(number % clients)[number // clients % (RULES_EACH - 1)]
    return SHARED if audience == EVERYBODY else UNHEARD


def token(run: int, number: int) -> str:
    """The alert's own id, which its webhook carries too."""
    return f"bench-{run}-{number}"


@dataclass(frozen=True, slots=True)
class Writing:
    """How an engine wants alerts: where one and where several are posted, and which answers mean that it has them."""

    one: str
    many: str
    accepted: frozenset[str]


def event(own_id: str, triple: Triple, number: int, now: datetime) -> dict[str, Any]:
    """The alert as Sentinel takes it."""
    return {
        "event_id": own_id,
        "severity": triple.severity,
        "source": triple.source,
        "name": triple.name,
        "occurred_at": now.isoformat(),
        "labels": {"instance": f"host{number % 100}:9100", "env": "prod"},
        "annotations": _annotations(number),
        "generator": "http://127.0.0.1/graph",
    }


def labelled(own_id: str, triple: Triple, number: int, now: datetime) -> dict[str, Any]:
    """The alert as Alertmanager takes it."""
    return {
        "labels": {
            "alertname": "bench",
            "event_id": own_id,
            "severity": triple.severity,
            "source": triple.source,
            "name": triple.name,
            "instance": f"host{number % 100}:9100",
            "env": "prod",
        },
        "annotations": _annotations(number),
        "startsAt": now.isoformat(),
        "endsAt": (now + LIVES).isoformat(),
        "generatorURL": "http://127.0.0.1/graph",
    }


def _annotations(number: int) -> dict[str, str]:
    return {"summary": f"synthetic alert {number}", "description": FILLING[: 100 + number % 20]}


SENTINEL = "sentinel"
ALERTMANAGER = "alertmanager"

WRITINGS: Mapping[str, Writing] = MappingProxyType(
    {
        SENTINEL: Writing("/events", "/events/batch", frozenset({"202", "207"})),
        ALERTMANAGER: Writing("/api/v2/alerts", "/api/v2/alerts", frozenset({"200"})),
    }
)


def body(engine: str, alerts: Sequence[tuple[str, Triple, int]]) -> bytes:
    """One request's body."""
    now = datetime.now(UTC)
    if engine == ALERTMANAGER:
        return _encoded([labelled(*alert, now) for alert in alerts])
    events = [event(*alert, now) for alert in alerts]
    return _encoded(events[0] if len(events) == 1 else events)


def _encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def numbered(run: int, numbers: range, audience: str, clients: int) -> Iterator[tuple[str, Triple, int]]:
    """The alerts of these numbers, each with its own id."""
    return ((token(run, number), triple_of(number, audience, clients), number) for number in numbers)
