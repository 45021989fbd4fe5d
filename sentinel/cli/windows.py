"""Windows as options of commands: days and hours in one text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.schedules.reading import read
from sentinel.schedules.schedule import Schedule


def read_windows(texts: Sequence[str], zone: str) -> Schedule | None:
    """Read `monday:friday 22:00-06:00`, days or hours or both; None where there is no window."""
    return read({"zone": zone, "intervals": list(map(_interval, texts))}, "window") if texts else None


def _interval(text: str) -> dict[str, Any]:
    """Words that begin with a digit are hours, all others days."""
    words = text.replace(",", " ").split()
    hours, days = [each for each in words if each[0].isdigit()], [each for each in words if not each[0].isdigit()]
    return {name: given for name, given in (("times", hours), ("weekdays", days)) if given}
