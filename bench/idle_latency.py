"""From the start of a POST to the provider's socket, while there is little to do and while there is more."""

from __future__ import annotations

from bench.context import Context
from bench.costs import OTHERS, OTHERS_NOTE, cost_table
from bench.figures import Cell, Figures, Histogram, Table, spread
from bench.installation import Installation, installation
from bench.load import Round, run_round

RATES = (10, 50, 200)
CONNECTIONS = 16


def run(context: Context) -> Figures:
    """Open loops of 10, 50 and 200 requests a second."""
    rounds: dict[Cell, Round] = {}
    latencies: dict[Cell, list[float]] = {}
    with installation(context, "idle_latency") as running:
        run_round(running, connections=4, seconds=1)  # imports, pools, caches
        for rate in RATES:
            context.say(f"{rate} requests a second")
            rounds[rate] = run_round(running, connections=CONNECTIONS, seconds=context.seconds, rate=rate)
            latencies[rate] = to_provider(running, rounds[rate])
    histograms = tuple(
        Histogram(f"POST to provider at {rate} requests a second", tuple(found)) for rate, found in latencies.items()
    )
    costs = {rate: (found.usage, found.outcome.accepted) for rate, found in rounds.items()}
    note = "Beat and its sweepers are in it: the fewer notifications, the more of them each one carries."
    return Figures(
        (_times(rounds, latencies), cost_table("CPU per notification", "offered/s", costs, note=note)), histograms
    )


def to_provider(running: Installation, found: Round) -> list[float]:
    """Milliseconds from when each POST was due until the provider had read its request.

    Both ends take the wall clock of this machine; phone numbers tell which request is whose.
    """
    if running.provider is None:
        raise TypeError("the sandbox has no socket to arrive at")
    arrived_at = {entry.recipient: entry.at for entry in running.provider.entries}
    started = zip(found.outcome.recipients, found.outcome.started, strict=True)
    return [(arrived_at[recipient] - moment) * 1000 for recipient, moment in started]


def _times(rounds: dict[Cell, Round], latencies: dict[Cell, list[float]]) -> Table:
    rows = []
    for rate, found in latencies.items():
        answer = spread(rounds[rate].outcome.answer_ms)
        rows.append((rate, len(found), *spread(found), answer[0], answer[2], rounds[rate].usage.strangers))
    return Table(
        "POST to the provider's socket",
        ("offered/s", "requests", "p50 ms", "p90 ms", "p99 ms", "max ms", "answer p50 ms", "answer p99 ms", OTHERS),
        tuple(rows),
        f"Counted from when a request was due, so that waiting behind others shows. {OTHERS_NOTE}",
    )
