"""Accept, look up, cancel and retry notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NewType

from sentinel import tracing
from sentinel.channels.recipients import normalise
from sentinel.channels.registry import CHANNELS, ROUTES
from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.ids import is_id, new_ids
from sentinel.logs import get_logger, log_each
from sentinel.models import Notification
from sentinel.models.status import RETRYABLE, Status
from sentinel.queries import groups, notifications, receipts, retrying
from sentinel.queries.notifications import Filter
from sentinel.queries.retrying import Pace, Retried
from sentinel.services.sending import failover
from sentinel.services.sending.failover import Target
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

log = get_logger(__name__)

SHOWN_BODY = 50
"""Most characters of a refused body that its error repeats."""

MOST_TOLD = 100
"""Of those that a notification tells, as many are named in its timeline."""

FARTHEST_SEND = timedelta(days=365)

LONGEST_ID = 64
"""Most characters of something that is no id which an error repeats."""

FARTHEST_EXPIRY = timedelta(days=3650)
"""PostgreSQL keeps years that Python cannot read again: one such row would break every list it is in."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for; texts as given, times aware."""

    channel: str
    recipient: str
    body: str
    subject: str | None = None
    severity: str | None = None
    user_id: str | None = None
    dedupe_key: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    endpoint_id: int | None = None
    failover: tuple[Target, ...] = ()
    has_chain: bool = True
    """Whether it goes to the other targets that the client has set for its channel, where it names none itself."""
    is_followed: bool | None = None
    """Whether the client is told of its end; None: if it has a webhook for that."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened to a notification, and when."""

    at: datetime
    event: str
    detail: dict[str, Any]


HELD = "held"
"""It joined a group. Who is held for another reason than to be grouped has an entry that tells it."""

CheckedRequest = NewType("CheckedRequest", Request)
"""A request that `check` has let through: channel and recipient are in their one spelling."""


def check(request: Request, *, now: datetime) -> CheckedRequest:
    """Return the request with channel and recipient in their one spelling, or say what is wrong with it."""
    channel = request.channel.strip().lower()
    recipient = normalise(channel, request.recipient)
    _check_length(channel, request.body)
    _check_times(request, now=now)
    targets = failover.checked(request.failover, first=(channel, recipient))
    return CheckedRequest(replace(request, channel=channel, recipient=recipient, failover=targets))


def accept(uow: UnitOfWork, client_id: int, requests: Sequence[CheckedRequest]) -> list[dict[str, Any]]:
    """Store requests as PENDING rows and have them queued after the commit; returns the rows, in order."""
    rows = new_rows(client_id, requests, now=uow.now)
    if rows:
        notifications.insert(uow.session, rows)
        announce(uow, rows)
        log_each(log, "notification_accepted", ({"notification_id": row["id"]} for row in rows))
    return rows


def new_rows(client_id: int, requests: Sequence[CheckedRequest], *, now: datetime) -> list[dict[str, Any]]:
    """Make the PENDING rows of requests, in order."""
    ids, trace = new_ids(now, len(requests)), tracing.carried()
    return [_row(client_id, request, each, now=now) | trace for request, each in zip(requests, ids, strict=True)]


def announce(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have stored rows counted, and those that are due queued, after the commit."""
    tallies.count_accepted(uow, (row["channel"] for row in rows))
    for channel in CHANNELS:
        due = [row["id"] for row in rows if row["channel"] == channel and row["next_attempt_at"] is None]
        if due:
            uow.dispatch(channel, due)


def _check_length(channel: str, body: str) -> None:
    longest = ROUTES[channel].longest_body
    if len(body) > longest:
        message = f"has {len(body)} characters, more than {channel} can carry"
        remedy = f"shorten it to {longest} characters, or use another channel"
        raise InvalidInputError(FieldError("body", f"{body[:SHOWN_BODY]}…", message, remedy))


def _check_times(request: Request, *, now: datetime) -> None:
    send_at, expires_at = request.send_at, request.expires_at
    if send_at is not None and send_at > now + FARTHEST_SEND:
        remedy = f"choose a time within {FARTHEST_SEND.days} days"
        raise InvalidInputError(FieldError("send_at", send_at.isoformat(), "too far in the future", remedy))
    if expires_at is not None and expires_at <= max(now, send_at or now):
        remedy = "choose a time after now and after send_at, or leave it out"
        raise InvalidInputError(FieldError("expires_at", expires_at.isoformat(), "already over by then", remedy))
    if expires_at is not None and expires_at > now + FARTHEST_EXPIRY:
        remedy = f"choose a time within {FARTHEST_EXPIRY.days} days, or leave it out: then it never expires"
        raise InvalidInputError(FieldError("expires_at", expires_at.isoformat(), "too far in the future", remedy))


def _row(client_id: int, request: CheckedRequest, notification_id: str, *, now: datetime) -> dict[str, Any]:
    settings = get_settings()
    send_at = request.send_at if request.send_at is not None and request.send_at > now else None
    return {
        "id": notification_id,
        "client_id": client_id,
        "status": Status.PENDING,
        "channel": request.channel,
        "recipient": request.recipient,
        "subject": request.subject,
        "body": request.body,
        "severity": request.severity,
        "user_id": request.user_id,
        "dedupe_key": request.dedupe_key,
        "event_id": None,
        "rule_ids": None,
        "endpoint_id": request.endpoint_id,
        "is_followed": request.is_followed,
        "metadata": request.metadata,
        "attempts": 0,
        "attempt_limit": settings.max_attempts,
        "send_at": send_at,
        "next_attempt_at": send_at,
        "expires_at": request.expires_at,
        "queue_at": send_at or now + timedelta(seconds=settings.hint_seconds),
        "created_at": now,
        "updated_at": now,
    } | _failover(request, since=send_at or now)


def _failover(request: CheckedRequest, *, since: datetime) -> dict[str, Any]:
    is_final = not request.failover and not request.has_chain
    return dict(failover.NOWHERE) if is_final else failover.columns(request.failover, since=since)


def get(uow: UnitOfWork, notification_id: str, *, client_id: int | None) -> Notification:
    """Return one notification of the client (None: of any, for operators)."""
    found = notifications.get(uow.session, notification_id, client_id=client_id) if is_id(notification_id) else None
    if found is None:
        raise NotFoundError(
            f"no notification {notification_id[:LONGEST_ID]}; ids are in the answer of POST /notifications"
        )
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Notification, str]], str | None]:
    """Return a page of (notification, client's name), newest first, and the cursor of the next page, if any."""
    rows = notifications.page(uow.session, wanted, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return rows[:size], following


def count_newer(uow: UnitOfWork, wanted: Filter, *, most: int) -> int:
    """Count what has come after a page was read, up to `most`."""
    return notifications.count_newer(uow.session, wanted, most=most)


def cancel(uow: UnitOfWork, notification_id: str, *, client_id: int | None) -> Notification:
    """Cancel a notification that is still waiting."""
    found = get(uow, notification_id, client_id=client_id)
    if found.group_id is not None:
        groups.lock(uow.session, [found.group_id])  # a flush tells it, or this takes it back: one of the two
    if not notifications.cancel(uow.session, found.id, now=uow.now):
        status = notifications.status_of(uow.session, found.id)
        raise ConflictError(f"notification {found.id} is {status} and cannot be cancelled; only waiting ones can")
    if found.group_id is not None:
        groups.unsay(uow.session, found.group_id, found.id)
    notifications.note(uow.session, [found.id], "cancelled", now=uow.now)
    uow.count("notifications_cancelled_total", channel=found.channel)
    return _fresh(uow, found)


def retry(uow: UnitOfWork, notification_id: str, *, client_id: int | None) -> Notification:
    """Start an ended notification over."""
    found = get(uow, notification_id, client_id=client_id)
    if not retry_many(uow, [found.id]):
        now = _fresh(uow, found)
        standing = f"{now.status} ({now.reason})" if now.reason else now.status
        wanted = " or ".join(sorted(RETRYABLE))
        raise ConflictError(f"notification {found.id} is {standing} and cannot be retried; only {wanted} can")
    return _fresh(uow, found)


def retry_many(uow: UnitOfWork, ids: Sequence[str], pace: Pace | None = None) -> list[Retried]:
    """Start ended notifications over, each with a fresh allowance of tries; returns those that were ended.

    With a pace each has its turn written into its row; the sweeper queues those whose turn is not now.
    """
    settings = get_settings()
    queue_at = uow.now + timedelta(seconds=settings.hint_seconds)
    paced = pace or Pace(len(ids), uow.now)
    done = retrying.retry(uow.session, ids, paced, attempts=settings.max_attempts, now=uow.now, queue_at=queue_at)
    notifications.note(uow.session, [each.id for each in done], "retried", now=uow.now)
    due = [each for each in done if each.due_at is None]
    for channel in {each.channel for each in due}:
        uow.queue_pipeline(channel, [each.id for each in due if each.channel == channel])
    return done


def _fresh(uow: UnitOfWork, found: Notification) -> Notification:
    uow.session.expire(found)
    uow.session.refresh(found)
    return found


def timeline(uow: UnitOfWork, notification_id: str, *, client_id: int | None) -> list[TimelineItem]:
    """Tell what happened to a notification, oldest first: why it was (not) sent."""
    found = get(uow, notification_id, client_id=client_id)
    items = [TimelineItem(found.created_at, "accepted", {"channel": found.channel})]
    noted = [TimelineItem(each.at, each.kind, each.detail) for each in notifications.entries_of(uow.session, found.id)]
    if found.group_id is not None and all(each.event != HELD for each in noted):
        items.append(TimelineItem(found.created_at, HELD, {"group_id": found.group_id}))
    if isinstance(group := found.details.get("group"), dict) and found.event_id is None:
        told = notifications.told_together(uow.session, found.id, most=MOST_TOLD)
        items.append(TimelineItem(found.created_at, "gathered", {"group_id": group.get("id"), "tells": list(told)}))
    if found.send_at is not None:
        items.append(TimelineItem(found.created_at, "scheduled", {"send_at": found.send_at}))
    items += noted
    items += [
        TimelineItem(each.started_at, "attempted", _attempt_detail(each))
        for each in notifications.attempts_of(uow.session, found.id)
    ]
    items += [
        TimelineItem(each.received_at, "reported", _report_detail(each))
        for each in receipts.of_notification(uow.session, found.id)
    ]
    items.sort(key=lambda item: item.at)
    return [*items, *_standing(found)]


def _attempt_detail(attempt: Any) -> dict[str, Any]:
    names = ("number", "provider", "outcome", "reason", "http_status", "provider_code", "provider_message_id")
    more = ("detail", "hint", "worker", "duration_ms")
    return {name: value for name in (*names, *more) if (value := getattr(attempt, name)) is not None}


def _report_detail(report: Any) -> dict[str, Any]:
    names = ("provider", "kind", "code", "provider_message_id", "occurred_at", "detail")
    told = {name: value for name in names if (value := getattr(report, name)) is not None}
    return told | {"result": report.status, "said": report.body}


def _standing(found: Notification) -> list[TimelineItem]:
    """Where it stands now, in words of its status."""
    if found.status in (Status.PENDING, Status.CANCELLED):
        return []
    facts: Mapping[str, Any] = {
        "reason": found.reason,
        "duplicate_of": found.duplicate_of,
        "silence_id": found.silence_id,
        "inhibited_by": found.inhibited_by,
        "told_by": found.told_by,
        "provider_message_id": found.provider_message_id,
        "next_attempt_at": found.next_attempt_at,
    }
    detail = {name: value for name, value in facts.items() if value is not None}
    return [TimelineItem(found.updated_at, found.status.lower(), detail)]
