"""How pages say numbers, times and states."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from flask import Flask
from markupsafe import Markup, escape

from sentinel.clock import utc_now
from sentinel.durations import told

CODE = re.compile(r"`([^`]+)`")
NOTHING = "\N{EN DASH}"

TONES = {
    "good": {
        "SENT",
        "DELIVERED",
        "MATCHED",
        "OK",
        "closed",
        "resolved",
        "active",
        "up",
        "online",
        "passed",
        "finished",
        "done",
        "on",
    },
    "waiting": {
        "PENDING",
        "SENDING",
        "RETRYING",
        "AMBIGUOUS",
        "acknowledged",
        "half_open",
        "new",
        "scheduled",
        "running",
        "waiting",
    },
    "bad": {"FAILED", "UNDELIVERED", "open", "down", "offline", "failed", "not configured"},
}
"""What a status is to somebody who looks: all others are neither good nor bad, and wait for nothing."""


def number(value: float | None) -> str:
    """`1234567` as `1,234,567`; nothing as a dash."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def moment(at: datetime | None) -> str:
    """A time to the second, in UTC, without the date if that is today's."""
    if at is None:
        return NOTHING
    at = at.astimezone(UTC)
    return at.strftime("%H:%M:%S" if at.date() == utc_now().date() else "%Y-%m-%d %H:%M:%S")


def seconds(length: float | timedelta | None) -> str:
    """A duration in at most two of its parts; nothing as a dash."""
    return NOTHING if length is None else told(length)


def ago(at: datetime | None) -> str:
    """How long since a moment, or until it: `3 min ago`, `in 2 h`."""
    if at is None:
        return "never"
    gone = (utc_now() - at).total_seconds()
    if abs(gone) < 1:
        return "now"
    said = seconds(abs(round(gone)))
    return f"{said} ago" if gone > 0 else f"in {said}"


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()


def coded(text: str) -> Markup:
    """Words between `backticks`, as our messages have them, as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def tone(status: str) -> str:
    """Whether a status is `good`, `waiting`, `bad`, or `quiet`: nothing to look at."""
    return next((name for name, statuses in TONES.items() if status in statuses), "quiet")


def install_words(app: Flask) -> None:
    """Let templates say all this."""
    for word in (number, moment, seconds, ago, pretty, coded, tone):
        app.add_template_filter(word)
