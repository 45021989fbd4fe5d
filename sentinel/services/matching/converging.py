"""Several rules or endpoints lead to one target, which gets one message: by whose terms. Pure.

Nothing may be kept back that one of them alone would tell, and the order in which they were made decides nothing that
they differ in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sentinel.rules.grouping import Grouping
from sentinel.rules.limits import GROUP_PATHS
from sentinel.services.quiet_hours import QuietHours

if TYPE_CHECKING:
    from sentinel.services.matching.fanout import Planned, SpeakingRule

Way = tuple["SpeakingRule", "Planned"]
"""A rule, and the message that it alone would make."""


def converge(message: Planned, ways: Sequence[Way], *, now: datetime) -> None:
    """Send the message by the endpoint that is left alone least, and in the group that tells most."""
    chosen = min((each for _, each in ways), key=lambda each: _reluctance(each.quiet_hours, message.severity, now))
    asking = [
        (group, rule, each.endpoint_id == chosen.endpoint_id)
        for rule, each in ways
        if (group := rule.syntax.options.group) is not None
    ]
    message.endpoint_id, message.quiet_hours = chosen.endpoint_id, chosen.quiet_hours
    message.grouping = chosen.grouping
    if asking:
        leading, rule, _ = min(asking, key=lambda each: _precedence(*each))
        message.grouping, message.grouped_by = _together(leading, [group for group, *_ in asking]), rule.id


def _reluctance(quiet_hours: QuietHours | None, severity: str | None, now: datetime) -> tuple[int, float]:
    """How little an endpoint wants to hear now: one without quiet hours comes before one that is only awake."""
    if quiet_hours is None:
        return 0, 0.0
    until = quiet_hours.holds_back(severity, now)
    if until is None:
        return 1, 0.0
    return 3 if quiet_hours.drops else 2, until.timestamp()


def _precedence(group: Grouping, rule: SpeakingRule, is_chosen: bool) -> tuple[Any, ...]:  # noqa: FBT001 - one of three
    """What leads here leads where it is alone, too: its endpoint, whether it tells ends; then the finer groups."""
    return (
        not is_chosen,
        not group.terms.says_resolved,
        -rule.syntax.options.priority,
        -GROUP_PATHS - 1 if group.is_each else -len(group.by),
        [tuple(map(str, path)) for path in group.by],
    )


def _together(leading: Grouping, groupings: Iterable[Grouping]) -> Grouping:
    """The groups of one by the terms of all: told as early and as often as any wants, and of ends if any does."""
    terms = [each.terms for each in groupings]
    return replace(
        leading,
        terms=replace(
            leading.terms,
            wait_seconds=min(each.wait_seconds for each in terms),
            interval_seconds=_shortest(each.interval_seconds for each in terms),
            repeat_seconds=_shortest(each.repeat_seconds for each in terms),
            pause_seconds=min(each.pause_seconds for each in terms),
            says_resolved=any(each.says_resolved for each in terms),
        ),
    )


def _shortest(seconds: Iterable[int | None]) -> int | None:
    return min((each for each in seconds if each is not None), default=None)
