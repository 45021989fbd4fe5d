"""Which group an event belongs to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.rules.alerts import SpokenAlert
from sentinel.rules.fields import reader
from sentinel.rules.grouping import Grouping
from sentinel.rules.printer import path_text
from sentinel.rules.syntax import Field
from sentinel.rules.windows import group_key_of


def key_of(grouping: Grouping, event: Mapping[str, Any], spoken: SpokenAlert | None, event_id: str) -> str:
    """What events of one group have in common, as text. Alone (`by *`) is each alert, and what speaks of none."""
    if grouping.is_each:
        return event_id if spoken is None else spoken.key
    return group_key_of(grouping.by, event)


def labels_of(grouping: Grouping, event: Mapping[str, Any]) -> dict[str, Any]:
    """The same for people: values by their paths, without those that the event lacks."""
    found = {path_text(path): reader(Field(path))(event) for path in grouping.by}
    return {name: value for name, value in found.items() if value is not None}
