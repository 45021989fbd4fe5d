"""Where a notification stands, at a glance, and what happens next and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sentinel.models import Notification
from sentinel.models.status import FINAL, Reason, Status
from sentinel.services.watching.stories import Story
from sentinel.web.screens.notifications.reasons import meaning, words
from sentinel.web.words import tone

WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer at a glance: where it stands, why, and what happens next and when."""

    title: str
    text: str
    tone: str
    next: str = ""
    next_at: datetime | None = None


def standing(told: Story, *, now: datetime) -> Standing:
    """Say where a notification stands now, and what comes next."""
    row = told.notification
    why = meaning(row.reason) or _last_words(told)
    if row.status in FINAL:
        return Standing(_ended(row), why, tone(row.status), _after_end(told))
    if row.status == Status.SENDING:
        return Standing(
            "Being sent right now",
            "A worker has it.",
            WAITING,
            "If that worker vanishes, somebody looks",
            row.lease_until,
        )
    if row.status == Status.AMBIGUOUS:
        text = "The provider may have it: the connection broke before it answered."
        return Standing("In doubt", text, WAITING, "The doubt is decided", row.queue_at)
    due_at = row.next_attempt_at or (row.queue_at if row.group_id else None)
    if due_at is not None and due_at > now:
        what = "Its group is told" if row.group_id else ("Next try" if row.attempts else "It is sent")
        title = "Waits for another try" if row.status == Status.RETRYING else "Waits"
        return Standing(title, why, WAITING, what, due_at)
    text = why if row.reason not in (None, Reason.RETRIED) else "It is queued; a worker takes it next."
    return Standing("On its way", text, WAITING, "If nobody has taken it, it is queued again", row.queue_at)


def _last_words(told: Story) -> str:
    """What to do, or what was said, at the last try: a provider's reason means what it says itself."""
    tries = [item.detail for item in told.items if item.event == "attempted"]
    if not tries:
        return ""
    return str(tries[-1].get("hint") or tries[-1].get("detail") or "")


def _ended(row: Notification) -> str:
    by = f" by {row.provider}" if row.provider else ""
    return {
        Status.SENT: f"Sent{by}",
        Status.DELIVERED: f"Delivered{by}",
        Status.FAILED: f"Failed: {words(row.reason)}",
        Status.UNDELIVERED: f"Not delivered: {words(row.reason)}",
        Status.SUPPRESSED: f"Not sent: {words(row.reason)}",
        Status.CANCELLED: "Cancelled",
    }[Status(row.status)]


def _after_end(told: Story) -> str:
    row = told.notification
    if told.successor is not None:
        return f"Another target took over by {told.successor.channel}: it is {told.successor.status}"
    if row.status == Status.SENT:
        return "The provider has accepted it; if it reports more, this page shows it"
    if row.status in (Status.FAILED, Status.UNDELIVERED):
        return "Nothing more happens by itself: start it over, or mend it first"
    return ""
