"""The wording of clients that have not written their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from sentinel.rendering.values import shown

if TYPE_CHECKING:
    from sentinel.rendering import Facts

TITLES = {"source": "Source", "name": "Name", "type": "Type"}
TOLD_APART = frozenset({"severity", *TITLES})
"""Fields that have a line of their own."""
STATES = ("firing", "resolved")
OF_ALERTS = ("annotations", "labels", "starts_at", "ends_at", "generator_url")
"""What an alert says, in the order in which people want to hear it."""
TOLD_OF_ALERTS = frozenset({"status", "labels.alertname", "labels.severity"})
"""What stands in the lines before it already."""
MOST_LINES = 30
LONGEST_VALUE = 200
LONGEST_LIST = 1000
LONGEST_SMS = 320
"""Two or three parts, whatever the alphabet of its words."""
LONGEST_SMS_VALUE = 40
SMS_VALUES = 6


def subject(facts: Facts) -> str:
    """`[HIGH] payments/card_declined`, of an alert `FIRING [HIGH] node/DiskFull`."""
    event = facts.event
    parts = [shown(event[name]) for name in ("source", "name") if event.get(name) is not None]
    what = "/".join(parts) or shown(event.get("type") or f"event {facts.event_id}")
    severity = f"[{facts.severity.upper()}]" if facts.severity else None
    return " ".join(each for each in (_state(facts), severity, what) if each)


def _state(facts: Facts) -> str | None:
    """FIRING or RESOLVED, of an alert."""
    status = facts.event.get("status")
    return str(status).upper() if facts.event.get("type") == "alert" and status in STATES else None


def body(channel: str, facts: Facts) -> str:
    """What happened, which rules ask for it, and the rest of the event."""
    return _line(facts) if channel == "sms" else _lines(facts)


def _line(facts: Facts) -> str:
    values = (f"{name}={_shortened(value, LONGEST_SMS_VALUE)}" for name, value in islice(_rest(facts), SMS_VALUES))
    rules = ", ".join(name for _, name in facts.rules)
    told = [subject(facts), ", ".join(values), f"rule: {rules}" if rules else ""]
    return _shortened(" ".join(" - ".join(each for each in told if each).split()), LONGEST_SMS)


def _lines(facts: Facts) -> str:
    event = facts.event
    lines = [f"Status: {state}"] if (state := _state(facts)) else []
    lines += [f"Severity: {facts.severity.upper()}"] if facts.severity else []
    for name, title in TITLES.items():
        if (value := event.get(name)) is not None:
            lines.append(f"{title}: {_shortened(shown(value), LONGEST_VALUE)}")
    lines += (f"Time: {shown(facts.occurred_at)}", f"Event: {facts.event_id}", f"Client: {facts.client}")
    if facts.rules:
        rules = ", ".join([f"{name} (#{number})" for number, name in facts.rules])
        lines.append(f"Rules: {_shortened(rules, LONGEST_LIST)}")
    lines.append("")
    lines += [f"{name}: {_shortened(value, LONGEST_VALUE)}" for name, value in islice(_rest(facts), MOST_LINES)]
    if not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _rest(facts: Facts) -> Iterator[tuple[str, str]]:
    """The fields that are not told apart, those of an object one by one."""
    is_alert = _state(facts) is not None
    for name, value in _flat(facts.event, OF_ALERTS if is_alert else ()):
        is_told = name in TOLD_OF_ALERTS if is_alert else name == "event_id" and value == facts.event_id
        if not is_told:
            yield name, shown(value)


def _flat(event: Mapping[str, Any], first: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The fields of an event, `first` before the others, and those of an object under both names."""
    for name in dict.fromkeys((*(each for each in first if each in event), *event)):
        value = event[name]
        if name in TOLD_APART:
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{below}", inner) for below, inner in value.items())
        elif value is not None:
            yield name, value


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
