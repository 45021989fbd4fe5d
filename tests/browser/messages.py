"""Messages as a busy month leaves them, for pages to show: stored as they stand, so that nobody sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sentinel.clock import utc_now
from sentinel.ids import new_id
from sentinel.models import Attempt, Notification, TimelineEntry
from sentinel.models.status import WAITING
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.rules import client

LONG = (
    "Checkout latency of eu-west-1 is above 2,000 ms at the 99th percentile for ten minutes. "
    "Orders are still taken. Runbook: https://runbooks.example/checkout/latency?region=eu-west-1&severity=high"
)

MANY: tuple[dict[str, Any], ...] = (
    {"channel": "sms", "recipient": "+4915112345678", "body": "Disk /var on db-3 is 91 % full.", "of": "payments"},
    {"channel": "slack", "recipient": "#on-call-europe", "body": LONG, "of": "checkout", "severity": "high"},
    {"channel": "email", "recipient": "maría.fernández+alerts@operations.shop.example",
     "subject": "Latency of checkout", "body": LONG, "of": "checkout", "status": "DELIVERED"},
    {"channel": "webhook", "recipient": "https://hooks.partner.example/v1/incidents/9f3c1b/receive?team=core-platform",
     "body": '{"incident": "db-3", "state": "firing"}', "of": "platform-engineering-northern-europe",
     "status": "FAILED", "reason": "attempts_exhausted", "attempts": 6, "provider": "webhook",
     "said": ("RETRY", 503, None, "upstream connect error or disconnect/reset before headers", "It is down.")},
    {"channel": "sms", "recipient": "+819012345678", "body": "倉庫3の温度が85.0°Cを超えました。", "of": "倉庫",
     "status": "FAILED", "reason": "invalid_number", "provider": "twilio",
     "said": ("RECIPIENT", 400, "21211", "The 'To' number +819012345678 is not a valid phone number.",
              "Correct the number in the client's data.")},
    {"channel": "email", "recipient": "ops@example.com", "subject": "Nightly backup", "body": "Done in 41 min.",
     "of": "default", "status": "SUPPRESSED", "reason": "rate_limited"},
    {"channel": "push", "recipient": "ntfy://ntfy.example/alerts", "body": "Queue “thumbnails” grows by 40/s.",
     "of": "media", "status": "CANCELLED"},
    {"channel": "sms", "recipient": "+14155552671", "body": "Your code is on its way.", "of": "payments",
     "status": "RETRYING", "reason": "http_503", "provider": "twilio",
     "said": ("RETRY", 503, "20503", "Service Unavailable", None)},
    {"channel": "email", "recipient": "дежурный@пример.example", "subject": "Сервер недоступен",
     "body": "Сервер db-7 не отвечает уже 3 минуты.", "of": "default", "status": "UNDELIVERED", "reason": "bounced",
     "provider": "sendgrid"},
)  # fmt: skip


def message(*, of: str = "default", status: str = "SENT", age: timedelta | None = None, **columns: Any) -> str:
    """Store a notification as it stands, with its last try; returns its id."""
    at = utc_now() - (timedelta(minutes=1) if age is None else age)
    said = columns.pop("said", None)
    later = utc_now() + timedelta(minutes=7)
    values = {"channel": "sms", "recipient": "+14155552671", "body": "Disk full", "attempts": 1, "attempt_limit": 6}
    values |= {"provider": "sandbox", "details": {}, "sent_at": at if status in ("SENT", "DELIVERED") else None}
    values |= {"id": new_id(at), "client_id": client(of), "status": status, "created_at": at, "updated_at": at}
    if status in WAITING:
        values |= {"queue_at": later, "next_attempt_at": later}
    row = Notification(**values | columns)
    with unit_of_work() as uow:
        uow.session.add(row)
        uow.session.flush()
        uow.session.add(_attempt(row, said))
    return row.id


def _attempt(row: Notification, said: tuple[Any, ...] | None) -> Attempt:
    outcome, status, code, detail, hint = said or ("OK", 200, None, None, None)
    return Attempt(
        notification_id=row.id,
        number=row.attempts,
        provider=row.provider or "sandbox",
        outcome=outcome,
        reason=row.reason,
        http_status=status,
        provider_code=code,
        detail=detail,
        hint=hint,
        worker="alice@worker-1",
        started_at=row.created_at + timedelta(seconds=2),
        duration_ms=187,
    )


def entry(notification_id: str, kind: str, at_age: timedelta, **detail: Any) -> None:
    """Note something in the timeline of a notification."""
    with unit_of_work() as uow:
        at = utc_now() - at_age
        uow.session.add(TimelineEntry(notification_id=notification_id, at=at, kind=kind, detail=detail))


def many(times: int = 4) -> list[str]:
    """Store all kinds of messages, over some days; returns their ids, oldest first."""
    kinds = [each for _ in range(times) for each in MANY]
    ages = [timedelta(minutes=3) * (number + 1) ** 2 for number in range(len(kinds))]
    return [message(age=age, **each) for each, age in zip(reversed(kinds), reversed(ages), strict=True)]
