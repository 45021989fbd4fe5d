"""Failover: when a target cannot be reached, or not in time, the next one of the list takes over.

The rows themselves say what is to be done, so wherever a row ends, nobody has to remember it: one sweep finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinel.channels.recipients import normalise
from sentinel.channels.registry import ROUTES
from sentinel.errors import FieldError, InvalidInputError
from sentinel.ids import new_ids
from sentinel.models.status import Reason, Status
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import endpoints, failover, notifications, sweeping
from sentinel.queries.failover import EndedRow
from sentinel.services import traces
from sentinel.services.sending.succession import Next, next_of
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import get_settings
from sentinel.tracing import FIELD

MOST = 1000
"""Most rows of one sweep."""

MOST_TARGETS = 5

CUT = "…"

UNSAID: Mapping[str, Any] = {"failover": None, "failover_at": None}
"""A message that names no other targets: it gets those of its client's chain for the channel, where there is one."""

NOWHERE: Mapping[str, Any] = {"failover": [], "failover_at": None}
"""A message that goes nowhere else, whatever its client has set; stored as nothing."""

ADDRESS_REASONS = frozenset(reason.value for reason in SuppressionReason)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to turn when the target before it fails, or has not been reached for `after_seconds` (None: only then).

    It is a recipient on a channel, or an endpoint of the client, which is looked up when it takes over.
    """

    channel: str = ""
    recipient: str = ""
    after_seconds: int | None = None
    endpoint: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from others of a list."""
        return ("endpoint", self.endpoint) if self.endpoint is not None else (self.channel, self.recipient)

    def as_stored(self) -> dict[str, Any]:
        """The form that rows and answers have."""
        kind, name = self.place
        where = {"endpoint": name} if self.endpoint is not None else {"channel": kind, "recipient": name}
        return where | {"after_seconds": self.after_seconds}


def checked(targets: Sequence[Target], *, first: tuple[str, str]) -> tuple[Target, ...]:
    """Return the targets in their one spelling; refuse too many, and one that is there already."""
    if len(targets) > MOST_TARGETS:
        remedy = f"keep the best {MOST_TARGETS}"
        raise InvalidInputError(FieldError("failover", len(targets), f"has {len(targets)} targets", remedy))
    found, seen = [], {first}
    for number, target in enumerate(targets):
        spelled = _spelled(target, number)
        if spelled.place in seen:
            remedy = "leave it out: nobody is told twice"
            raise InvalidInputError(FieldError(f"failover.{number}", spelled.place[1], "is there already", remedy))
        seen.add(spelled.place)
        found.append(spelled)
    return tuple(found)


def _spelled(target: Target, number: int) -> Target:
    if target.endpoint is not None:
        return target
    channel = target.channel.strip().lower()
    try:
        return Target(channel, normalise(channel, target.recipient), target.after_seconds)
    except InvalidInputError as error:
        raise InvalidInputError(
            *(FieldError(f"failover.{number}.{e.field}", e.value, e.message, e.remedy) for e in error.errors)
        ) from None


def columns(targets: Sequence[Target], *, since: datetime) -> dict[str, Any]:
    """Return what a row stores of its other targets: the list, and when the first of them loses patience."""
    return _columns([target.as_stored() for target in targets], since=since) if targets else dict(UNSAID)


def _columns(stored: Sequence[Mapping[str, Any]], *, since: datetime) -> dict[str, Any]:
    if not stored:
        return dict(NOWHERE)
    patience = stored[0]["after_seconds"]
    return {
        "failover": list(stored),
        "failover_at": None if patience is None else since + timedelta(seconds=patience),
    }


def sweep() -> int:
    """Let the next target take over for what ended unreached, or waits too long; returns how many did."""
    with unit_of_work() as uow:
        _give_up(uow)
        rows = failover.ended(uow.session, most=MOST)
        if rows:
            failover.forget(uow.session, [row.id for row in rows])
        count = _take_over(uow, [row for row in rows if _wants_another(row, now=uow.now)])
        sweeping.record_run(uow.session, "sweep_failover", count, now=uow.now)
    return count


def _give_up(uow: UnitOfWork) -> None:
    """End what waits longer than its next target is willing to; where there is none after all, it waits on."""
    rows = failover.overdue(uow.session, most=MOST, now=uow.now)
    if not rows:
        return
    following = _following(uow, rows)
    hopeless = [row for row in rows if following[row.id].place is None]
    failover.forget(uow.session, [row.id for row in hopeless])
    failover.note(uow.session, [_note(row.id, following[row.id]) for row in hopeless], now=uow.now)
    given_up = [row.id for row in rows if following[row.id].place is not None]
    for channel, amount in Counter(failover.end(uow.session, given_up, now=uow.now)).items():
        tallies.count_ended(uow, channel, Status.FAILED, Reason.FAILED_OVER, amount)


def _following(uow: UnitOfWork, rows: Sequence[EndedRow]) -> dict[str, Next]:
    """Who is next for each row."""
    tried = failover.tried(uow.session, [row.id for row in rows])
    wanted = {(row.client_id, name) for row in rows for each in row.failover if (name := each.get("endpoint"))}
    named = endpoints.named(uow.session, wanted) if wanted else {}
    return {row.id: next_of(row.failover, tried[row.id], named.get(row.client_id, {})) for row in rows}


def _wants_another(row: EndedRow, *, now: datetime) -> bool:
    """What nobody was meant to hear, or nobody needs any more, goes nowhere else."""
    if row.reason == Reason.EXPIRED or (row.expires_at is not None and row.expires_at <= now):
        return False
    return row.status != Status.SUPPRESSED or row.reason in ADDRESS_REASONS


def _take_over(uow: UnitOfWork, rows: Sequence[EndedRow]) -> int:
    if not rows:
        return 0
    following = _following(uow, rows)
    belonging = traces.of_notifications(uow, (row.id for row in rows))
    successors = [
        _successor(row, following[row.id], each, uow.now) | ({FIELD: belonging[row.id]} if row.id in belonging else {})
        for row, each in zip(rows, new_ids(uow.now, len(rows)), strict=True)
        if following[row.id].place is not None
    ]
    stored = {each.id for each in notifications.insert(uow.session, successors)} if successors else set()
    _pass_links_on(uow, rows, successors)
    made = {each["failover_of"]: each["id"] for each in successors if each["id"] in stored}
    notes = [_note(row.id, following[row.id], successor=made.get(row.id)) for row in rows]
    failover.note(uow.session, notes, now=uow.now)
    for channel, fresh in _by_channel(each for each in successors if each["id"] in stored).items():
        tallies.count_accepted(uow, [channel] * len(fresh))
        uow.count("failovers_total", len(fresh), channel=channel)
        uow.dispatch(channel, fresh)
    return len(stored)


def _pass_links_on(uow: UnitOfWork, rows: Sequence[EndedRow], successors: Sequence[dict[str, Any]]) -> None:
    """Who takes over for a message about a ticket takes its link over, too."""
    asking = {row.id: row.ticket_message_id for row in rows if row.ticket_message_id is not None}
    linked = [each for each in successors if each["failover_of"] in asking]
    if linked:
        passed_on = [{"id": each["id"], "ticket_message_id": asking[each["failover_of"]]} for each in linked]
        failover.pass_links_on(uow.session, passed_on)


def _by_channel(rows: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["channel"], []).append(row["id"])
    return found


def _successor(row: EndedRow, following: Next, notification_id: str, now: datetime) -> dict[str, Any]:
    settings = get_settings()
    channel, recipient = following.place or ("", "")
    return {
        "id": notification_id,
        "client_id": row.client_id,
        "status": Status.PENDING,
        "channel": channel,
        "recipient": recipient,
        "endpoint_id": following.endpoint_id,
        "subject": row.subject,
        "body": _fitting(row.body, channel),
        "severity": row.severity,
        "user_id": row.user_id,
        "dedupe_key": row.dedupe_key,
        "dedupe_seconds": row.dedupe_seconds,
        "metadata": row.metadata,
        "event_id": row.event_id,
        "rule_ids": row.rule_ids,
        "attempt_limit": settings.max_attempts,
        "expires_at": row.expires_at,
        "queue_at": now + timedelta(seconds=settings.hint_seconds),
        "created_at": now,
        "failover_of": row.id,
    } | _columns(following.left, since=now)


def _fitting(body: str, channel: str) -> str:
    """The text as the other channel can carry it."""
    longest = ROUTES[channel].longest_body
    return body if len(body) <= longest else body[: longest - len(CUT)] + CUT


def _note(notification_id: str, following: Next, successor: str | None = None) -> dict[str, Any]:
    """What the timeline tells: who takes over, or why nobody does."""
    detail: dict[str, Any] = {"passed_over": list(following.passed)} if following.passed else {}
    if following.place is None:
        return {"id": notification_id, "detail": detail | {"reason": "no other target is left"}}
    detail["channel"] = following.place[0]
    told = {"reason": "this event was told there already"} if successor is None else {"notification_id": successor}
    return {"id": notification_id, "detail": detail | told}
