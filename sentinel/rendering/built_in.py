"""The wording of clients that have not written their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
TOLD_LABELS = frozenset({"alertname", "severity"})
"""They are fields of an alert as well."""
MOST_LINES = 30
LONGEST_VALUE = 200
LONGEST_LIST = 1000
LONGEST_SMS = 320
"""Two or three parts, whatever the alphabet of its words."""
LONGEST_SMS_VALUE = 40
SMS_VALUES = 6


def subject(facts: Facts) -> str:
    """`[HIGH] payments/card_declined`, of an alert `FIRING [HIGH] node/DiskFull`; `(+37)` after 37 held back."""
    event = facts.event
    parts = [shown(event[name]) for name in ("source", "name") if event.get(name) is not None]
    what = "/".join(parts) or shown(event.get("type") or f"event {facts.event_id}")
    told = f"[{facts.severity.upper()}] {what}" if facts.severity else what
    if facts.held_back is not None:
        told += f" (+{facts.held_back.count})"
    state = _state(event)
    return f"{state} {told}" if state else told


def _state(event: Mapping[str, Any]) -> str | None:
    """FIRING or RESOLVED, of an alert."""
    if event.get("type") != "alert" or event.get("status") not in STATES:
        return None
    return str(event["status"]).upper()


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
    lines = [f"Status: {state}"] if (state := _state(event)) else []
    lines += [f"Severity: {facts.severity.upper()}"] if facts.severity else []
    for name, title in TITLES.items():
        if (value := event.get(name)) is not None:
            lines.append(f"{title}: {_shortened(shown(value), LONGEST_VALUE)}")
    lines += (f"Time: {shown(facts.occurred_at)}", f"Event: {facts.event_id}", f"Client: {facts.client}")
    if facts.rules:
        rules = ", ".join([f"{name} (#{number})" for number, name in facts.rules])
        lines.append(f"Rules: {_shortened(rules, LONGEST_LIST)}")
    if facts.held_back is not None:
        lines.append(f"Held back: {facts.held_back.count} since {shown(facts.held_back.since)}")
    lines.append("")
    lines += [f"{name}: {_shortened(value, LONGEST_VALUE)}" for name, value in islice(_rest(facts), MOST_LINES)]
    if not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _rest(facts: Facts) -> Iterator[tuple[str, str]]:
    """The fields that are not told apart, those of an object one by one."""
    event = _in_order(facts.event) if _state(facts.event) else facts.event
    for name, value in event.items():
        if name in TOLD_APART:
            continue
        if isinstance(value, dict):
            for below, inner in value.items():
                yield f"{name}.{below}", shown(inner)
        elif value is not None and not (name == "event_id" and value == facts.event_id):
            yield name, shown(value)


def _in_order(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an alert, what people want to hear first, without what stands in the lines before."""
    fields = {name: alert[name] for name in (*OF_ALERTS, *alert) if name in alert and name != "status"}
    if isinstance(labels := fields.get("labels"), dict):
        fields["labels"] = {name: value for name, value in labels.items() if name not in TOLD_LABELS}
    return fields


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
