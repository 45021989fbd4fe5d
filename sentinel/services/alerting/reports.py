"""What somebody reports of an alert, read as Alertmanager reads it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sentinel.errors import FieldError, InvalidInputError, shown

FNV_OFFSET, FNV_PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
SEPARATOR = b"\xff"
REMEMBERED = 10_000
"""Fingerprints that are kept: the same alerts come again each minute."""
LONGEST_REMEMBERED = 4096
"""Most characters of labels that are kept for that; alerts have some hundred."""

MOST_LABELS = 200
LONGEST_URL = 8192
TIME_REMEDY = 'write it as RFC 3339 has it, "2026-11-20T18:00:00Z", or leave it out'
ZERO_YEAR = 1
"""Go writes a time that is not set as the first moment of the year 1."""


@dataclass(frozen=True, slots=True)
class Report:
    """An alert as it was reported. `is_open_ended`: nobody said when it ends."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str
    starts_at: datetime
    ends_at: datetime
    is_open_ended: bool


def check(item: Any, *, now: datetime, resolve_after: timedelta) -> Report:
    """Read one alert, or say what is wrong with it. Times that are missing are set as Alertmanager does."""
    if type(item) is not dict:
        raise InvalidInputError(FieldError("", shown(item), "is not an object", "send an object with `labels`"))
    errors: list[FieldError] = []
    labels, annotations = _texts(item, "labels", errors), _texts(item, "annotations", errors)
    starts_at, ends_at = _moment(item, "startsAt", errors), _moment(item, "endsAt", errors)
    url = _url(item, errors)
    if not labels and not errors:
        errors.append(FieldError("labels", {}, "are none", 'give at least one, for example "alertname"'))
    begin, end = starts_at or ends_at or now, ends_at or now + resolve_after
    if ends_at is not None and begin > end:
        errors.append(FieldError("endsAt", item["endsAt"], "lies before startsAt", "choose a later time"))
    if errors:
        raise InvalidInputError(*errors)
    found = fingerprint(tuple(sorted(labels.items())))
    return Report(found, labels, annotations, url, begin, end, is_open_ended=ends_at is None)


def fingerprint(labels: tuple[tuple[str, str], ...]) -> str:
    """Alertmanager's own: FNV-1a of 64 bits over names and values in order, each followed by a byte 255."""
    is_usual = sum(len(text) for label in labels for text in label) <= LONGEST_REMEMBERED
    return _remembered(labels) if is_usual else _hashed(labels)


def _hashed(labels: tuple[tuple[str, str], ...]) -> str:
    found = FNV_OFFSET
    for byte in b"".join(text.encode() + SEPARATOR for label in labels for text in label):
        found = (found ^ byte) * FNV_PRIME & MASK
    return f"{found:016x}"


_remembered = lru_cache(maxsize=REMEMBERED)(_hashed)


def _texts(item: Mapping[str, Any], name: str, errors: list[FieldError]) -> dict[str, str]:
    """Names and texts; one that is empty is as good as none."""
    given = item.get(name)
    if given is None:
        return {}
    if type(given) is not dict or len(given) > MOST_LABELS:
        errors.append(FieldError(name, shown(given), "cannot be kept", f"send an object of up to {MOST_LABELS} texts"))
        return {}
    for key, value in given.items():
        if type(value) is not str:
            errors.append(FieldError(f"{name}.{key}", shown(value), "is not a text", "put it in quotes"))
        elif not key or "\0" in key or "\0" in value:
            errors.append(FieldError(f"{name}.{key}", shown(value), "has no name or a NUL character", "leave it out"))
    return {key: value for key, value in given.items() if value} if not errors else {}


def _url(item: Mapping[str, Any], errors: list[FieldError]) -> str:
    url = item.get("generatorURL") or ""
    if type(url) is not str or len(url) > LONGEST_URL or "\0" in url:
        errors.append(FieldError("generatorURL", shown(url), "is no address", "send a URL as text, or leave it out"))
        return ""
    return url


def _moment(item: Mapping[str, Any], name: str, errors: list[FieldError]) -> datetime | None:
    try:
        return read_moment(item.get(name))
    except ValueError:
        errors.append(FieldError(name, shown(item[name]), "is not a time", TIME_REMEDY))
        return None


def read_moment(value: Any) -> datetime | None:
    """Read RFC 3339; None where there is none, or Go's zero. Raises ValueError."""
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise ValueError("not a text")
    moment = datetime.fromisoformat(value.upper())
    if moment.tzinfo is None:
        raise ValueError("no offset")
    if moment.year == ZERO_YEAR:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the calendar") from None
