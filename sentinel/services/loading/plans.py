"""What is to be offered: read, checked and bounded before anything waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.json_bounds import is_storable
from sentinel.load import made_up
from sentinel.load.made_up import LARGEST_SEED, AlertMix
from sentinel.load.plan import Plan, fitting_batch
from sentinel.load.shares import Shares, read_shares
from sentinel.settings import Settings

ALERTS, DEVICES = "alerts", "devices"
KINDS = (ALERTS, DEVICES)
MIXED = ("severity", "source", "name")
"""What alerts are drawn from; a distribution of each may be given."""

CONNECTIONS = 8
PATIENCE_SECONDS = 120.0
"""An API that is started anew is waited for, and one that stays away is not waited for for ever."""

USUAL = AlertMix()
LONGEST_SHARES = 1000
LONGEST_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Wish:
    """A load test as somebody asks for it; what is None was left out. `rate` is events per second."""

    kind: str = ALERTS
    rate: float | None = None
    seconds: float | None = None
    count: int | None = None
    burst: int | None = None
    seed: int | None = None
    severity: str | None = None
    source: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A load test that needs no thought: its title, what it shows, and the wish itself."""

    title: str
    purpose: str
    wish: Wish


PRESETS: dict[str, Preset] = {
    "steady": Preset("Steady", "50 alerts a second for a minute", Wish(rate=50, seconds=60)),
    "burst": Preset("Burst", "1,000 alerts at once", Wish(rate=1000, burst=1000, count=1000)),
    "devices": Preset(
        "Devices", "20 reports of devices a second for a minute", Wish(kind=DEVICES, rate=20, seconds=60)
    ),
    "platform": Preset(
        "Alerting platform",
        "320 alerts a second for 30 seconds, as many as two cores should take all day",
        Wish(rate=320, seconds=30),
    ),
    "fleet": Preset(
        "Fleet of devices",
        "a report every 5 seconds for 2 minutes, always the same ones (seed 1)",
        Wish(kind=DEVICES, rate=0.2, seconds=120, seed=1),
    ),
}


def checked(wish: Wish, settings: Settings) -> Plan:
    """Make a plan of a wish, or say everything that is wrong with it."""
    errors = [*_of_numbers(wish, settings), *_of_shares(wish)]
    if errors:
        raise InvalidInputError(*errors)
    rate = wish.rate or 1.0
    plan = Plan(rate, wish.seconds, wish.count, wish.burst or 1, fitting_batch(rate), CONNECTIONS)
    total, most = plan.total or 0, settings.load_test_max_events
    if total > most:
        remedy = f"at most {most} (SENTINEL_LOAD_TEST_MAX_EVENTS): a lower rate, a shorter time or a smaller count"
        raise InvalidInputError(
            FieldError("count", total, f"{total} events are more than a load test may have", remedy)
        )
    if total / rate > LONGEST_SECONDS:
        remedy = f"at most {LONGEST_SECONDS} seconds (a day): a higher rate, or a smaller count"
        raise InvalidInputError(FieldError("rate", rate, f"{total} events would take longer than a day", remedy))
    return plan


def _of_numbers(wish: Wish, settings: Settings) -> Iterator[FieldError]:
    if wish.kind not in KINDS:
        yield FieldError("kind", wish.kind, "is not known", f"one of: {', '.join(KINDS)}")
    if wish.rate is None or not 0 < wish.rate <= settings.load_test_max_rate:
        remedy = f"more than 0, at most {settings.load_test_max_rate} (SENTINEL_LOAD_TEST_MAX_RATE)"
        yield FieldError("rate", wish.rate, "is missing" if wish.rate is None else "is out of bounds", remedy)
    if wish.seconds is None and wish.count is None:
        yield FieldError("seconds", None, "is missing", "say how long it is to last, or how many events it is to have")
    if wish.seconds is not None and not 0 < wish.seconds <= LONGEST_SECONDS:  # nor is it nan
        remedy = f"a number of seconds above 0, at most {LONGEST_SECONDS} (a day)"
        yield FieldError("seconds", str(wish.seconds), "is out of bounds", remedy)
    for name, value in (("count", wish.count), ("burst", wish.burst)):
        if value is not None and not 1 <= value <= settings.load_test_max_events:
            yield FieldError(name, value, "is out of bounds", f"from 1 to {settings.load_test_max_events}")
    if wish.seed is not None and not 0 <= wish.seed <= LARGEST_SEED:
        yield FieldError("seed", wish.seed, "is out of bounds", f"from 0 to {LARGEST_SEED}, or leave it out")


def _of_shares(wish: Wish) -> Iterator[FieldError]:
    for name in MIXED:
        given = getattr(wish, name)
        if given is None:
            continue
        if wish.kind == DEVICES:
            yield FieldError(name, given, "means nothing for devices", "leave it out, or send alerts")
        elif len(given) > LONGEST_SHARES:
            yield FieldError(name, given[:80], "is too long", f"at most {LONGEST_SHARES} characters")
        elif not is_storable(given):
            yield FieldError(name, shown(given), "contains a NUL character, which cannot be stored", "remove it")
        else:
            try:
                read_shares(name, given)
            except InvalidInputError as error:
                yield from error.errors


def kept(wish: Wish, plan: Plan) -> dict[str, Any]:
    """What the row keeps of a plan: enough to make the same requests again."""
    mix = {name: given for name in MIXED if (given := getattr(wish, name)) is not None}
    return {"rate": plan.rate, "burst": plan.burst, "batch": plan.batch, "connections": plan.connections} | mix


def read_plan(kept_plan: Mapping[str, Any], total: int) -> Plan:
    """The plan of a row. Its end is a number of events and not a time: what an outage held up is offered after it."""
    return Plan(
        kept_plan["rate"],
        None,
        total,
        kept_plan["burst"],
        kept_plan["batch"],
        kept_plan["connections"],
        patience_seconds=PATIENCE_SECONDS,
        start_seconds=PATIENCE_SECONDS,
    )


def made(kind: str, seed: int, label: str, kept_plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Make the events of a row, the same ones each time."""
    if kind == DEVICES:
        return made_up.devices(seed, label)
    return made_up.alerts(seed, label, AlertMix(**{name: _shares(kept_plan, name) for name in MIXED}))


def _shares(kept_plan: Mapping[str, Any], name: str) -> Shares:
    given = kept_plan.get(name)
    usual: Shares = getattr(USUAL, name)
    return usual if given is None else read_shares(name, given)
