"""What finding the rules that an event matches takes, and what rules cost."""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import orjson

from bench.context import Context
from bench.figures import Cell, Figures, Table, percentile
from sentinel.rules.index import RuleIndex
from sentinel.rules.parser import parse, parse_condition
from sentinel.rules.rulebook import RuleBook
from sentinel.rules.serialise import dump, load
from sentinel.rules.syntax import Condition, RuleSyntax

CLIENTS = (1, 10, 100)
RULES_PER_CLIENT = 288
ROUNDS = 5
EVENTS = 2000
CHANGES = 300
FEW_CLIENTS = 10
PATTERNS = 5000
Event = dict[str, Any]
Ask = Callable[[Event], list[Any]]

SOURCES = ("api", "db", "cache", "monitor", "queue", "worker")
NAMES = ("timeout", "error", "crash", "slow", "memory", "cpu", "disk", "network", "*")

TEMPLATES = (
    'type == "order" and amount > {n}',
    'type == "order" and customer.tier == "t{k}" and amount >= {n}',
    'type == "order" and customer.country in ["c{k}", "c{j}"] and items > 3',
    'type == "payment" and not (status == "ok" or provider != "p{k}")',
    'type == "payment" and status != "ok" and provider == "p{k}"',
    'service == "svc-{n}" and level == "error"',
    'service == "svc-{n}" and latency_ms between {j} and {n}',
    'service == "svc-{k}" and (region == "r{j}" or zone == "z{k}")',
    'service startswith "svc-{n}-" and level in ["error", "fatal"]',
    "host matches /^host-{n}-[a-z]+$/",
    'host endswith ".dc{n}.example" and load > {k}',
    'message contains "code {n} "',
    'message icontains "failure {n}" and level == "error"',
    'tags contains "team-{n}"',
    'tags contains "team-{k}" and severity == "high"',
    'metric == "m{k}" and value > {n}',
    'metric == "m{k}" and value < {j} and host == "host-{n}"',
    "disk.used_percent > {n} and disk.free_gb < {k}",
    'device.id == "dev-{n}" and device.battery < {j}',
    'device.model in ["x{k}", "x{n}"] and exists(device.firmware)',
    'user.plan == "pro" and user.logins > {n}',
    'lower(status) == "down-{n}"',
    'sensor[0] > {n} and sensor[1] < {k} and type == "sensor"',
    'ip cidr "10.{k}.{j}.0/24" and type == "login"',
)
"""The diverse set: what people ask for besides severity, source and name."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules as text, and the events to ask them about, by how many they ought to meet."""

    name: str
    texts: tuple[str, ...]
    events: dict[str, list[Event]]


def run(context: Context) -> Figures:
    """Measure both sets at three sizes, and many patterns on one field."""
    many_patterns = Table(
        "Many patterns on one field", ("patterns", "us"), (patterns(),), "an event whose text one of them finds"
    )
    return Figures((*measure(context, CLIENTS), many_patterns))


def measure(context: Context, sizes: tuple[int, ...]) -> tuple[Table, Table]:
    """Matching and its costs, for both sets with the rules of so many clients."""
    match_rows: list[tuple[Cell, ...]] = []
    cost_rows: list[tuple[Cell, ...]] = []
    for make, clients in product((triple_set, diverse_set), sizes):
        rules = make(clients)
        context.say(f"{rules.name}: {len(rules.texts)} rules")
        book, costs = build(rules)
        cost_rows.append(costs)
        match_rows += match(book, rules)
    return (
        Table("Matching one event", MATCHING, tuple(match_rows), MATCH),
        Table("What rules cost", COSTS, tuple(cost_rows), COST),
    )


MATCHING = ("rules", "of them", "heard by", "event meets", "rules matched", "us", "p99 us")
MATCH = "CPU of one process, from the parsed event to rule ids; us is the mean, best of five rounds; p99 over events"
COSTS = (
    "rules",
    "of them",
    "parse us",
    "cold s",
    "put us",
    "discard us",
    "index B/rule",
    "rule B",
    "snapshot B/rule",
)
COST = (
    "cold: from stored rules to an index over all of them; put and discard: one rule in it; "
    "rule B: syntax, equal parts kept once"
)


def triple_set(clients: int) -> RuleSet:
    """Each client's 288 rules by severity, source and name, wildcards among them; the last client has other sources."""
    texts = [
        triple(severity, source, name)
        for client in range(clients)
        for severity, source, name in product(("LOW", "MEDIUM", "HIGH", "*"), client_sources(client, clients), NAMES)
    ]
    sources = {"no client": "nobody", "1 client": "only-0", "10 clients": "first-ten", "99 clients": "api"}
    last = 2 + sum(clients >= each for each in CLIENTS[1:])
    events = {
        meets: [{"id": "a-1", "severity": "HIGH", "source": source, "name": "timeout", "context": {"host": "h"}}]
        for meets, source in list(sources.items())[:last]
    }
    return RuleSet("severity, source, name", tuple(texts), events)


def client_sources(client: int, clients: int) -> tuple[str, ...]:
    """Eight sources of which most are everybody's, one is the client's, and one that of the first ten."""
    common = (
        tuple(f"other-{source}" for source in SOURCES) if clients > FEW_CLIENTS and client == clients - 1 else SOURCES
    )
    return (*common, f"only-{client}", "first-ten" if client < FEW_CLIENTS else f"more-{client}")


def triple(severity: str, source: str, name: str) -> str:
    """One rule of the set as text."""
    fields = (("severity", severity), ("source", source), ("name", name))
    parts = [f'{field} == "{value}"' for field, value in fields if value != "*"]
    return f'when {" and ".join(parts) or "true"} then notify("endpoint:ops")'


def diverse_set(clients: int) -> RuleSet:
    """The templates with other numbers in each rule."""
    kinds = len(TEMPLATES)
    rounds = range(clients * RULES_PER_CLIENT // kinds)
    conditions = (each.format(n=n, k=n % 50, j=n % 200) for n in rounds for each in TEMPLATES)
    texts = tuple(f'when {condition} then notify("endpoint:ops")' for condition in conditions)
    chance = random.Random(1)
    few: Event = {"type": "other", "service": "svc-3", "level": "error", "region": "none"}
    events = {
        "nothing": [{"kind": "heartbeat", "type": "none", "service": "none"}],
        "few": [few],
        "random": [random_event(chance) for _ in range(EVENTS)],
    }
    return RuleSet("24 templates", texts, events)


def random_event(chance: random.Random) -> Event:
    """An event with half of the fields that the templates ask for."""
    n = chance.randrange(1200)
    fields = {
        "type": chance.choice(("order", "payment", "sensor", "login")),
        "amount": chance.randrange(30),
        "customer": {"tier": f"t{n % 50}", "country": f"c{n % 50}"},
        "items": chance.randrange(6),
        "status": chance.choice(("ok", "failed", f"DOWN-{n}")),
        "provider": f"p{n % 50}",
        "service": f"svc-{n}",
        "level": chance.choice(("info", "error")),
        "latency_ms": n,
        "host": f"host-{n}-abc",
        "message": f"request failed with code {n} after 3 s",
        "tags": [f"team-{n}", "prod"],
        "metric": f"m{n % 50}",
        "value": chance.randrange(30),
        "disk": {"used_percent": chance.randrange(20), "free_gb": chance.randrange(60)},
        "device": {"id": f"dev-{n}", "battery": chance.randrange(100), "model": f"x{n}"},
        "ip": f"10.{n % 50}.{n % 200}.7",
    }
    return {name: fields[name] for name in chance.sample(sorted(fields), len(fields) // 2)}


def match(book: RuleBook, rules: RuleSet) -> Iterator[tuple[Cell, ...]]:
    """Two rows for each kind of event: heard by the rules of all clients, and by those of one."""
    for meets, events in rules.events.items():
        for heard_by, ask in (("all", book.match_all), ("one client", lambda event: book.match(event, 0))):
            many = events * max(1, EVENTS // len(events))
            found = sum(len(ask(event)) for event in events) / len(events)
            mean = min(match_all(ask, many) for _ in range(ROUNDS)) / len(many)
            singles = [min(match_all(ask, [event]) for _ in range(3)) for event in many]
            figures = (round(found, 1), round(mean, 2), round(percentile(singles, 99), 1))
            yield rules.name, len(rules.texts), heard_by, meets, *figures


def match_all(ask: Ask, events: list[Event]) -> float:
    """Microseconds for all of `events`."""
    return microseconds(lambda: [ask(event) for event in events])


def build(rules: RuleSet) -> tuple[RuleBook, tuple[Cell, ...]]:
    """Parse, store, load and index the rules."""
    few = list(dict.fromkeys(rules.texts))[:CHANGES]
    parse_us = microseconds(lambda: [parse(text) for text in few]) / len(few)
    known = {text: dump(parse(text)) for text in dict.fromkeys(rules.texts)}
    snapshot = orjson.dumps([known[text] for text in rules.texts])
    count = len(rules.texts)
    cold_s = microseconds(lambda: collected(lambda: cold_start(snapshot))) / 1e6
    loaded: list[RuleSyntax] = []
    rule_bytes = memory(lambda: loaded.extend(load_all(snapshot))) / count
    owned = [(number, number // RULES_PER_CLIENT, rule.condition) for number, rule in enumerate(loaded)]
    made: list[RuleIndex] = []
    index_bytes = memory(lambda: made.append(RuleIndex((number, each) for number, _, each in owned))) / count
    put_us, discard_us = changes(made[0], [condition for _, _, condition in owned[:CHANGES]])
    figures = (parse_us, cold_s, put_us, discard_us, index_bytes, rule_bytes, len(snapshot) / count)
    return RuleBook(owned), (rules.name, count, *(float(f"{each:.3g}") for each in figures))


def load_all(snapshot: bytes) -> list[RuleSyntax]:
    """The rules as a worker loads them."""
    shared: dict[Any, Any] = {}
    return [load(each, shared) for each in orjson.loads(snapshot)]


def cold_start(snapshot: bytes) -> None:
    """From stored rules to the first event."""
    rules = enumerate(load_all(snapshot))
    RuleBook((number, number // RULES_PER_CLIENT, rule.condition) for number, rule in rules).match_all({})


def collected(work: Callable[[], object]) -> None:
    """Run `work` as a worker does: the garbage collector rests until all is there."""
    gc.collect()
    gc.disable()
    work()
    gc.enable()


def changes(index: RuleIndex, conditions: list[Condition]) -> tuple[float, float]:
    """Microseconds to add and to take out one rule."""
    begin = time.process_time_ns()
    for number, condition in enumerate(conditions):
        index.put(f"new-{number}", condition)
    between = time.process_time_ns()
    for number in range(len(conditions)):
        index.discard(f"new-{number}")
    end = time.process_time_ns()
    return (between - begin) / 1000 / len(conditions), (end - between) / 1000 / len(conditions)


def patterns() -> tuple[Cell, ...]:
    """Thousands of regular expressions, one event."""
    rules = [(number, parse_condition(f"host matches /^host-{number}-[a-z]+$/")) for number in range(PATTERNS)]
    index = RuleIndex(rules)
    event = {"host": "host-77-abc"}
    taken = min(match_all(index.match, [event] * EVENTS) for _ in range(ROUNDS))
    return PATTERNS, round(taken / EVENTS, 2)


def microseconds(work: Callable[[], object]) -> float:
    """CPU time of this process for `work`."""
    begin = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin) / 1000


def memory(work: Callable[[], object]) -> float:
    """Bytes that `work` leaves behind."""
    gc.collect()
    tracemalloc.start()
    work()
    gc.collect()
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return left
