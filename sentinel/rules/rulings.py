"""What becomes of a match when more than the event decides: windows, `for`, `keep` and `throttle`. The words for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sentinel.rules.fields import Reader, reader
from sentinel.rules.syntax import Every, Field, Path, RuleSyntax, Term, Window, nodes
from sentinel.rules.windows import split

LATENESS_SECONDS = 60
"""How much later than the newest of its group an event may come and still be judged with it."""
GROUPS = 10_000
"""Most groups that one window, clock or throttle of a rule keeps apart."""
SHOWN_CHARACTERS = 200
CACHED_PLANS = 10_000


class Ruling(StrEnum):
    """Whether a rule speaks."""

    FIRES = "fires"
    WAITING = "waiting"
    """A window is not reached, or it has not been true for long enough, or the rule has spoken of this already."""
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How often a throttle has held a rule back since it last spoke, and when that was."""

    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Ruled:
    """A ruling; of a rule that speaks again after its throttle has held it back, with what that was."""

    ruling: Ruling
    held_back: HeldBack | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An event that satisfies what one event answers of a rule (`windows.split(condition).rest`).

    Not `holds`: it belongs to the rule's groups and does not satisfy it, so that clocks start again.
    """

    rule_id: int
    version: int
    syntax: RuleSyntax
    event_id: str
    event: Mapping[str, Any]
    at: datetime
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A rule that speaks because time has passed: the values of its group, since when, and the last event of the group.

    `held_back` is as with `Ruled`; `token` is for whoever keeps the state.
    """

    rule_id: int
    version: int
    group: tuple[Any, ...]
    since: datetime
    event_id: str
    held_back: HeldBack | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """Fires once per episode, when the condition has been true for `hold_seconds`; `absent`: when no event came."""

    by: tuple[Path, ...]
    hold_seconds: int
    keep_seconds: int = 0
    is_absent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked about a hit, in this order."""

    windows: tuple[Window, ...]
    clock: Clock | None
    throttle: Every | None


@lru_cache(maxsize=CACHED_PLANS)
def plan(syntax: RuleSyntax) -> Plan:
    """What a rule asks besides the event."""
    windows = split(syntax.condition).windows
    absent = next((each for each in windows if each.kind == "absent"), None)
    others = tuple(each for each in windows if each is not absent)
    return Plan(others, _clock(syntax, absent), syntax.options.throttle)


def is_stateful(syntax: RuleSyntax) -> bool:
    """Whether more than the event decides."""
    return plan(syntax) != Plan((), None, None)


def _clock(syntax: RuleSyntax, absent: Window | None) -> Clock | None:
    options = syntax.options
    if absent is not None:
        return Clock(absent.by, (absent.seconds or 0) + (options.hold_seconds or 0), is_absent=True)
    if options.hold_seconds is None and options.keep_seconds is None:
        return None
    return Clock(options.hold_by, options.hold_seconds or 0, options.keep_seconds or 0)


def contradicts(syntax: RuleSyntax, event: Mapping[str, Any]) -> bool:
    """Whether an event that does not match a rule speaks against it: it has every field that the rule asks for."""
    return all(read(event) is not None for read in _readers(syntax))


@lru_cache(maxsize=CACHED_PLANS)
def _readers(syntax: RuleSyntax) -> tuple[Reader, ...]:
    fields = {node.field for node, _ in nodes(syntax.condition) if isinstance(node, Term)}
    return tuple(reader(each) for each in fields)


def group_of(by: tuple[Path, ...], event: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values under `by`, short enough to be shown; None where the event has none."""
    return tuple(_shown(reader(Field(path))(event)) for path in by)


def value_key(value: str | float) -> str:
    """A short text, equal for equal values only: 1 and 1.0 are, true and 1 are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return short(json.dumps(value))


def short(text: str) -> str:
    """A text of bounded length in place of `text`."""
    return text if len(text) <= 2 * 16 else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def milliseconds(at: datetime) -> int:
    """A moment as rulings count: whole milliseconds."""
    return int(at.timestamp() * 1000)


def moment(at: int) -> datetime:
    """The moment of so many milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value[:SHOWN_CHARACTERS]
    return None if isinstance(value, list | dict) else value
