"""How messages about alerts are gathered, and when a group is told: as rules and endpoints say it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.rules.syntax import Path

WAIT_SECONDS = 30
INTERVAL_SECONDS = 5 * 60
REPEAT_SECONDS = 4 * 60 * 60
FLAP_CHANGES = 5
FLAP_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class Terms:
    """When a group is told. The first three are Alertmanager's `group_wait`, `group_interval`, `repeat_interval`."""

    wait_seconds: int = WAIT_SECONDS
    interval_seconds: int | None = INTERVAL_SECONDS
    """None: the group is told once, and is over."""
    repeat_seconds: int | None = REPEAT_SECONDS
    """None: never again, unless something changes."""
    pause_seconds: int = 0
    """An alert that is over before it has lasted so long is told to nobody."""
    says_resolved: bool = True
    flap_changes: int = FLAP_CHANGES
    """An alert that changes more often than that within `flap_seconds` flaps; 0: none does."""
    flap_seconds: int = FLAP_SECONDS


ONCE = Terms(wait_seconds=0, interval_seconds=None, repeat_seconds=None, flap_changes=0)
"""Of what is held for another reason than to be grouped: told once, when that reason is gone."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """`group by labels.cluster wait 30s`: which messages belong together, and when they are told."""

    by: tuple[Path, ...] = ()
    is_each: bool = False
    """`by *`: each alert is a group by itself."""
    terms: Terms = Terms()
