"""The form of a new silence: empty, as a link fills it, as a copy, and read as somebody sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from flask import request

from sentinel.errors import FieldError, InvalidInputError
from sentinel.models import Silence
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.rules.matchers import Matcher
from sentinel.schedules.lines import read_lines as read_windows
from sentinel.schedules.lines import written_lines
from sentinel.schedules.schedule import Schedule
from sentinel.services.muting.holding import windows_of
from sentinel.services.muting.matchers import read_all, read_lines
from sentinel.services.muting.previews import LONGEST_HOURS, Asked
from sentinel.services.muting.silence_checks import Manners, Wanted
from sentinel.web.forms import text
from sentinel.web.moments import in_short, read_length, read_moment, required_moment

Filled = dict[str, str]
"""What stands in each field."""

Read = TypeVar("Read")

USUAL = {"client": DEFAULT_CLIENT, "ends_at": "2h", "zone": "UTC", "hours": "1"}
FIELDS = (
    "client",
    "matchers",
    "starts_at",
    "ends_at",
    "comment",
    "windows",
    "zone",
    "ends_when_resolved",
    "ends_after_quiet_seconds",
    "remind",
    "remind_before_seconds",
    "hours",
)
HOURS = {1: "hour", 24: "day", LONGEST_HOURS: "week"}
"""How far back a preview can look."""


def linked() -> Filled:
    """The form as a link fills it: `?client=shop&matcher=alertname=DiskFull&matcher=…`."""
    asked = {name: request.args[name] for name in FIELDS if name in request.args}
    matchers = "\n".join(request.args.getlist("matcher"))
    return _filled({**USUAL, "matchers": matchers} | asked)


def sent() -> Filled:
    """The form as somebody sent it."""
    return _filled({name: text(name) for name in FIELDS})


def copied(row: Silence, client: str) -> Filled:
    """The form of a silence like another one, as long as that one, from now on."""
    windows = windows_of(row)
    return _filled(
        USUAL
        | {
            "client": client,
            "matchers": "\n".join(map(str, read_all(row.matchers))),
            "ends_at": in_short(row.ends_at - row.starts_at),
            "comment": row.comment,
            "windows": "" if windows is None else "\n".join(written_lines(windows)),
            "zone": "UTC" if windows is None else windows.zone.key,
            "ends_when_resolved": "on" if row.ends_when_resolved else "",
            "ends_after_quiet_seconds": in_short(row.ends_after_quiet_seconds),
            "remind": row.remind or "",
            "remind_before_seconds": in_short(row.remind_before_seconds),
        }
    )


def _filled(values: Mapping[str, str]) -> Filled:
    return {name: values.get(name, "").replace("\0", "") for name in FIELDS}


def wanted_of(filled: Filled, *, by: str, now: datetime) -> Wanted:
    """Read what somebody wants. Raises `InvalidInputError` with all that cannot be read."""
    reading = _Reading(filled)
    starts_at = reading.tried(lambda: read_moment(filled["starts_at"], "starts_at", now=now))
    ends_at = reading.tried(lambda: required_moment(filled["ends_at"], "ends_at", now=starts_at or now))
    manners = Manners(
        reading.windows(),
        ends_when_resolved=bool(filled["ends_when_resolved"]),
        ends_after_quiet_seconds=reading.length("ends_after_quiet_seconds"),
        remind_before_seconds=reading.length("remind_before_seconds"),
        remind=filled["remind"] or None,
    )
    matchers = reading.matchers()
    reading.finish()
    return Wanted(matchers, starts_at, ends_at or now, by, filled["comment"], manners)


def asked_of(filled: Filled) -> Asked:
    """Read what is to be previewed: matchers, windows, and how far back."""
    reading = _Reading(filled)
    matchers, windows = reading.matchers(), reading.windows()
    reading.finish()
    return Asked(matchers, windows, int(filled["hours"]) if filled["hours"] in map(str, HOURS) else 1)


def at_fields(errors: Iterable[FieldError]) -> dict[str, str]:
    """What is wrong with each field of the form, which shows matchers, and windows, as one field each."""
    found: dict[str, str] = {}
    for each in errors:
        name = each.field.partition(".")[0]
        name = "zone" if each.field == "windows.zone" else name
        value = "" if each.value is None else f"{each.value} "
        found.setdefault(name, f"{value}{each.message}; {each.remedy}".strip())
    return found


class _Reading:
    """Reads one field after the other, and keeps what is wrong with all of them."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self._errors: list[FieldError] = []

    def matchers(self) -> tuple[Matcher, ...]:
        """One to a line."""
        return self.tried(lambda: read_lines(self._filled["matchers"], "matchers")) or ()

    def windows(self) -> Schedule | None:
        """One to a line; none: all the time."""
        lines = list(filter(None, map(str.strip, self._filled["windows"].splitlines())))
        return self.tried(lambda: read_windows(lines, self._filled["zone"] or "UTC", field="windows"))

    def length(self, name: str) -> int | None:
        """How long, in seconds."""
        return self.tried(lambda: read_length(self._filled[name], name))

    def tried(self, read: Callable[[], Read]) -> Read | None:
        """What is read; None if it cannot be."""
        try:
            return read()
        except InvalidInputError as error:
            self._errors.extend(error.errors)
            return None

    def finish(self) -> None:
        """Say all that is wrong."""
        if self._errors:
            raise InvalidInputError(*self._errors)
