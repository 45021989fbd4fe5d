"""Failover: when a target cannot be reached, or not in time, the next one of the list takes over.

The rows themselves say what is to be done, so wherever a row ends, nobody has to remember it: one sweep finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

UNREACHABLE = frozenset(reason.value for reason in SuppressionReason) | {Reason.NO_ENDPOINT}
"""Why a message is not sent that somebody is meant to hear, wherever they are."""

UNREACHED = frozenset({Status.FAILED, Status.UNDELIVERED, Status.SUPPRESSED})
TOLD_OTHERWISE = frozenset({Reason.DUPLICATE, Reason.GROUPED, Reason.OUTDATED, Reason.FLAPPING, Reason.RESOLVED_OFF})
"""Why a message is not sent whose target has heard of it, or hears of it, by another."""

NOBODY_ASKED = "its ticket asks for nobody any more"


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
        ended = failover.ended(uow.session, most=MOST)
        given_up, following = _give_up(uow)
        if ended or given_up:
            failover.forget(uow.session, [row.id for row in (*ended, *given_up)])
        wanting = _still_asked(uow, [row for row in ended if _wants_another(row, now=uow.now)])
        count = _take_over(uow, [*wanting, *given_up], following)
        sweeping.record_run(uow.session, "sweep_failover", count, now=uow.now)
    return count


def _give_up(uow: UnitOfWork) -> tuple[list[EndedRow], dict[str, Next]]:
    """End what waits longer than its next target is willing to; where there is none after all, it waits on.

    Returns what has ended, and who is next for it: nobody is asked again, for it may be another one by then.
    """
    rows = _still_asked(uow, failover.overdue(uow.session, most=MOST, now=uow.now))
    if not rows:
        return [], {}
    following = _following(uow, rows)
    hopeless = [row for row in rows if following[row.id].place is None]
    failover.forget(uow.session, [row.id for row in hopeless])
    failover.note(uow.session, [_note(row.id, following[row.id]) for row in hopeless], now=uow.now)
    given_up = [row for row in rows if following[row.id].place is not None]
    ended = failover.end(uow.session, [row.id for row in given_up], now=uow.now)
    for channel, amount in Counter(ended).items():
        tallies.count_ended(uow, channel, Status.FAILED, Reason.FAILED_OVER, amount)
    return given_up, following


def _still_asked(uow: UnitOfWork, rows: Sequence[EndedRow]) -> list[EndedRow]:
    """Leave out messages of escalations whose tickets ask for nobody any more; their timelines say so."""
    links = [row.ticket_message_id for row in rows if row.ticket_message_id is not None]
    asking = failover.asking(uow.session, links) if links else set()
    over = {row.id for row in rows if row.ticket_message_id is not None and row.ticket_message_id not in asking}
    if over:
        failover.forget(uow.session, sorted(over))
        notes = [{"id": each, "detail": {"reason": NOBODY_ASKED}} for each in sorted(over)]
        failover.note(uow.session, notes, now=uow.now)
    return [row for row in rows if row.id not in over]


def _following(uow: UnitOfWork, rows: Sequence[EndedRow]) -> dict[str, Next]:
    """Who is next for each row."""
    if not rows:
        return {}
    tried = failover.tried(uow.session, [row.id for row in rows])
    wanted = {(row.client_id, name) for row in rows for each in row.failover if (name := each.get("endpoint"))}
    named = endpoints.named(uow.session, wanted) if wanted else {}
    return {row.id: next_of(row.failover, tried[row.id], named.get(row.client_id, {})) for row in rows}


def _wants_another(row: EndedRow, *, now: datetime) -> bool:
    """What nobody was meant to hear, or nobody needs any more, goes nowhere else."""
    if row.reason == Reason.EXPIRED or (row.expires_at is not None and row.expires_at <= now):
        return False
    return row.status != Status.SUPPRESSED or row.reason in UNREACHABLE


def _take_over(uow: UnitOfWork, rows: Sequence[EndedRow], known: Mapping[str, Next]) -> int:
    if not rows:
        return 0
    following = {**known, **_following(uow, [row for row in rows if row.id not in known])}
    belonging = traces.of_notifications(uow, (row.id for row in rows))
    made: dict[str, dict[str, Any]] = {}
    going = list(rows)
    while going:
        made |= {each["failover_of"]: each for each in _stored(uow, going, following, belonging)}
        later = _beyond(uow, [row for row in going if row.id not in made], following)
        following |= later
        going = [row for row in going if row.id in later]
    _pass_links_on(uow, rows, list(made.values()))
    notes = [_note(row.id, following[row.id], successor=made.get(row.id, {}).get("id")) for row in rows]
    failover.note(uow.session, notes, now=uow.now)
    for channel, fresh in _by_channel(made.values()).items():
        tallies.count_accepted(uow, [channel] * len(fresh))
        uow.count("failovers_total", len(fresh), channel=channel)
        uow.dispatch(channel, fresh)
    return len(made)


def _stored(
    uow: UnitOfWork, rows: Sequence[EndedRow], following: Mapping[str, Next], belonging: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Store who takes over for each row, where there is somebody whom this event has no message for yet."""
    successors = [
        _successor(row, following[row.id], each, uow.now) | ({FIELD: belonging[row.id]} if row.id in belonging else {})
        for row, each in zip(rows, new_ids(uow.now, len(rows)), strict=True)
        if following[row.id].place is not None
    ]
    stored = {each.id for each in notifications.insert(uow.session, successors)} if successors else set()
    return [each for each in successors if each["id"] in stored]


def _beyond(uow: UnitOfWork, rows: Sequence[EndedRow], following: Mapping[str, Next]) -> dict[str, Next]:
    """Who comes after a target that has a message of the same event already, where that has reached nobody."""
    places = {row.id: place for row in rows if (place := following[row.id].place) is not None}
    if not places:
        return {}
    met = [row for row in rows if row.id in places]
    asked = [
        {"id": row.id, "event_id": row.event_id, "client_id": row.client_id}
        | dict(zip(("channel", "recipient"), places[row.id], strict=True))
        for row in met
    ]
    unheard = {
        each: f"its own message of this event is {status}: {reason}"
        for each, (status, reason) in failover.there(uow.session, asked).items()
        if status in UNREACHED and reason not in TOLD_OTHERWISE
    }
    left = [replace(row, failover=following[row.id].left) for row in met if row.id in unheard]
    return {each: after.beyond(following[each], why=unheard[each]) for each, after in _following(uow, left).items()}


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
