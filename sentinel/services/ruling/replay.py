"""A rule over the stored events of the last hours: how often it would have spoken, when, and to whom."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sentinel.ids import first_id
from sentinel.models.status import Reason
from sentinel.queries import rules as queries
from sentinel.queries.rules import HeardEvent
from sentinel.rules.alerts import spoken_of
from sentinel.rules.conditions import predicate
from sentinel.rules.group_keys import key_of
from sentinel.rules.grouping import Grouping
from sentinel.rules.rulings import Hit, Ruling, contradicts, plan
from sentinel.rules.simulation import Simulation
from sentinel.rules.windows import group_key_of, split
from sentinel.services.matching import fanout
from sentinel.services.matching.fanout import Planned
from sentinel.services.ruling.live_rules import LiveRule
from sentinel.services.ruling.rule_trial import directory
from sentinel.services.unit_of_work import UnitOfWork

LONGEST_HOURS = 168
MOST_EVENTS = 200_000
PAGE = 5000
HOUR = timedelta(hours=1)

MOST_EXAMPLES = 5

LOOKS_PER_WAIT = 60
"""How often clocks are looked at in the time that one of them runs; at every event it would cost more than the rest."""


@dataclass(frozen=True, slots=True)
class HourCount:
    """An hour, from its beginning: for how many events the condition holds, and how often the rule speaks."""

    hour: datetime
    matched: int
    fired: int


@dataclass(frozen=True, slots=True)
class TargetCount:
    """How many messages one target would have had; `reason` says why they would not have been sent.

    `groups`: in how many groups they would have waited for each other; None: each would have gone alone.
    """

    channel: str
    recipient: str
    count: int
    reason: str | None
    groups: int | None


@dataclass(frozen=True, slots=True)
class Example:
    """An event at which the rule would have spoken."""

    event_id: str
    created_at: datetime
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay. `is_cut`: there are more events, of which the newest were taken.

    `examples`: the newest events at which the rule would have spoken; what a clock says, no event has said.
    """

    since: datetime
    until: datetime
    events: int
    is_cut: bool
    matched: int
    fired: int
    duplicates: int
    tickets: int
    targets: list[TargetCount]
    hours: list[HourCount]
    examples: list[Example]


def replay(uow: UnitOfWork, rule: LiveRule, *, hours: int, most: int = MOST_EVENTS) -> Replay:
    """Run a rule, and it alone, over what its client has heard in the last `hours`."""
    since = uow.now - timedelta(hours=hours)
    start, is_cut = queries.newest_heard(uow.session, rule.client_id, first_id(since), most=most)
    follows = fanout.plan({}, [rule], directory(uow, rule), now=uow.now)
    run = Run(rule, {each.grouping for each in follows.messages if each.grouping is not None})
    for event in queries.heard_events(uow.session, rule.client_id, start, size=PAGE):
        run.look_at(event)
    run.end(uow.now)
    fired = run.fired.total()
    return Replay(
        since,
        uow.now,
        run.events,
        is_cut,
        run.matched.total(),
        fired,
        run.duplicates,
        fired * len(follows.tickets),
        [_target(each, fired - run.duplicates, run) for each in follows.messages],
        _by_hour(run, since, uow.now),
        [Example(each.id, each.created_at, each.body) for each in reversed(run.newest)],
    )


class Run:
    """A rule on its way through events, in the order in which they came."""

    def __init__(self, rule: LiveRule, groupings: Collection[Grouping] = ()) -> None:
        self.events = 0
        self.duplicates = 0
        self.matched: Counter[datetime] = Counter()
        self.fired: Counter[datetime] = Counter()
        self.groups: dict[Grouping, set[str]] = {each: set() for each in groupings}
        self.newest: deque[HeardEvent] = deque(maxlen=MOST_EXAMPLES)
        self._rule = rule
        self._clock = plan(rule.syntax).clock
        self._holds = predicate(split(rule.syntax.condition).rest)
        self._simulation = Simulation()
        self._next_look: datetime | None = None
        self._held_back: dict[str, datetime] = {}

    def look_at(self, event: HeardEvent) -> None:
        """Ask the rule about one event."""
        self.events += 1
        self._look_at_clocks(event.occurred_at)
        holds = self._holds(event.body)
        if holds:
            self.matched[_hour(event.created_at)] += 1
        if self._decide(event, holds=holds) if self._rule.is_stateful else holds:
            self._fire(event)

    def end(self, now: datetime) -> None:
        """Let the clocks run to the present."""
        for due in self._simulation.due(now):
            self.fired[_hour(self._time_of(due.since))] += 1

    def _decide(self, event: HeardEvent, *, holds: bool) -> bool:
        """Ask windows, clock and throttle. A clock also hears of events that have its fields and do not match."""
        if not holds and (self._clock is None or not contradicts(self._rule.syntax, event.body)):
            return False
        rule = self._rule
        hit = Hit(rule.id, rule.version, rule.syntax, event.id, event.body, event.occurred_at, holds=holds)
        return self._simulation.decide([hit])[0].ruling is Ruling.FIRES

    def _look_at_clocks(self, at: datetime) -> None:
        if self._clock is None or (self._next_look is not None and at < self._next_look):
            return
        self.end(at)
        self._next_look = at + timedelta(seconds=max(1, self._clock.hold_seconds / LOOKS_PER_WAIT))

    def _time_of(self, since: datetime) -> datetime:
        return since + timedelta(seconds=self._clock.hold_seconds if self._clock else 0)

    def _fire(self, event: HeardEvent) -> None:
        at = event.created_at
        self.fired[_hour(at)] += 1
        self.newest.append(event)
        for grouping, keys in self.groups.items():
            keys.add(key_of(grouping, event.body, spoken_of(event.body), event.id))
        dedupe = self._rule.syntax.options.dedupe
        if dedupe is None:
            return
        key = group_key_of(dedupe.by, event.body)
        if at < self._held_back.get(key, at):
            self.duplicates += 1
        else:
            self._held_back[key] = at + timedelta(seconds=dedupe.seconds)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _by_hour(run: Run, since: datetime, until: datetime) -> list[HourCount]:
    """Every hour of the time, also those in which nothing happened."""
    first, last = _hour(since), _hour(until)
    hours = [first + number * HOUR for number in range((last - first) // HOUR + 1)]
    return [HourCount(each, run.matched[each], run.fired[each]) for each in hours]


def _target(message: Planned, count: int, run: Run) -> TargetCount:
    reason = Reason.NO_ENDPOINT if message.is_missing else None
    groups = None if message.grouping is None else len(run.groups[message.grouping])
    return TargetCount(message.channel, message.recipient, count, reason, groups)
