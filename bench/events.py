"""Events through rules to signed webhooks, beside Prometheus' Alertmanager with one route and with as many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from bench.alertmanager import HINT, binary, configuration, one_route, version
from bench.alerts import RULES_EACH
from bench.contest import Engine, Load, Measured, measure, middle
from bench.context import Context
from bench.costs import OTHERS, OTHERS_NOTE, cost_table
from bench.cpu import Usage
from bench.engines import PIPELINE, Ours, peer, sentinel
from bench.figures import Cell, Figures, Line, Plot, Table
from bench.memory import pss_mib
from bench.receiver import Receiver, receiving
from bench.sampling import per_second
from bench.tolls import Toll, toll_table, tolls
from bench.verdicts import Peer, Verdict

ROUNDS = 3
SENDERS = 2
"""A worker is one process and sends on one core; the peer has both."""

WARM_UP = 4000
PIECE = 0.25
"""Seconds of one point in the plots: a round is short."""
SHORTER = 0.5
"""A round takes half of a usual measurement: there are three of each."""

FEW, MANY = 1, 100
"""Clients, each with 288 rules."""

OURS, SANDBOX, ONE_ROUTE, THEIRS = "Sentinel", "Sentinel, sandbox", "Alertmanager, one route", "Alertmanager"
EACH_SECOND: Mapping[tuple[str, int], int] = {
    (OURS, FEW): 4000,
    (OURS, MANY): 4000,
    (SANDBOX, MANY): 5000,
    (ONE_ROUTE, MANY): 5000,
    (THEIRS, FEW): 5000,
    (THEIRS, MANY): 800,
}
"""How many events to offer for each second that a round should take."""

SIZE = {OURS: 500, SANDBOX: 500, ONE_ROUTE: 128, THEIRS: 128}
"""Events in a request: what each is best at."""

WANTED_OF_ONE_ROUTE, WANTED_OF_MANY, WANTED_SANDBOX, WANTED_FLAT = 1, 5, 6000, 0.9
Contest = tuple[str, int]
Contestant = Callable[[], AbstractContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class Loading:
    """What it takes until a worker knows rules that were stored while it ran."""

    rules: int
    first_ms: float
    before_mib: float
    after_mib: float
    toll: Toll


def run(context: Context) -> Figures:
    """Measure both with the rules of one client and of a hundred; rounds alternate, and each figure is their median."""
    found: dict[Contest, Measured] = {}
    loadings: list[Loading] = []
    with receiving() as receiver:
        for clients in (FEW, MANY):
            with sentinel(context, receiver, clients, name=f"events_{clients}", senders=SENDERS) as ours:
                loadings.append(loading(ours, receiver, clients))
                found |= rounds(context, receiver, clients, contestants(context, ours, receiver, clients))
                if clients == MANY:
                    ours.send_to_sandbox()
                    found |= rounds(context, receiver, clients, {SANDBOX: lambda: nullcontext(ours)})
    taken = toll_table({f"event, {each.rules} rules": (each.toll, WARM_UP) for each in loadings})
    tables = (comparison(found), _costs(found), taken, _loadings(loadings))
    return Figures(tables, plots=plots(found), verdicts=verdicts(found))


def contestants(context: Context, ours: Ours, receiver: Receiver, clients: int) -> dict[str, Contestant]:
    """Who is measured with the rules of so many clients; Alertmanager where it is installed."""
    found: dict[str, Contestant] = {OURS: lambda: nullcontext(ours)}
    if binary() is not None:
        if clients == MANY:
            found[ONE_ROUTE] = lambda: peer(context, one_route(receiver.url))
        found[THEIRS] = lambda: peer(context, configuration(clients, receiver.url))
    return found


def loading(ours: Ours, receiver: Receiver, clients: int) -> Loading:
    """Post the first event, for which the worker has to load the rules, and then some to fill pools and caches."""
    pid = ours.pids[PIPELINE]
    before = pss_mib(pid)
    first = measure(ours, receiver, Load(1, 1, clients))
    after = pss_mib(pid)
    with tolls(ours.running) as toll:
        measure(ours, receiver, Load(WARM_UP, SIZE[OURS], clients))
    return Loading(clients * RULES_EACH, first.p50_ms, before, after, toll)


def rounds(
    context: Context, receiver: Receiver, clients: int, who: Mapping[str, Contestant]
) -> dict[Contest, Measured]:
    """Measure all in turn, several times."""
    taken: dict[Contest, list[Measured]] = defaultdict(list)
    for number in range(1, ROUNDS + 1):
        for name, started in who.items():
            context.say(f"{clients * RULES_EACH} rules, {name}, round {number} of {ROUNDS}")
            count = round(EACH_SECOND[name, clients] * context.seconds * SHORTER)
            load = Load(count, SIZE[name], clients)
            with started() as engine:
                taken[name, clients].append(measure(engine, receiver, load, is_received=name != SANDBOX))
    return {contest: middle(found) for contest, found in taken.items()}


def verdicts(found: Mapping[Contest, Measured]) -> tuple[Verdict, ...]:
    """Ours beside both of theirs; what is simulated; and what the number of rules does."""
    ours, sandbox = found[OURS, MANY].told_per_second, found[SANDBOX, MANY].told_per_second
    flat = ours / found[OURS, FEW].told_per_second
    beside = [
        Verdict(
            "P4",
            "events to webhooks, 28,800 rules",
            ours,
            "/s",
            peer=Peer(text, found[name, MANY].told_per_second, times),
        )
        for name, text, times in (
            (ONE_ROUTE, "Alertmanager, one route", WANTED_OF_ONE_ROUTE),
            (THEIRS, "Alertmanager, 28,800 routes", WANTED_OF_MANY),
        )
        if (name, MANY) in found
    ]
    return (
        *beside,
        Verdict("P4", "events to the sandbox, 28,800 rules", sandbox, "/s", at_least=WANTED_SANDBOX),
        Verdict("P11", "events/s with 28,800 rules, as a share of 288", flat, "", at_least=WANTED_FLAT),
    )


def plots(found: Mapping[Contest, Measured]) -> tuple[Plot, ...]:
    """The last rounds second by second, and what the number of rules does."""
    told = tuple(
        per_second(name, found[name, MANY].told_at, found[name, MANY].began, every=PIECE)
        for name in (OURS, ONE_ROUTE, THEIRS)
        if (name, MANY) in found
    )
    growth = tuple(
        Line(name, tuple((clients * RULES_EACH, found[name, clients].told_per_second) for clients in (FEW, MANY)))
        for name in (OURS, THEIRS)
        if (name, MANY) in found
    )
    return (
        Plot("Webhooks of 28800 rules", "seconds", "per second", told),
        Plot("Events told by the number of rules", "rules", "per second", growth),
        found[OURS, MANY].samples.plot("Cores kept busy by events to webhooks"),
        found[SANDBOX, MANY].samples.plot("Cores kept busy by events to the sandbox"),
    )


def comparison(found: Mapping[Contest, Measured]) -> Table:
    """A row for each, and how many times theirs ours is."""
    rows = [_row(name, clients, each, found) for (name, clients), each in found.items()]
    if binary() is None:
        rows.append((MANY * RULES_EACH, THEIRS, HINT, *[""] * 10))
    columns = (
        "rules",
        "engine",
        "in a request",
        "events",
        "accepted/s",
        "told/s",
        "ours / theirs",
        "CPU µs each",
        "p50 ms",
        "p99 ms",
        "PSS MiB",
        "copies",
        OTHERS,
    )
    peer_note = f"{version()} keeps alerts in memory" if binary() else "Alertmanager is not installed"
    note = (
        f"Median of {ROUNDS} alternating rounds. told/s counts until the last webhook has arrived, or until the last "
        "row is SENT where the sandbox simulates; latency is from the request to the webhook's arrival, and in a flood "
        f"mostly waiting; CPU and memory are the engine's own, PostgreSQL and Valkey included. {peer_note}. "
        f"{OTHERS_NOTE}"
    )
    return Table("Events beside Alertmanager", columns, tuple(rows), note)


def _row(name: str, clients: int, each: Measured, found: Mapping[Contest, Measured]) -> tuple[Cell, ...]:
    is_theirs = name in {ONE_ROUTE, THEIRS}
    waits: tuple[Cell, Cell] = (each.p50_ms, each.p99_ms) if each.told_at else ("", "")
    return (
        1 if name == ONE_ROUTE else clients * RULES_EACH,
        name,
        SIZE[name],
        each.count,
        each.accepted_per_second,
        each.told_per_second,
        found[OURS, clients].told_per_second / each.told_per_second if is_theirs else "",
        each.cpu_us_each,
        *waits,
        each.memory_mib,
        each.copies,
        each.usage.strangers,
    )


def _costs(found: Mapping[Contest, Measured]) -> Table:
    costs: dict[Cell, tuple[Usage, int]] = {
        f"{clients * RULES_EACH}: {name}": (each.usage, each.count) for (name, clients), each in found.items()
    }
    note = "From the first request until everything is written down as SENT; receiver and poster are the bench's own."
    return cost_table("CPU per event", "rules: engine", costs, note=note)


def _loadings(loadings: list[Loading]) -> Table:
    rows = tuple((each.rules, each.first_ms, each.before_mib, each.after_mib) for each in loadings)
    return Table(
        "Learning the rules",
        ("rules", "first event ms", "PSS before MiB", "PSS after MiB"),
        rows,
        "All rules are stored at once; the first event after that waits until the pipeline worker has loaded them. "
        "Memory is the worker's.",
    )
