"""Events through rules to webhooks, beside Prometheus' Alertmanager: speed, latency, CPU and memory in one run."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bench.alertmanager import HINT, Alertmanager, alertmanager, binary, version
from bench.alerts import ALERTMANAGER, EVERYBODY, NOBODY, ONE, RULES_EACH, SENTINEL
from bench.contest import Load, Measured, measure, middle
from bench.context import ROOT, Context
from bench.costs import OTHERS, OTHERS_NOTE, cost_table
from bench.cpu import Usage
from bench.figures import Cell, Figures, Table
from bench.installation import Installation, installation
from bench.memory import pss_mib
from bench.receiver import Receiver, receiving

ROUNDS = 3
FIRST = Load("first", ONE, per_second=1, size=1)
WARM_UP = Load("warm up", ONE, per_second=200)
BATCHES = Load("64 in a request", ONE, per_second=1000)
LOADS: Mapping[int, tuple[Load, ...]] = {
    1: (BATCHES,),
    100: (
        BATCHES,
        Load("1 in a request", ONE, per_second=200, size=1),
        Load("64, no rule", NOBODY, per_second=1000),
        Load("64, 100 clients each", EVERYBODY, per_second=10),
        Load("50/s, paced", ONE, per_second=50, size=1, is_paced=True),
    ),
}
"""By how many clients there are."""

PIPELINE = "pipeline-1"
WORKERS: Mapping[str, tuple[str, ...]] = {PIPELINE: ("--pipeline",), "webhook-1": ("--channel", "webhook")}
SCOPES = ("--scope", "events:write", "--scope", "events:broadcast")
_started = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ours:
    """A running Sentinel; `api_key` broadcasts."""

    running: Installation
    api_key: str
    name: str = SENTINEL

    @property
    def port(self) -> int:
        """Where it takes events."""
        return self.running.system.port

    @property
    def pids(self) -> Mapping[str, int]:
        """The root of each process tree, by name."""
        return self.running.pids

    def count_evaluated(self) -> int:
        """How many events have met the rules."""
        found: int = self.running.ask("SELECT count(*) FROM events WHERE status IN ('MATCHED', 'UNMATCHED')")[0]
        return found

    def settle(self) -> None:
        """Wait until every notification is SENT."""
        self.running.wait_sent(self.running.ask("SELECT count(*) FROM notifications")[0])


@dataclass(frozen=True, slots=True)
class Theirs:
    """A running Alertmanager."""

    running: Alertmanager
    name: str = ALERTMANAGER
    api_key: str = "none"

    @property
    def port(self) -> int:
        """Where it takes alerts."""
        return self.running.port

    @property
    def pids(self) -> Mapping[str, int]:
        """Its process."""
        return self.running.pids

    def count_evaluated(self) -> int:
        """How many alerts have gone through its routes."""
        return self.running.count_processed()

    def settle(self) -> None:
        """It writes nothing down."""


@dataclass(frozen=True, slots=True)
class Loading:
    """What it takes until a worker knows rules that were stored while it ran."""

    rules: int
    first_ms: float
    before_mib: float
    after_mib: float


@dataclass(frozen=True, slots=True)
class Contest:
    """One load on both; `theirs` is None where Alertmanager is not installed."""

    rules: int
    load: Load
    ours: Measured
    theirs: Measured | None


def run(context: Context) -> Figures:
    """Measure both with the rules of one client and of a hundred; rounds alternate, and each figure is their median."""
    contests: list[Contest] = []
    loadings: list[Loading] = []
    with receiving() as receiver:
        for clients, loads in LOADS.items():
            with sentinel(context, receiver, clients) as ours:
                loadings.append(loading(ours, receiver, clients))
                measure(ours, receiver, WARM_UP, clients=clients, seconds=1)
                contests += [contest(context, ours, receiver, load, clients) for load in loads]
    return Figures((comparison(contests), _costs(contests), _memory(contests), _loadings(loadings)))


@contextmanager
def sentinel(context: Context, receiver: Receiver, clients: int) -> Iterator[Ours]:
    """A whole Sentinel with the rules of so many clients, whose webhooks go to the receiver."""
    context.say(f"Sentinel with {clients * RULES_EACH} rules")
    with installation(
        context,
        f"events_{clients}",
        workers=WORKERS,
        is_live=False,
        SENTINEL_WEBHOOK_PROVIDER="webhook",
        SENTINEL_WEBHOOK_PRIVATE_NETWORKS="127.0.0.0/8",
    ) as running:
        key = running.system.run("keys", "create", "--client", "bench", "--name", "events", *SCOPES)
        command = [sys.executable, "-m", "bench.rule_set", str(clients), receiver.url]
        subprocess.run(command, cwd=ROOT, env=running.system.environment, check=True)
        yield Ours(running, key.stdout.strip())


def loading(ours: Ours, receiver: Receiver, clients: int) -> Loading:
    """Post the first event: the worker has to load the rules."""
    pid = ours.pids[PIPELINE]
    before = pss_mib(pid)
    first = measure(ours, receiver, FIRST, clients=clients, seconds=1)
    return Loading(clients * RULES_EACH, first.p50_ms, before, pss_mib(pid))


def contest(context: Context, ours: Ours, receiver: Receiver, load: Load, clients: int) -> Contest:
    """Measure one load on both in turn, each Alertmanager a fresh one: its groups live as long as their alerts."""
    our_rounds, their_rounds = [], []
    for number in range(1, ROUNDS + 1):
        context.say(f"{clients * RULES_EACH} rules, {load.name}, round {number}")
        our_rounds.append(measure(ours, receiver, load, clients=clients, seconds=context.seconds))
        if binary() is not None:
            folder = context.folder / f"alertmanager-{next(_started)}"
            with alertmanager(folder, clients, receiver.url) as peer:
                their_rounds.append(measure(Theirs(peer), receiver, load, clients=clients, seconds=context.seconds))
    return Contest(clients * RULES_EACH, load, middle(our_rounds), middle(their_rounds) if their_rounds else None)


def comparison(contests: list[Contest]) -> Table:
    """Ours, theirs, and how many times theirs ours is."""
    rows: list[tuple[Cell, ...]] = []
    for each in contests:
        rows.append(_row(each, SENTINEL, each.ours))
        if each.theirs is None:
            rows.append((each.rules, each.load.name, HINT, *[""] * 9))
        else:
            rows += [_row(each, ALERTMANAGER, each.theirs), _ratios(each, each.ours, each.theirs)]
    columns = (
        "rules",
        "load",
        "engine",
        "events",
        "accepted/s",
        "told/s",
        "CPU ms per 1,000",
        "p50 ms",
        "p99 ms",
        "PSS MiB",
        "copies",
    )
    peer = f"{version()} keeps alerts in memory" if binary() else "Alertmanager is not installed"
    note = (
        f"Median of {ROUNDS} alternating rounds. told/s counts until the last webhook has arrived (or, where no rule "
        "matches, the last event was evaluated); latency is from when a request was due to the webhook's arrival, and "
        f"in a flood mostly waiting; CPU and memory are the engine's own, PostgreSQL and Valkey included. {peer}. "
        f"{OTHERS_NOTE}"
    )
    return Table("Events beside Alertmanager", (*columns, OTHERS), tuple(rows), note)


def _row(contest: Contest, engine: str, found: Measured) -> tuple[Cell, ...]:
    latency: tuple[Cell, Cell] = (found.p50_ms, found.p99_ms) if contest.load.audience != NOBODY else ("", "")
    return (
        contest.rules,
        contest.load.name,
        engine,
        found.count,
        found.accepted_per_second,
        found.told_per_second,
        found.cpu_ms_per_thousand,
        *latency,
        found.memory_mib,
        found.copies,
        found.usage.strangers,
    )


def _ratios(contest: Contest, ours: Measured, theirs: Measured) -> tuple[Cell, ...]:
    """How many times theirs ours is."""
    latency: tuple[Cell, Cell] = ("", "")
    if contest.load.audience != NOBODY:
        latency = (ours.p50_ms / theirs.p50_ms, ours.p99_ms / theirs.p99_ms)
    return (
        contest.rules,
        contest.load.name,
        "ratio",
        "",
        ours.accepted_per_second / theirs.accepted_per_second,
        ours.told_per_second / theirs.told_per_second,
        ours.cpu_ms_per_thousand / theirs.cpu_ms_per_thousand,
        *latency,
        ours.memory_mib / theirs.memory_mib,
        "",
        "",
    )


def _costs(contests: list[Contest]) -> Table:
    costs: dict[Cell, tuple[Usage, int]] = {
        f"{each.rules}: {each.load.name}": (each.ours.usage, each.ours.count) for each in contests
    }
    note = "From the first request until every webhook is written down as SENT."
    return cost_table("Sentinel's CPU per event", "rules: load", costs, note=note)


def _memory(contests: list[Contest]) -> Table:
    last = {each.rules: each.ours.memory for each in contests}
    names = tuple(next(iter(last.values())))
    rows = tuple((rules, *(memory[name] for name in names)) for rules, memory in last.items())
    return Table("Sentinel's memory", ("rules", *(f"{name} MiB" for name in names)), rows, "PSS after the last load.")


def _loadings(loadings: list[Loading]) -> Table:
    rows = tuple((each.rules, each.first_ms, each.before_mib, each.after_mib) for each in loadings)
    return Table(
        "Learning the rules",
        ("rules", "first event ms", "PSS before MiB", "PSS after MiB"),
        rows,
        "All rules are stored at once; the first event after that waits until the pipeline worker has loaded them. "
        "Memory is the worker's.",
    )
