"""Alertmanager's configuration file as values, or what is wrong with it and where. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sentinel.errors import SentinelError
from sentinel.importing.alternatives import branches
from sentinel.importing.configuration import (
    Configuration,
    Grouping,
    Inhibition,
    Receiver,
    ReceiverConfig,
    Route,
    walk,
)
from sentinel.importing.interval_reading import schedules_of
from sentinel.importing.yaml_values import (
    items_of,
    load,
    mapping_of,
    name_of,
    refusal,
    seconds_of,
    text_of,
    texts_of,
    truth_of,
)
from sentinel.rules.matchers import Matcher, parse_many

CONFIGS = "_configs"
SECTIONS = ("global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates")
DURATIONS = {"group_wait": "wait", "group_interval": "interval", "repeat_interval": "repeat"}
MATCHERS = ("match", "match_re", "matchers")
ROUTE_KEYS = (
    *MATCHERS,
    *DURATIONS,
    "receiver",
    "group_by",
    "continue",
    "routes",
    "mute_time_intervals",
    "active_time_intervals",
)
SIDES = ("source_", "target_")
INHIBITION_KEYS = ("name", "equal", *(f"{side}{key}" for side in SIDES for key in MATCHERS))


def read(text: str, name: str) -> Configuration:
    """Read a file's text. Raises `SentinelError` that names the place."""
    found = load(text, name)
    if not isinstance(found, dict) or not {"route", "receivers"} <= found.keys():
        raise SentinelError(
            f"{name}: is no configuration that can be imported; Alertmanager's has `route:` and `receivers:`"
        )
    receivers = [_receiver(each, place) for place, each in items_of(found, "receivers")]
    _check_distinct(receivers)
    configuration = Configuration(
        route=_route(found["route"], "route", Grouping(), ""),
        receivers={each.name: each for each in receivers},
        inhibitions=tuple(_inhibitions(found)),
        intervals=dict(_intervals(found)),
        defaults=mapping_of(found.get("global"), "global"),
        templates=texts_of(found, "templates", "templates"),
        others=tuple(each for each in found if each not in SECTIONS),
    )
    _check_root(configuration.route)
    _check_names(configuration)
    return configuration


def _route(given: Any, place: str, inherited: Grouping, receiver: str) -> Route:
    found = mapping_of(given, place, ROUTE_KEYS)
    receiver = text_of(found, "receiver") or receiver
    grouping = _grouping(found, place, inherited)
    return Route(
        place=place,
        receiver=receiver,
        matchers=_matchers(found, place),
        continues=truth_of(found, "continue", place),
        grouping=grouping,
        mute=texts_of(found, "mute_time_intervals", place),
        active=texts_of(found, "active_time_intervals", place),
        routes=tuple(_route(each, below, grouping, receiver) for below, each in items_of(found, "routes", place)),
    )


def _grouping(found: Mapping[str, Any], place: str, inherited: Grouping) -> Grouping:
    """What a node says of groups; the rest is its parent's."""
    said: dict[str, Any] = {
        ours: seconds_of(found[key], f"{place}.{key}") for key, ours in DURATIONS.items() if text_of(found, key)
    }
    if by := texts_of(found, "group_by", place):
        said["by"] = by
    return replace(inherited, **said)


def _matchers(found: Mapping[str, Any], place: str, side: str = "") -> tuple[Matcher, ...]:
    """The matchers of all three forms."""
    texts, patterns = (mapping_of(found.get(f"{side}{key}"), f"{place}.{side}{key}") for key in ("match", "match_re"))
    matchers = [Matcher(name, text_of(texts, name)) for name in texts]
    matchers += [Matcher(name, text_of(patterns, name), is_regex=True) for name in patterns]
    for below, each in items_of(found, f"{side}matchers", place):
        matchers += _written(str(each), below)
    for matcher in matchers:
        _check_pattern(matcher, f"{place}.{side}matchers")
    return tuple(dict.fromkeys(matchers))


def _written(text: str, place: str) -> tuple[Matcher, ...]:
    try:
        return parse_many(text)
    except ValueError as error:
        raise refusal(place, text, str(error), 'write it like: severity="critical"') from None


def _check_pattern(matcher: Matcher, place: str) -> None:
    """Each branch of a pattern is one that RE2 takes; all together may be too much for one."""
    for branch in branches(matcher.value) if matcher.is_regex else ():
        if problem := replace(matcher, value=branch).problem():
            remedy = "the syntax is RE2's; shorten the pattern, or write two routes"
            raise refusal(place, str(matcher), f"has a pattern that is refused: {problem}", remedy)


def _receiver(given: Any, place: str) -> Receiver:
    found = mapping_of(given, place)
    name = name_of(found, place)
    kinds = [key for key in found if key.endswith(CONFIGS)]
    mapping_of(found, place, ("name", *kinds))
    configs = [
        ReceiverConfig(f"receivers.{name}.{key}.{number}", key.removesuffix(CONFIGS), mapping_of(each, below))
        for key in kinds
        for number, (below, each) in enumerate(items_of(found, key, place))
    ]
    return Receiver(name, tuple(configs))


def _check_distinct(receivers: Sequence[Receiver]) -> None:
    names: set[str] = set()
    for number, each in enumerate(receivers):
        if each.name in names:
            raise refusal(
                f"receivers.{number}.name", each.name, "is the name of another receiver", "rename one of them"
            )
        names.add(each.name)


def _inhibitions(found: Mapping[str, Any]) -> Iterator[Inhibition]:
    for number, (place, given) in enumerate(items_of(found, "inhibit_rules"), start=1):
        each = mapping_of(given, place, INHIBITION_KEYS)
        source, target = (_matchers(each, place, side) for side in SIDES)
        yield Inhibition(place, text_of(each, "name") or str(number), source, target, texts_of(each, "equal", place))


def _intervals(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section in ("mute_time_intervals", "time_intervals"):
        for place, given in items_of(found, section):
            each = mapping_of(given, place, ("name", "time_intervals"))
            yield name_of(each, place), schedules_of(each, place)


def _check_root(root: Route) -> None:
    if not root.receiver:
        raise refusal("route.receiver", None, "is missing", "name the receiver of alerts that no other route takes")
    for key, said in (("matchers", root.matchers), ("mute_time_intervals", root.mute), ("active", root.active)):
        if said:
            remedy = "move it into a route below"
            raise refusal(f"route.{key}", str(said[0]), "cannot stand at the top, which takes every alert", remedy)


def _check_names(configuration: Configuration) -> None:
    """Receivers and intervals that are named are there."""
    for route in walk(configuration.route):
        _check_known([route.receiver], configuration.receivers, f"{route.place}.receiver")
        _check_known(route.mute, configuration.intervals, f"{route.place}.mute_time_intervals")
        _check_known(route.active, configuration.intervals, f"{route.place}.active_time_intervals")


def _check_known(names: Sequence[str], known: Mapping[str, Any], place: str) -> None:
    for name in names:
        if name not in known:
            raise refusal(place, name, "is not defined in this file", f"known are: {', '.join(known) or 'none'}")
