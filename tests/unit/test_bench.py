"""The benches can be named, and each says which question it answers."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import asdict

import pytest

from bench.alertmanager import configuration
from bench.alerts import (
    ALERTMANAGER,
    EVERYBODY,
    NOBODY,
    ONE,
    RULES_EACH,
    SENTINEL,
    TOKEN,
    body,
    event,
    numbered,
    triples,
)
from bench.contest import Measured, latencies, middle, webhooks_of
from bench.cpu import Usage
from bench.events import FEW, MANY, ONE_ROUTE, OURS, SANDBOX, comparison, verdicts
from bench.generator import content_length
from bench.poster import Order, Posted
from bench.receiver import Ledger, Tally
from bench.registry import BENCHES, Bench
from bench.rule_set import syntax
from bench.sampling import Samples
from sentinel.clock import utc_now
from sentinel.rules.index import RuleIndex

CLIENTS = 3
ALERTS = 2 * CLIENTS * RULES_EACH


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.name)
def test_each_bench_says_its_question_and_gives_figures(bench: Bench) -> None:
    measure = importlib.import_module(f"bench.{bench.name}").run

    assert bench.question.endswith((".", "?"))
    assert inspect.signature(measure).return_annotation == "Figures"


@pytest.mark.parametrize("audience", [ONE, EVERYBODY, NOBODY])
def test_an_alert_of_the_comparison_meets_as_many_rules_as_its_audience_says(audience: str) -> None:
    rules = [
        (f"{client}/{triple}", syntax(triple).condition) for client in range(CLIENTS) for triple in triples(client)
    ]
    index = RuleIndex(rules)

    found = [index.match(event(*alert, utc_now())) for alert in numbered(1, range(ALERTS), audience, CLIENTS)]

    assert {len(each) for each in found} == {webhooks_of(audience, CLIENTS)}
    if audience == ONE:
        heard = {rule for each in found for rule in each}
        assert len(heard) == len(rules) - CLIENTS  # every rule but those that hear what everybody hears


def test_both_engines_are_told_the_same_in_as_many_bytes() -> None:
    alerts = list(numbered(7, range(64), ONE, CLIENTS))

    sizes = {engine: len(body(engine, alerts)) / len(alerts) for engine in (SENTINEL, ALERTMANAGER)}
    tokens = {engine: TOKEN.findall(body(engine, alerts)) for engine in sizes}

    assert tokens[SENTINEL] == tokens[ALERTMANAGER] == [f"bench-7-{number}".encode() for number in range(64)]
    assert all(350 < size < 550 for size in sizes.values())
    assert sizes[SENTINEL] == pytest.approx(sizes[ALERTMANAGER], rel=0.15)


def test_one_event_is_posted_as_an_object_and_several_as_an_array() -> None:
    alerts = list(numbered(1, range(2), ONE, CLIENTS))

    assert body(SENTINEL, alerts[:1]).startswith(b"{")
    assert body(SENTINEL, alerts).startswith(b"[")
    assert body(ALERTMANAGER, alerts[:1]).startswith(b"[")


def test_alertmanager_gets_a_route_for_each_rule_and_a_receiver_for_each_client() -> None:
    lines = configuration(CLIENTS, "http://127.0.0.1:9").splitlines()

    routes = [line for line in lines if line.startswith("  - {receiver: c")]
    receivers = [line for line in lines if "webhook_configs" in line]
    assert len(set(routes)) == len(routes) == CLIENTS * RULES_EACH
    assert [f"http://127.0.0.1:9/c{client}" in line for client, line in enumerate(receivers)] == [True] * CLIENTS


def test_requests_carry_every_alert_once() -> None:
    order = an_order(count=130, size=64)

    assert [number for numbers in order.requests() for number in numbers] == list(range(130))


def test_the_receiver_tells_a_copy_from_the_same_alert_to_another_client() -> None:
    ledger = Ledger()

    for path in ("/c1", "/c2", "/c1"):
        ledger.note(path, b'{"event_id": "bench-1-5", "text": "Event: bench-1-5"}')

    assert (len(ledger.first), ledger.copies) == (2, 1)
    assert ledger.answer("DELETE", "/", b"") == (200, {"arrived": 0, "copies": 0, "most_held": 0})
    assert ledger.answer("GET", "/", b"") == (200, asdict(Tally(0, 0)))


def test_the_receiver_refuses_the_first_tries_of_each_alert_and_then_takes_it() -> None:
    ledger = Ledger()
    ledger.answer("PUT", "/refusals", b'{"tries": 2, "status": 429}')

    statuses = [ledger.answer("POST", "/c1", b"bench-1-%d" % number)[0] for number in (5, 6, 5, 5, 6, 6, 5)]

    assert statuses == [429, 429, 429, 200, 429, 200, 200]
    assert (len(ledger.first), ledger.copies) == (2, 1)


def test_the_receiver_reads_a_length_in_any_case() -> None:
    assert content_length(b"POST / HTTP/1.1\r\nCONTENT-Length: 12\r\nHost: x") == 12
    assert content_length(b"GET / HTTP/1.1\r\nHost: x") == 0


def test_latency_counts_from_when_the_request_was_sent() -> None:
    order = an_order(count=3, size=2)
    posted = Posted(sent={0: 100.0, 2: 101.0})

    found = latencies(order, posted, {"/c0 bench-4-1": 100.25, "/c1 bench-4-2": 101.5})

    assert found == [250.0, 500.0]


def test_the_middle_of_rounds_is_each_figures_median_and_no_copy_is_lost() -> None:
    rounds = [a_round(told=each, cpu=cpu, copies=1) for each, cpu in ((10.0, 3.0), (30.0, 1.0), (20.0, 2.0))]

    found = middle(rounds)

    assert (found.told_per_second, found.usage.by_name, found.copies) == (20.0, {"api": 2.0, "receiver": 9.0}, 3)
    assert found.cpu_us_each == 2.0 / 100 * 1e6  # the receiver is the bench's own
    assert found.told_at == rounds[-1].told_at


def test_the_comparison_gives_ratios_and_verdicts_where_there_is_a_peer() -> None:
    found = contests() | {(ONE_ROUTE, MANY): a_round(told=60.0, cpu=1.0, copies=0)}

    table = comparison(found)
    rows = {row[1]: dict(zip(table.columns, row, strict=True)) for row in table.rows}

    assert rows[ONE_ROUTE]["ours / theirs"] == 0.5
    assert rows[OURS]["ours / theirs"] == ""
    assert [(each.goal, each.is_met) for each in verdicts(found)] == [("P4", False), ("P4", False), ("P11", True)]


def test_without_a_peer_there_is_no_verdict_beside_it() -> None:
    assert [each.goal for each in verdicts(contests())] == ["P4", "P11"]


def contests() -> dict[tuple[str, int], Measured]:
    """Ours alone."""
    ours = a_round(told=30.0, cpu=2.0, copies=0)
    return {(OURS, FEW): ours, (OURS, MANY): ours, (SANDBOX, MANY): ours}


def an_order(*, count: int, size: int) -> Order:
    """An order of run 4."""
    return Order(SENTINEL, 1, "key", run=4, audience=ONE, clients=CLIENTS, count=count, size=size, posters=2)


def a_round(*, told: float, cpu: float, copies: int) -> Measured:
    """A hundred alerts."""
    return Measured(
        count=100,
        accepted_per_second=told,
        told_per_second=told,
        p50_ms=1.0,
        p99_ms=1.0,
        usage=Usage({"api": cpu, "receiver": 9.0}, 0.0),
        memory_mib=told,
        copies=copies,
        most_held=0,
        began=100.0,
        told_at=(101.0, 102.0),
        samples=Samples(),
    )
