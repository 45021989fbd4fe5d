"""The story of a notification in words: what happened, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sentinel.models import Notification
from sentinel.models.status import Status
from sentinel.services.notifications import TimelineItem
from sentinel.services.watching.stories import Story
from sentinel.web.letters import place_of
from sentinel.web.screens.notifications.reasons import meaning, words
from sentinel.web.words import ago, moment, number, seconds, tone

GOOD, WAITING, BAD, QUIET = "good", "waiting", "bad", "quiet"

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """A way to what a chapter speaks of; `values` complete the endpoint's address."""

    text: str
    endpoint: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened, with the provider's own words if it said something."""

    at: datetime | None
    title: str
    text: str = ""
    tone: str = QUIET
    quote: str = ""
    facts: tuple[str, ...] = ()
    links: tuple[Link, ...] = field(default=())


def _until(value: Any) -> str:
    """A time as timelines keep it, also where it went through JSON."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return "" if at is None else f"{moment(at)} ({ago(at)})"


def _notification(notification_id: Any, text: str) -> Link:
    return Link(text, "console.notifications.show", {"notification_id": notification_id})


def _accepted(detail: Detail) -> tuple[str, str, str]:
    return "Accepted", f"Stored, to be sent by {detail['channel']}. From here on it cannot be lost.", QUIET


def _scheduled(detail: Detail) -> tuple[str, str, str]:
    return "For later", f"Its sender wants it sent at {_until(detail['send_at'])}.", WAITING


def _deferred(detail: Detail) -> tuple[str, str, str]:
    until = f" Until {_until(detail.get('until'))}." if detail.get("until") else ""
    return f"Put off: {words(detail.get('reason'))}", f"{meaning(detail.get('reason'))}{until}", WAITING


def _held(detail: Detail) -> tuple[str, str, str]:
    if not detail.get("reason"):
        return "Held to be told with others", "It joined a group, which is told in one message.", WAITING
    until = f" Until {_until(detail.get('until'))}." if detail.get("until") else ""
    return f"Held: {words(detail['reason'])}", f"{meaning(detail['reason'])} It is told with others.{until}", WAITING


def _released(_: Detail) -> tuple[str, str, str]:
    return "Let go by its group", "It was the only thing to tell, so it goes as it is.", QUIET


def _gathered(detail: Detail) -> tuple[str, str, str]:
    told = len(detail.get("tells", ()))
    return (
        "Made by a group",
        f"It tells {number(told)} held notification{'s' if told != 1 else ''} in one message.",
        QUIET,
    )


def _retried(_: Detail) -> tuple[str, str, str]:
    return "Started over", "Somebody gave it a fresh allowance of tries.", WAITING


def _edited(detail: Detail) -> tuple[str, str, str]:
    changed = ", ".join(detail.get("changed", ()))
    before = [f"{name}: {detail[f'{name}_was']}" for name in ("recipient", "subject") if detail.get(f"{name}_was")]
    was = f" Before: {'; '.join(before)}." if before else ""
    return "Mended", f"{detail.get('by', 'Somebody')} changed {changed}.{was}", QUIET


def _cancelled(detail: Detail) -> tuple[str, str, str]:
    if "because" in detail:
        return "Taken back", f"Ticket {detail['ticket_id']} needs it no more: {words(detail['because'])}.", QUIET
    return (
        "Cancelled",
        "With its group." if "group_id" in detail else "Somebody took it back before it was sent.",
        QUIET,
    )


def _address_suppressed(detail: Detail) -> tuple[str, str, str]:
    since = f" since {_until(detail['since'])}" if detail.get("since") else ""
    return "The address is left alone", f"{meaning(detail.get('reason'))} On the list{since}.", QUIET


def _endpoint_disabled(_: Detail) -> tuple[str, str, str]:
    return "Its endpoint was switched off", "The receiver said that it is gone for good.", BAD


def _doubt_decided(detail: Detail) -> tuple[str, str, str]:
    policy = {"at_least_once": "send again", "at_most_once": "send no second copy"}.get(detail.get("policy", ""), "")
    asked = detail.get("lookups", 0)
    looked = f"The provider was asked {asked} time{'s' if asked != 1 else ''}. " if asked else ""
    known = "It does not know the message. " if detail.get("is_missing") else ""
    return "The doubt was decided", f"{looked}{known}The client's policy: {policy}.", WAITING


def _reconciled(detail: Detail) -> tuple[str, str, str]:
    return "Found at the provider", f"{detail.get('provider', 'The provider')} has it: no second copy leaves.", GOOD


def _failed_over(detail: Detail) -> tuple[str, str, str]:
    passed = "; ".join(map(str, detail.get("passed_over", ())))
    over = f" Passed over: {passed}." if passed else ""
    if "notification_id" in detail:
        return "Another target took over", f"By {detail.get('channel')}.{over}", QUIET
    return "No other target took over", f"{str(detail.get('reason', '')).capitalize()}.{over}", QUIET


KNOWN: Mapping[str, Callable[[Detail], tuple[str, str, str]]] = {
    "accepted": _accepted,
    "scheduled": _scheduled,
    "deferred": _deferred,
    "held": _held,
    "released": _released,
    "gathered": _gathered,
    "retried": _retried,
    "edited": _edited,
    "cancelled": _cancelled,
    "address_suppressed": _address_suppressed,
    "endpoint_disabled": _endpoint_disabled,
    "doubt_decided": _doubt_decided,
    "reconciled": _reconciled,
    "failed_over": _failed_over,
}

ENDINGS = frozenset(status.value.lower() for status in Status)

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "OK": ("accepted", GOOD),
    "RETRY": ("failed for now", WAITING),
    "AMBIGUOUS": ("ended in doubt", WAITING),
    "RECIPIENT": ("refused the recipient", BAD),
    "MESSAGE": ("refused the message", BAD),
    "CONFIG": ("refused our account", BAD),
    "QUOTA": ("has no quota left for us", BAD),
    "BUG": ("met a mistake of ours; the log has the rest", BAD),
}
"""What a try came to."""


def _attempted(item: TimelineItem) -> Chapter:
    detail = item.detail
    said, shade = OUTCOMES.get(detail["outcome"], (words(detail["outcome"]).lower(), QUIET))
    facts = [
        f"HTTP {detail['http_status']}" if detail.get("http_status") else "",
        f"code {detail['provider_code']}" if detail.get("provider_code") else "",
        words(detail.get("reason")),
        seconds(detail["duration_ms"] / 1000) if detail.get("duration_ms") is not None else "",
        f"worker {detail['worker']}" if detail.get("worker") else "",
        f"id {detail['provider_message_id']}" if detail.get("provider_message_id") else "",
    ]
    return Chapter(
        item.at,
        f"Try {detail['number']}: {detail['provider']} {said}",
        detail.get("hint") or "",
        shade,
        quote=detail.get("detail") or "",
        facts=tuple(each for each in facts if each),
    )


def _reported(item: TimelineItem) -> Chapter:
    detail = item.detail
    effects = {
        "APPLIED": "It moved this notification, or said what was known.",
        "IGNORED": "It changes nothing here.",
        "PENDING": "Not looked at yet.",
    }
    code = (f"code {detail['code']}",) if detail.get("code") else ()
    text = effects.get(detail.get("result", ""), "")
    title = f"{detail.get('provider', 'The provider')} reports: {words(detail.get('kind'))}"
    return Chapter(item.at, title, text, QUIET, quote=detail.get("detail") or "", facts=code)


def _ending(item: TimelineItem) -> Chapter:
    """Where it stands now, as the timeline's last item."""
    status, reason = item.event.upper(), item.detail.get("reason")
    title = f"{status.capitalize()}: {words(reason)}" if reason else status.capitalize()
    return Chapter(item.at, title, meaning(reason), tone(status), links=_links(item))


def _links(item: TimelineItem) -> tuple[Link, ...]:
    detail, found = item.detail, []
    if detail.get("duplicate_of"):
        found.append(_notification(detail["duplicate_of"], "the one that speaks for it"))
    if detail.get("told_by"):
        found.append(_notification(detail["told_by"], "the message that told it"))
    if detail.get("silence_id"):
        found.append(Link("the silence", "console.silences.show", {"silence_id": detail["silence_id"]}))
    if inhibited := detail.get("inhibited_by"):
        found.append(Link("the alert that inhibits it", "console.events.show", {"event_id": inhibited["event_id"]}))
    if detail.get("ticket_id"):
        found.append(Link("the ticket", "console.tickets.show", {"ticket_id": detail["ticket_id"]}))
    if item.event == "failed_over" and detail.get("notification_id"):
        found.append(_notification(detail["notification_id"], "the one that took over"))
    return tuple(found) + tuple(_notification(each, each) for each in detail.get("tells", ()))


def chapter(item: TimelineItem) -> Chapter:
    """One item of a timeline in words; a kind that is new here is shown as it is."""
    if item.event == "attempted":
        return _attempted(item)
    if item.event == "reported":
        return _reported(item)
    if item.event in ENDINGS and item.event not in KNOWN:
        return _ending(item)
    if item.event not in KNOWN:
        facts = tuple(f"{name}: {value}" for name, value in item.detail.items())
        return Chapter(item.at, words(item.event).capitalize(), facts=facts)
    title, text, shade = KNOWN[item.event](item.detail)
    return Chapter(item.at, title, text, shade, links=_links(item))


def chapters(told: Story) -> list[Chapter]:
    """What happened, oldest first: the event and the rules before all else."""
    return [
        *_origin(told),
        *(chapter(_discreet(each, told.notification.channel)) for each in told.items),
        *_told_client(told.notification),
    ]


def _discreet(item: TimelineItem, channel: str) -> TimelineItem:
    """The same without an address that is a secret."""
    before = item.detail.get("recipient_was")
    return replace(item, detail=item.detail | {"recipient_was": place_of(channel, before)}) if before else item


def _origin(told: Story) -> list[Chapter]:
    found, event = [], told.event
    if event is not None:
        named = [each for each in (event.severity, event.source, event.name, event.type) if each]
        link = Link("the event", "console.events.show", {"event_id": event.id})
        found.append(Chapter(event.created_at, "An event came in", " · ".join(named), links=(link,)))
    for rule in told.rules:
        link = Link(f"rule {rule.rule_id}", "console.rules.show", {"rule_id": rule.rule_id})
        title = f"Rule “{rule.name}” asked for it"
        found.append(Chapter(None, title, f"As version {rule.version} had it.", quote=rule.text, links=(link,)))
    if told.notification.failover_of:
        before = _notification(told.notification.failover_of, "the one before it")
        found.append(Chapter(None, "It takes over for another", "That one did not reach its target.", links=(before,)))
    return found


def _told_client(row: Notification) -> list[Chapter]:
    if row.told_status is None:
        return []
    return [Chapter(None, "The client was told", f"Its webhook for statuses heard that this is {row.told_status}.")]
