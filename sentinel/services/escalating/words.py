"""What people are told of a ticket: that it waits for them, and that it is over."""

from __future__ import annotations

from sentinel.queries.escalations import StoredEscalation
from sentinel.rendering import LONGEST_SUBJECT, Content, one_line, shortened

SMS = "sms"
LONGEST_SMS_TITLE = 120


def waiting(found: StoredEscalation, channel: str) -> Content:
    """Word a step for a channel; the link stands below it."""
    headline = _headline(found)
    if channel == SMS:
        return Content(None, f"{shortened(headline, LONGEST_SMS_TITLE)} - ticket {found.ticket_id}, {found.client}")
    place = f"step {found.step} of {len(found.steps)}, round {found.round} of {found.repeat + 1}"
    lines = [
        f"Ticket {found.ticket_id} waits for somebody: {found.title}",
        *_facts(found),
        f"Escalation: policy {found.policy}, {place}",
    ]
    return Content(shortened(headline, LONGEST_SUBJECT), "\n".join(lines))


def over(found: StoredEscalation, channel: str, *, by: str) -> Content:
    """Say that a ticket is resolved."""
    headline = f"RESOLVED {_headline(found)}"
    if channel == SMS:
        told = f"{shortened(headline, LONGEST_SMS_TITLE)} - ticket {found.ticket_id}, {found.client}, by {by}"
        return Content(None, told)
    lines = [f"Ticket {found.ticket_id} was resolved by {by}: {found.title}", *_facts(found)]
    return Content(shortened(headline, LONGEST_SUBJECT), "\n".join(lines))


def _headline(found: StoredEscalation) -> str:
    return one_line(f"[{found.severity.upper()}] {found.title}")


def _facts(found: StoredEscalation) -> list[str]:
    device = [] if found.device_id is None else [f"Device: {found.device_id}"]
    events = f"Events: {found.events}, the last at {found.last_event_at:%Y-%m-%d %H:%M:%SZ}"
    return [f"Severity: {found.severity.upper()}", *device, f"Client: {found.client}", events]
