"""Take in events, look them up, list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sentinel import tracing
from sentinel.errors import SHOWN, FieldError, InvalidInputError, NotFoundError, shown
from sentinel.ids import is_id, new_id, new_ids
from sentinel.logs import get_logger, log_each
from sentinel.models import Event
from sentinel.queries import events
from sentinel.queries.events import Filter, Reception, Sight
from sentinel.services.access.clients import ADMIN, BROADCAST, Caller
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

log = get_logger(__name__)

LONGEST_TEXT = 255
"""Most characters of a field that has a column; what is longer belongs in another field of the event."""

TEXTS = ("type", "severity", "source", "name", "user_id", "device_id")
IDS = ("event_id", "alert_id")
"""The sender's own id of the event; the first that is given counts."""

MOMENTS = ("occurred_at", "ts")
"""When it happened; the first that is given counts."""

MOST_NAMESAKES = 50
"""Events of different clients may have the same sender's id."""

FARTHEST_AHEAD = timedelta(days=1)
"""Clocks differ; an event that is farther ahead is a mistake of units."""

FIRST_MILLISECONDS = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would lie beyond the year 5000."""

MOMENT_REMEDY = (
    'write it with its offset ("2026-11-20T18:00:00Z") or as seconds or milliseconds since 1970, '
    "or leave it out: then it is now"
)


@dataclass(frozen=True, slots=True)
class CheckedEvent:
    """An event that `check` has let through: `body` is what was sent, the rest was read from it."""

    event_id: str | None
    type: str | None
    severity: str | None
    source: str | None
    name: str | None
    user_id: str | None
    device_id: str | None
    occurred_at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one event: our id, and the sender's if it gave one; not `is_new` if it had come before."""

    id: str
    event_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event as its viewer may see it: `rule_ids` and `unheard` name the viewer's own rules only."""

    event: Event
    client: str
    rule_ids: list[int]
    unheard: dict[str, list[int]]


def check(body: Any, *, now: datetime) -> CheckedEvent:
    """Read the known fields of an event, or say what is wrong with them."""
    if type(body) is not dict:
        raise InvalidInputError(FieldError("request", shown(body), "is not an object", "send a JSON object"))
    errors: list[FieldError] = []
    ids = [_text(body, name, errors) for name in IDS]
    kind, severity, source, title, user_id, device_id = [_text(body, name, errors) for name in TEXTS]
    moments = [_moment(body, name, now, errors) for name in MOMENTS]
    if errors:
        raise InvalidInputError(*errors)
    return CheckedEvent(
        event_id=ids[0] or ids[1],
        type=kind,
        severity=severity and severity.lower(),
        source=source,
        name=title,
        user_id=user_id,
        device_id=device_id,
        occurred_at=moments[0] or moments[1] or now,
        body=body,
    )


def check_addressed(body: Any, *, now: datetime) -> CheckedEvent:
    """Read the known fields of an event that is to be told to the user it names."""
    checked = check(body, now=now)
    if checked.user_id is None:
        remedy = 'add it: the user who is to be told, for example "user-17"'
        raise InvalidInputError(FieldError("user_id", body.get("user_id"), "Missing data for required field.", remedy))
    return checked


def _text(body: Mapping[str, Any], name: str, errors: list[FieldError]) -> str | None:
    """The text of a field; None when it is missing, null or empty."""
    value = body.get(name)
    if value is None or (type(value) is str and len(value) <= LONGEST_TEXT):
        return value or None
    if type(value) is str:
        remedy = f"shorten it to {LONGEST_TEXT} characters, or send it under another name"
        errors.append(FieldError(name, shown(value), f"has {len(value)} characters", remedy))
    else:
        errors.append(FieldError(name, shown(value), "is not a text", f'send it as text: "{name}": "…"'))
    return None


def _moment(body: Mapping[str, Any], name: str, now: datetime, errors: list[FieldError]) -> datetime | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    try:
        moment = _read_moment(value)
    except (ValueError, OverflowError, OSError):
        errors.append(FieldError(name, shown(value), "is not a time", MOMENT_REMEDY))
        return None
    if moment > now + FARTHEST_AHEAD:
        errors.append(FieldError(name, shown(value), "lies more than a day in the future", MOMENT_REMEDY))
    return moment


def _read_moment(value: Any) -> datetime:
    """Read RFC 3339, or seconds or milliseconds since 1970. Raises ValueError, OverflowError or OSError."""
    if type(value) is str:
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return moment.astimezone(UTC)
    if type(value) is not int and type(value) is not float:
        raise ValueError("neither text nor number")
    return datetime.fromtimestamp(value / 1000 if abs(value) >= FIRST_MILLISECONDS else value, UTC)


def is_broadcast(caller: Caller, audience: str | None) -> bool:
    """Whether the caller's events are heard by the rules of every client: `all`, `own`, or what its key allows."""
    if audience == "all":
        if ADMIN not in caller.scopes:
            caller.require(BROADCAST)
        return True
    return audience is None and not caller.scopes.isdisjoint((BROADCAST, ADMIN))


def ingest(
    uow: UnitOfWork,
    caller: Caller,
    checked: Sequence[CheckedEvent],
    *,
    is_broadcast: bool = False,
    is_addressed: bool = False,
) -> list[Ingested]:
    """Store events as PENDING and have them matched after the commit; tells of each, in order, what became of it."""
    if not checked:
        return []
    queue_at = uow.now + timedelta(seconds=get_settings().hint_seconds)
    reception = Reception(caller.client_id, is_broadcast, is_addressed, queue_at, uow.now)
    ids = new_ids(uow.now, len(checked))
    stored = events.insert(uow.session, _rows(ids, checked), reception)
    repeated = [event.event_id for each, event in zip(ids, checked, strict=True) if each not in stored]
    first = events.first_ids(uow.session, caller.client_id, [each for each in repeated if each]) if repeated else {}
    if stored:
        announce(uow, caller, [each for each in ids if each in stored])
        log_each(log, "event_accepted", ({"event_id": each} for each in ids if each in stored))
    return [_ingested(each, event, stored, first) for each, event in zip(ids, checked, strict=True)]


def announce(uow: UnitOfWork, caller: Caller, ids: Sequence[str]) -> None:
    """Have stored events counted, and matched after the commit."""
    uow.count("events_ingested_total", len(ids), client=caller.client_name)
    uow.dispatch_events(ids)


def new_row(caller: Caller, event: CheckedEvent, *, is_broadcast: bool, now: datetime) -> dict[str, Any]:
    """Make the PENDING row of one event, with all that is its own."""
    return (
        _row(new_id(now), event)
        | tracing.carried()
        | {
            "client_id": caller.client_id,
            "is_broadcast": is_broadcast,
            "is_addressed": False,
            "queue_at": now + timedelta(seconds=get_settings().hint_seconds),
            "created_at": now,
        }
    )


def _rows(ids: Sequence[str], checked: Sequence[CheckedEvent]) -> list[dict[str, Any]]:
    """The first event of each sender's id as a row.

    Sorted by that id: two batches with the same events must not wait for each other.
    """
    rows: dict[str, dict[str, Any]] = {}
    trace = tracing.carried()
    for each, event in zip(ids, checked, strict=True):
        rows.setdefault(event.event_id or each, _row(each, event) | trace)
    return [rows[key] for key in sorted(rows)]


def _row(event_id: str, event: CheckedEvent) -> dict[str, Any]:
    return {
        "id": event_id,
        "event_id": event.event_id,
        "type": event.type,
        "severity": event.severity,
        "source": event.source,
        "name": event.name,
        "user_id": event.user_id,
        "device_id": event.device_id,
        "occurred_at": event.occurred_at,
        "body": event.body,
    }


def _ingested(our_id: str, event: CheckedEvent, stored: set[str], first: Mapping[str, str]) -> Ingested:
    if our_id in stored:
        return Ingested(our_id, event.event_id or our_id, is_new=True)
    sender_id = str(event.event_id)
    return Ingested(first[sender_id], sender_id, is_new=False)


def get(uow: UnitOfWork, event_id: str, client_id: int) -> SeenEvent:
    """Return one event that the client may see, by our id or by the one that the client gave it."""
    sight = events.sight_of(uow.session, client_id)
    found = events.get(uow.session, event_id, sight) if is_id(event_id) else None
    if found is None and "\0" not in event_id:
        found = events.get_by_sender_id(uow.session, event_id, sight)
    if found is None:
        raise NotFoundError(f"no event {event_id[:SHOWN]}; ids are in the answer of POST /events")
    return _seen(*found, sight)


def page(uow: UnitOfWork, wanted: Filter, client_id: int, *, size: int) -> tuple[list[SeenEvent], str | None]:
    """Return a page of what the client may see, newest first, and the cursor of the next page, if any."""
    sight = events.sight_of(uow.session, client_id)
    if wanted.rule_id is not None and wanted.rule_id not in sight.rule_ids:
        return [], None  # another client's rule: not even whether it spoke
    rows = events.page(uow.session, wanted, sight, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return [_seen(event, client, sight) for event, client in rows[:size]], following


def get_of_all(uow: UnitOfWork, event_id: str) -> SeenEvent:
    """Return one event of any client with all rules that it met, for operators; by our id."""
    found = events.get_of_all(uow.session, event_id) if is_id(event_id) else None
    if found is None:
        raise NotFoundError(f"no event {event_id[:SHOWN]}; ids are in the answer of POST /events")
    return _as_operators_see(*found)


def page_of_all(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[SeenEvent], str | None]:
    """Return a page of the events of all clients, newest first, and the cursor of the next page, if any."""
    rows = events.page_of_all(uow.session, wanted, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return [_as_operators_see(event, client) for event, client in rows[:size]], following


def ids_by_sender_id(uow: UnitOfWork, event_id: str) -> Sequence[str]:
    """Return our ids of the events that senders call so, newest first."""
    return [] if "\0" in event_id else events.ids_by_sender_id(uow.session, event_id, most=MOST_NAMESAKES)


def _as_operators_see(event: Event, client: str) -> SeenEvent:
    return SeenEvent(event, client, rule_ids=list(event.rule_ids), unheard=dict(event.unheard))


def _seen(event: Event, client: str, sight: Sight) -> SeenEvent:
    mine = sight.rule_ids
    unheard = {why: [each for each in ids if each in mine] for why, ids in event.unheard.items()}
    return SeenEvent(
        event,
        client,
        rule_ids=[each for each in event.rule_ids if each in mine],
        unheard={why: ids for why, ids in unheard.items() if ids},
    )


def count_notifications(uow: UnitOfWork, event_id: str, client_id: int) -> int:
    """Count what the client's rules made of the event."""
    return events.count_notifications(uow.session, event_id, client_id)
