"""POST /notifications flat out: accepted and sent per second, and the CPU each notification costs where."""

from __future__ import annotations

from bench.context import Context
from bench.costs import cost_table
from bench.cpu import Usage
from bench.figures import Cell, Figures, Table, spread
from bench.installation import installation
from bench.load import Round, run_round

CONNECTIONS = (1, 4, 16)


def run(context: Context) -> Figures:
    """Closed loops of 1, 4 and 16 connections, each drained before the next begins."""
    rounds: dict[int, Round] = {}
    with installation(context, "accept") as running:
        run_round(running, connections=4, seconds=1)  # imports, pools, caches
        for connections in CONNECTIONS:
            context.say(f"{connections} connections")
            rounds[connections] = run_round(running, connections=connections, seconds=context.seconds)
    return Figures((_rates(rounds), _costs(rounds)))


def _rates(rounds: dict[int, Round]) -> Table:
    rows = []
    for connections, found in rounds.items():
        p50, _, p99, _ = spread(found.outcome.answer_ms)
        ratio = found.sent_per_second / found.accepted_per_second
        rows.append((connections, found.accepted_per_second, found.sent_per_second, ratio, p50, p99))
    return Table(
        "One notification per request, as fast as it is answered",
        ("connections", "accepted/s", "sent/s", "sent / accepted", "answer p50 ms", "answer p99 ms"),
        tuple(rows),
        "sent/s counts until the last message is SENT; a ratio near 1 means that sending keeps up with accepting.",
    )


def _costs(rounds: dict[int, Round]) -> Table:
    costs: dict[Cell, tuple[Usage, int]] = {
        connections: (found.usage, found.outcome.accepted) for connections, found in rounds.items()
    }
    note = "CPU from the first request until all is SENT; generator and provider are the bench's own."
    return cost_table("CPU per notification", "connections", costs, note=note)
