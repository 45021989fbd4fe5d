"""Silences: messages about events that match are not sent for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.ids import is_id, new_id
from sentinel.models import Silence
from sentinel.models.silence import SilenceState
from sentinel.queries import silences as queries
from sentinel.queries.silences import Filter
from sentinel.rules import matchers
from sentinel.rules.matchers import Matcher
from sentinel.services.unit_of_work import UnitOfWork

MOST_MATCHERS = 50
LONGEST_NAME, LONGEST_VALUE, LONGEST_COMMENT, LONGEST_CREATOR = 255, 1000, 1000, 255
FARTHEST_END = timedelta(days=36_500)
"""PostgreSQL keeps years that Python cannot read again: one such row would break every list it is in."""
LONGEST_ID = 64
"""Most characters of something that is no id which an error repeats."""
MATCHER_REMEDY = 'write it like instance=~"db-.*", with one of = != =~ !~ between name and value'


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence as somebody wants it; times aware. Without a start it begins now, or as it did before."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime | None
    ends_at: datetime
    created_by: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An active silence of a client, ready to be asked."""

    id: str
    matchers: tuple[Matcher, ...]


def held(rows: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> tuple[Held, ...]:
    """Read silences as the database has them: id, and matchers in their stored form."""
    return tuple(Held(silence_id, tuple(map(read, stored))) for silence_id, stored in rows)


def silencing(active: Iterable[Held], body: Mapping[str, Any]) -> list[str]:
    """Return the ids of those silences that match an event."""
    return [silence.id for silence in active if matchers.match(silence.matchers, body)]


def read(stored: Mapping[str, Any]) -> Matcher:
    """A matcher of its stored form, which is Alertmanager's."""
    return Matcher(stored["name"], stored["value"], stored["isRegex"], stored["isEqual"])


def as_stored(matcher: Matcher) -> dict[str, Any]:
    """A matcher in its stored form."""
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.is_regex,
        "isEqual": matcher.is_equal,
    }


def check(wanted: Wanted, *, now: datetime) -> None:
    """Say what is wrong with what is wanted."""
    errors = [*_matcher_errors(wanted.matchers), *_time_errors(wanted, now), *_text_errors(wanted)]
    if errors:
        raise InvalidInputError(*errors)


def _matcher_errors(wanted: Sequence[Matcher]) -> list[FieldError]:
    if not 0 < len(wanted) <= MOST_MATCHERS:
        return [FieldError("matchers", len(wanted), "are too few or too many", f"give 1 to {MOST_MATCHERS} matchers")]
    errors = [error for number, each in enumerate(wanted) if (error := _matcher_error(each, f"matchers.{number}"))]
    if not errors and matchers.match_anything(wanted):
        shown, remedy = ", ".join(map(str, wanted))[:LONGEST_VALUE], "add a matcher that asks for a label to be there"
        errors = [FieldError("matchers", shown, "would silence every event without these labels", remedy)]
    return errors


def _matcher_error(matcher: Matcher, field: str) -> FieldError | None:
    if not 0 < len(matcher.name) <= LONGEST_NAME:
        remedy = f"name a label, with up to {LONGEST_NAME} characters"
        return FieldError(f"{field}.name", matcher.name[:LONGEST_ID], "is no name of a label", remedy)
    if len(matcher.value) > LONGEST_VALUE:
        remedy = f"shorten it to {LONGEST_VALUE} characters"
        return FieldError(f"{field}.value", f"{matcher.value[:LONGEST_ID]}…", "is too long", remedy)
    problem = matcher.problem()
    if problem is None:
        return None
    remedy = "write a regular expression as RE2 has them; it must match the whole value"
    return FieldError(f"{field}.value", matcher.value, f"is no regular expression: {problem}", remedy)


def _time_errors(wanted: Wanted, now: datetime) -> list[FieldError]:
    shown = wanted.ends_at.isoformat()
    if wanted.ends_at <= (wanted.starts_at or now):
        return [FieldError("ends_at", shown, "is not after starts_at", "choose a later time")]
    if wanted.ends_at <= now:
        return [FieldError("ends_at", shown, "lies in the past", "choose a time to come")]
    if wanted.ends_at > now + FARTHEST_END:
        return [FieldError("ends_at", shown, "is too far away", f"choose a time within {FARTHEST_END.days} days")]
    return []


def _text_errors(wanted: Wanted) -> list[FieldError]:
    longest = (("created_by", wanted.created_by, LONGEST_CREATOR), ("comment", wanted.comment, LONGEST_COMMENT))
    return [
        FieldError(name, f"{text[:LONGEST_ID]}…", f"has {len(text)} characters", f"at most {most} are kept")
        for name, text, most in longest
        if len(text) > most
    ]


def add(uow: UnitOfWork, client_id: int, wanted: Wanted) -> Silence:
    """Store a new silence, from now on at the earliest."""
    check(wanted, now=uow.now)
    row = Silence(
        id=new_id(uow.now),
        client_id=client_id,
        matchers=[as_stored(each) for each in wanted.matchers],
        starts_at=max(wanted.starts_at or uow.now, uow.now),
        ends_at=wanted.ends_at,
        created_by=wanted.created_by,
        comment=wanted.comment,
        created_at=uow.now,
        updated_at=uow.now,
    )
    uow.session.add(row)
    return row


def change(uow: UnitOfWork, silence_id: str, client_id: int, wanted: Wanted) -> Silence:
    """Change a silence; what would rewrite its past ends it and makes a new one, as Alertmanager does."""
    check(wanted, now=uow.now)
    found, _ = get(uow, silence_id, client_id=client_id, is_locked=True)
    starts_at = wanted.starts_at or found.starts_at
    state = found.state(uow.now)
    if not _can_be_changed(found, wanted.matchers, starts_at, now=uow.now):
        if state is not SilenceState.EXPIRED:
            _end(found, now=uow.now)
        return add(uow, client_id, wanted)
    if state is SilenceState.PENDING:
        found.starts_at = starts_at
    found.ends_at, found.comment, found.created_by = wanted.ends_at, wanted.comment, wanted.created_by
    found.updated_at = uow.now
    return found


def _can_be_changed(found: Silence, wanted: Sequence[Matcher], starts_at: datetime, *, now: datetime) -> bool:
    """Whether what was silenced until now, and what was not, stays as it was."""
    if [read(each) for each in found.matchers] != list(wanted):
        return False
    state = found.state(now)
    if state is SilenceState.ACTIVE:  # clients of Alertmanager give its start back without fractions of a second
        return int(starts_at.timestamp()) == int(found.starts_at.timestamp())
    return state is SilenceState.PENDING and starts_at >= now


def get(uow: UnitOfWork, silence_id: str, *, client_id: int | None, is_locked: bool = False) -> tuple[Silence, str]:
    """Return one silence of the client (None: of any, for operators), and the client's name."""
    known = is_id(silence_id)
    found = queries.get(uow.session, silence_id, client_id=client_id, is_locked=is_locked) if known else None
    if found is None:
        raise NotFoundError(f"no silence {silence_id[:LONGEST_ID]}; GET /silences lists those there are")
    return found


def expire(uow: UnitOfWork, silence_id: str, *, client_id: int | None) -> Silence:
    """End a silence now; it is kept as long as notifications are."""
    found, _ = get(uow, silence_id, client_id=client_id, is_locked=True)
    if found.state(uow.now) is SilenceState.EXPIRED:
        raise ConflictError(f"silence {found.id} has been over since {found.ends_at:%Y-%m-%d %H:%M:%SZ}")
    _end(found, now=uow.now)
    return found


def _end(found: Silence, *, now: datetime) -> None:
    found.starts_at, found.ends_at, found.updated_at = min(found.starts_at, now), now, now


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Silence, str]], str | None]:
    """Return a page of (silence, client's name), newest first, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, now=uow.now, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return rows[:size], following


def active(uow: UnitOfWork, client_id: int) -> tuple[Held, ...]:
    """Return the active silences of a client, the oldest first."""
    found = queries.every(uow.session, Filter(client_id=client_id, state=SilenceState.ACTIVE), now=uow.now)
    return held(sorted((row.id, row.matchers) for row in found))


def since(uow: UnitOfWork, client_id: int, moment: datetime) -> Sequence[Silence]:
    """Return the silences of a client that ended after a moment, or have not ended yet."""
    return queries.every(uow.session, Filter(client_id=client_id, ends_after=moment), now=uow.now)
