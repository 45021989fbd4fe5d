"""From Alertmanager's configuration to the plan: endpoints of receivers, rules of routes, what is lost. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sentinel.importing.configuration import EACH_ALERT, Configuration, Route
from sentinel.importing.naming import LONGEST_ENDPOINT, distinct, fitting
from sentinel.importing.plan import Plan, PlannedEndpoint
from sentinel.importing.receivers import Carried, Target, carried, surroundings
from sentinel.importing.remarks import Remark, loss
from sentinel.importing.routes import NEVER, Node, exactly, nodes
from sentinel.importing.rules import Told, Unwritten, written
from sentinel.importing.times import UntoldError, quiet_times
from sentinel.rules import limits
from sentinel.rules.syntax import Condition
from sentinel.schedules.schedule import Schedule

MADE_BY_SETTINGS = {
    "smtp_": ("how mails are sent", "set SMTP_HOST and its neighbours, or SENDGRID_API_KEY"),
    "resolve_timeout": ("resolve_timeout", "set SENTINEL_ALERT_RESOLVE_SECONDS"),
}
"""Beginnings of `global` keys: what they say, and where Sentinel is told it."""

WAYS = dict[str, list[tuple[str, Carried]]]
"""By receiver: its configs' kinds, and what they become."""


def planned(
    configuration: Configuration, prefix: str, *, now: datetime, known: Mapping[str, Target] = MappingProxyType({})
) -> Plan:
    """Plan what a client has to get. Targets of endpoints that it has, by their names, keep these."""
    plan = Plan(prefix, remarks=list(_settings(configuration)))
    _plan_inhibitions(configuration, plan)
    reached = list(_reached(configuration.route, plan))
    plan.remarks += dict.fromkeys(each for node, _ in reached for each in _ungrouped(node))
    ways = _ways(configuration, {node.route.receiver for node, _ in reached}, plan)
    told = []
    for node, condition in reached:
        quiet = _quiet(node.route, configuration, now, plan)
        endpoints = list(_endpoints(node.route, ways[node.route.receiver], quiet, prefix, known))
        plan.endpoints |= {each.name: each for each in endpoints}
        is_nobody = not configuration.receivers[node.route.receiver].configs
        told.append(Told(node, condition, endpoints, is_nobody=is_nobody))
    found = written(told, prefix)
    plan.rules, plan.is_ordered = found.rules, found.is_ordered
    plan.remarks += map(_unwritten, found.unwritten)
    return plan


def _plan_inhibitions(configuration: Configuration, plan: Plan) -> None:
    """Those that ask for something on either side; one that does not speaks of all alerts."""
    for each in configuration.inhibitions:
        problems = [problem for matcher in (*each.source, *each.target) if (problem := matcher.problem())]
        if not each.source or not each.target:
            problems.append("an inhibition needs matchers of its source and of its target")
        if problems:
            plan.remarks.append(loss(each.place, problems[0], "give it matchers that say which alerts are meant"))
        else:
            name = distinct(f"{plan.prefix}: {each.name}", plan.inhibitions, LONGEST_ENDPOINT)
            plan.inhibitions[name] = each


def _reached(root: Route, plan: Plan) -> Iterator[tuple[Node, Condition]]:
    """The nodes that alerts can reach, and when they do."""
    for node in nodes(root):
        condition = exactly(node)
        if condition == NEVER:
            plan.remarks.append(_unreached(node))
        else:
            yield node, condition


def _ways(configuration: Configuration, reached: set[str], plan: Plan) -> WAYS:
    """What becomes of the receivers that alerts reach."""
    configs = [config for receiver in configuration.receivers.values() for config in receiver.configs]
    around = surroundings(configuration.defaults, configs)
    ways: WAYS = {}
    for name, receiver in configuration.receivers.items():
        if name not in reached:
            plan.remarks.append(Remark(f"receivers.{name}", "no alert reaches it", "nothing is made of it"))
            continue
        ways[name] = [(each.kind, carried(each, around)) for each in receiver.configs]
        plan.remarks += [remark for _, way in ways[name] for remark in way.remarks]
    return ways


def _quiet(route: Route, configuration: Configuration, now: datetime, plan: Plan) -> Schedule | None:
    try:
        return quiet_times(route, configuration, now)
    except UntoldError as error:
        remedy = "simplify the intervals, or give the endpoint quiet hours by hand"
        plan.remarks.append(loss(route.place, f"its time intervals are left out: {error}", remedy))
        return None


def _endpoints(
    route: Route,
    ways: Sequence[tuple[str, Carried]],
    quiet: Schedule | None,
    prefix: str,
    known: Mapping[str, Target],
) -> Iterator[PlannedEndpoint]:
    """The endpoints of a route's receiver; a route that is quiet at times has its own."""
    by_kind: dict[str, list[tuple[Target, bool]]] = defaultdict(list)
    for kind, way in ways:
        by_kind[kind] += ((target, way.tells_resolved) for target in way.targets)
    for kind, found in by_kind.items():
        start = f"{prefix}: {route.receiver}/{kind}"
        names = _names(start, _times(route, quiet), [target for target, _ in found], known)
        for name, ((channel, target), tells_resolved) in zip(names, found, strict=True):
            yield PlannedEndpoint(name, channel, target, quiet, tells_resolved)


def _names(start: str, end: str, targets: Sequence[Target], known: Mapping[str, Target]) -> list[str]:
    """Names by number; a target that has one of them keeps it, so that what people have added stays with it."""
    count = len(targets) + sum(each.startswith(start) for each in known)
    names = [
        fitting(f"{start}{f' {number}' if number > 1 else ''}{end}", LONGEST_ENDPOINT) for number in range(1, count + 1)
    ]
    held = {known[name]: name for name in reversed(names) if known.get(name) in targets}
    free = iter([name for name in names if name not in held.values()])
    return [held.pop(each, "") or next(free) for each in targets]


def _times(route: Route, quiet: Schedule | None) -> str:
    if quiet is None:
        return ""
    words = [f"not {name}" for name in sorted(route.mute)]
    if route.active:
        words.append(f"only {' or '.join(sorted(route.active))}")
    return f" ({', '.join(words)})"


def _unreached(node: Node) -> Remark:
    what = f"no alert reaches it as {node.name}: the routes before it or below it take them all"
    return Remark(node.route.place, what, "nothing is made of it")


def _ungrouped(node: Node) -> Iterator[Remark]:
    """Labels that a group has no room for, where the file names them: below it they are inherited."""
    by = node.route.grouping.by
    if EACH_ALERT not in by and len(by) > limits.GROUP_PATHS:
        place = next(each.place for each in node.path if each.grouping.by == by)
        others = ", ".join(by[limits.GROUP_PATHS :])
        what = f"a group is told apart by {limits.GROUP_PATHS} labels at most, so {others} are left out"
        yield loss(f"{place}.group_by", what, "name fewer labels, or '...' for each alert by itself")


def _unwritten(each: Unwritten) -> Remark:
    what = f"no rule can say when alerts reach {each.node.route.receiver} by it: {each.why}"
    return loss(each.node.route.place, what, "write the route with fewer or shorter matchers")


def _settings(configuration: Configuration) -> Iterator[Remark]:
    """What a file says for all receivers, and what Sentinel is told elsewhere."""
    for beginning, (what, remedy) in MADE_BY_SETTINGS.items():
        if any(key.startswith(beginning) for key in configuration.defaults):
            yield Remark("global", f"{what} is set for all of Sentinel", remedy)
    if configuration.templates:
        yield Remark("templates", "templates of Go are not carried over", "word messages with templates of Sentinel")
    for each in configuration.others:
        yield Remark(each, "is not known to Sentinel", "see whether something depends on it")
