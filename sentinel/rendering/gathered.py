"""The built-in wording of messages that are told together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sentinel.rendering.values import shown
from sentinel.rules.syntax import SEVERITIES

LONGEST_SMS = 320
LONGEST_LABELS = 150
NAMES = ("alertname", "name")
"""Labels that say what an alert is: they come first, without their own name."""


@dataclass(frozen=True, slots=True)
class Told:
    """One of those that are told: an alert (`firing`, `resolved`, `flapping`), or an event that is none (`event`)."""

    status: str
    title: str
    severity: str | None
    since: datetime
    event_id: str | None
    event: Mapping[str, Any] = field(default_factory=dict)
    """What its event says that is told of one among many."""

    def as_object(self) -> dict[str, Any]:
        """The same as programs and templates see it."""
        return {
            "status": self.status,
            "title": self.title,
            "severity": self.severity,
            "since": self.since.isoformat(),
            "event_id": self.event_id,
            "labels": self.event.get("labels") or {},
            "annotations": self.event.get("annotations") or {},
            "source": self.event.get("source"),
            "name": self.event.get("name"),
        }


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is told together: how many of each status there are, and the first of them."""

    id: str
    labels: Mapping[str, Any]
    counts: Mapping[str, int]
    told: Sequence[Told]
    is_repeated: bool = False
    """Nothing has changed since it was told last."""
    occasion: str = ""
    """Why they come together, where nobody asked for groups, as words after their number."""
    severities: Mapping[str | None, int] = field(default_factory=dict)
    """How many there are of each."""

    @property
    def number(self) -> int:
        """How many there are, also those that are not in `told`."""
        return sum(self.counts.values())

    def as_object(self) -> dict[str, Any]:
        """What templates see of it, besides the list."""
        counts = {"events" if status == "event" else status: number for status, number in self.counts.items()}
        shared = {"id": self.id, "labels": self.labels, "number": self.number, "is_repeated": self.is_repeated}
        return {**shared, **counts, "left_out": self.number - len(self.told)}


def subject(gathered: Gathered) -> str:
    """`[FIRING:3 RESOLVED:1] DiskFull cluster=a`, `4 while it was quiet: [FIRING:3 RESOLVED:1] Disk and 3 more`."""
    counts = " ".join(f"{status.upper()}:{number}" for status, number in _counted(gathered))
    occasion = f"{gathered.number} {gathered.occasion}: " if gathered.occasion else ""
    return f"{occasion}[{counts}] {_what(gathered)}"


def _counted(gathered: Gathered) -> list[tuple[str, int]]:
    return [("events" if status == "event" else status, n) for status, n in gathered.counts.items() if n]


def _what(gathered: Gathered) -> str:
    """What all have in common, or else the first of them."""
    values = {path.rsplit(".", 1)[-1]: shown(value) for path, value in gathered.labels.items()}
    first = [values.pop(name) for name in NAMES if name in values]
    told = " ".join([*first, *(f"{name}={value}" for name, value in values.items())])
    if told:
        return told if len(told) <= LONGEST_LABELS else told[: LONGEST_LABELS - 1] + "…"
    first_title = gathered.told[0].title if gathered.told else ""
    return first_title if gathered.number == 1 else f"{first_title} and {gathered.number - 1} more"


def body(channel: str, gathered: Gathered, longest: int) -> str:
    """A line for each, as many as the channel carries; the last line says how many more there are."""
    if channel == "sms":
        return _fitted(subject(gathered), (each.title for each in gathered.told), gathered, LONGEST_SMS, joint="; ")
    return _fitted(_reckoned(gathered), _lines(gathered.told), gathered, longest, joint="\n")


def _reckoned(gathered: Gathered) -> str:
    """`37 more: 2 high, 35 without severity`, where many are told that have little in common."""
    if not gathered.occasion:
        return ""
    ranked = sorted(gathered.severities.items(), key=lambda each: _rank(each[0]))
    told = ", ".join(f"{number} {severity or 'without severity'}" for severity, number in ranked)
    return f"{gathered.number} {gathered.occasion}: {told}"


def _rank(severity: str | None) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _lines(told: Iterable[Told]) -> Iterator[str]:
    for each in told:
        severity = f"[{each.severity.upper()}] " if each.severity else ""
        status = "" if each.status == "event" else f"{each.status.upper()} "
        yield f"{status}{severity}{each.title} (since {shown(each.since)})"


def _fitted(first: str, lines: Iterable[str], gathered: Gathered, longest: int, *, joint: str) -> str:
    """As many lines as there is room for, with what is left out counted."""
    room = longest - len(f"{joint}and {gathered.number} more")
    pieces = [first] if first else []
    length, number = len(first), 0
    for line in lines:
        length += len(joint) + len(line)
        if length > room:
            break
        pieces.append(line)
        number += 1
    left = gathered.number - number
    return joint.join([*pieces, f"and {left} more"] if left else pieces)
