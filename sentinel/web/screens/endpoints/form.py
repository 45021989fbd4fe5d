"""An endpoint as its form has it: texts that are read strictly, and errors at the fields they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask import request

from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.models import Endpoint
from sentinel.rules.group_terms import EXAMPLE
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.endpoints import MESSAGES, STATUSES, Written
from sentinel.services.quiet_hours import HOLD, MODES, PASSES_FROM, SAMPLE
from sentinel.web import failover_rows
from sentinel.web.forms import errors_of, text
from sentinel.web.numbers import whole

Values = dict[str, str]

NO_SEVERITY = "none"
PASSING = (*SEVERITIES, NO_SEVERITY)
PURPOSES = (MESSAGES, STATUSES)
SAMPLE_WINDOWS = orjson.dumps(SAMPLE["windows"], option=orjson.OPT_INDENT_2).decode()

FIELDS = {
    "quiet_hours": "quiet_windows",
    "grouping": "grouping",
    "failover": failover_rows.FIELD,
}
"""Parts of an endpoint, and the field of the form that shows what is wrong within them."""
PLAIN = ("client", "channel", "target", "name", "purpose", "rule_id", "user_id", "template", "secret")
SHOWN = frozenset({*PLAIN, *FIELDS.values(), "quiet_mode", "quiet_passes_from"})
"""Fields that show their own errors; others stand above the form."""


def new_values(client: str) -> Values:
    """An empty form."""
    return {"client": client, "channel": CHANNELS[0], "purpose": MESSAGES, "is_enabled": "on", **_quiet_values(None)}


def values_of(found: Endpoint, client: str) -> Values:
    """The form of an endpoint as it is."""
    plain = ("channel", "target", "name", "purpose", "rule_id", "user_id", "template", "version")
    values = {name: str(value) for name in plain if (value := getattr(found, name)) is not None}
    values |= {"client": client, "is_enabled": "on" if found.is_enabled else ""}
    values |= _quiet_values(found.quiet_hours)
    values["grouping"] = "" if found.grouping is None else _as_json(found.grouping)
    return values | failover_rows.values_of(found.failover or ())


def values_sent() -> Values:
    """The form as it was sent."""
    return {name: text(name).replace("\0", "") for name in request.form if name != "csrf_token"}


def written_of(values: Mapping[str, str]) -> Written:
    """Read a form. Raises `InvalidInputError`; what the fields mean is judged by the service."""
    return Written(
        channel=values.get("channel", ""),
        target=values.get("target", ""),
        name=values.get("name") or None,
        rule_id=_number("rule_id", values.get("rule_id", "")),
        user_id=values.get("user_id") or None,
        template=values.get("template") or None,
        is_enabled=bool(values.get("is_enabled")),
        secret=values.get("secret") or None,
        failover=tuple(failover_rows.targets_of(values)),
        purpose=_chosen("purpose", values.get("purpose", MESSAGES), PURPOSES),
        quiet_hours=_quiet_hours(values),
        grouping=_object("grouping", values.get("grouping", ""), EXAMPLE),
    )


def errors_at_fields(error: InvalidInputError) -> dict[str, str]:
    """What is wrong, at the fields of the form; a part of a field is named before its words."""
    found: dict[str, str] = {}
    for name, words in errors_of(error).items():
        part, _, rest = name.partition(".")
        field = FIELDS.get(part, name)
        found.setdefault(field, f"{rest or part} {words}" if field in FIELDS.values() and rest else words)
    return found


def _quiet_values(found: Mapping[str, Any] | None) -> Values:
    if found is None:
        return {"quiet_windows": "", "quiet_mode": HOLD, "quiet_passes_from": PASSES_FROM}
    return {
        "quiet_windows": _as_json(found["windows"]),
        "quiet_mode": found["mode"],
        "quiet_passes_from": found["passes_from"] or NO_SEVERITY,
    }


def _as_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _quiet_hours(values: Mapping[str, str]) -> dict[str, Any] | None:
    windows = _object("quiet_windows", values.get("quiet_windows", ""), SAMPLE_WINDOWS)
    if windows is None:
        return None
    passes = _chosen("quiet_passes_from", values.get("quiet_passes_from", PASSES_FROM), PASSING)
    return {
        "windows": windows,
        "mode": _chosen("quiet_mode", values.get("quiet_mode", HOLD), MODES),
        "passes_from": None if passes == NO_SEVERITY else passes,
    }


def _number(field: str, written: str) -> int | None:
    if not written:
        return None
    found = whole(written)
    if not found:
        raise InvalidInputError(FieldError(field, shown(written), "is no number of a rule", "write it like 12"))
    return found


def _chosen(field: str, written: str, words: Iterable[str]) -> str:
    if written not in words:
        remedy = f"use one of: {', '.join(words)}"
        raise InvalidInputError(FieldError(field, shown(written), "is not among the choices", remedy))
    return written


def _object(field: str, written: str, example: str) -> dict[str, Any] | None:
    """The JSON object that somebody wrote; None where nothing is written."""
    if not written:
        return None
    remedy = f"write it like {' '.join(example.split())}, or leave it empty"
    try:
        found = orjson.loads(written)
    except orjson.JSONDecodeError as error:
        message = f"is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidInputError(FieldError(field, shown(written), message, remedy)) from None
    if not isinstance(found, dict):
        raise InvalidInputError(FieldError(field, shown(written), "is no JSON object", remedy))
    return found
