"""How many API processes and threads serve POST /notifications best on this machine. Runs only when named."""

from __future__ import annotations

from bench.context import Context
from bench.costs import OTHERS, OTHERS_NOTE
from bench.figures import Cell, Figures, Table, spread
from bench.installation import Installation, installation
from bench.load import run_round

SIZES = tuple((workers, threads) for workers in (1, 2) for threads in (4, 8, 16, 32))
CONNECTIONS = 32


def run(context: Context) -> Figures:
    """Restart the API in each size beside the same workers, with 16 connections flat out."""
    with installation(context, "api_threads") as running:
        run_round(running, connections=4, seconds=1)  # imports, pools, caches
        rows = tuple(_row(running, context, workers=workers, threads=threads) for workers, threads in SIZES)
    columns = ("processes", "threads", "accepted/s", "sent/s", "answer p50 ms", "answer p99 ms", "api µs", OTHERS)
    note = f"{CONNECTIONS} connections, one notification per request. {OTHERS_NOTE}"
    return Figures((Table("API processes and threads", columns, rows, note),))


def _row(running: Installation, context: Context, *, workers: int, threads: int) -> tuple[Cell, ...]:
    context.say(f"{workers} processes with {threads} threads")
    running.system.stop("api")
    running.system.environment |= {"SENTINEL_API_WORKERS": str(workers), "SENTINEL_API_THREADS": str(threads)}
    running.system.start_api()
    run_round(running, connections=CONNECTIONS, seconds=0.5)  # imports, pools, caches
    found = run_round(running, connections=CONNECTIONS, seconds=context.seconds)
    p50, _, p99, _ = spread(found.outcome.answer_ms)
    api = found.usage.per(found.outcome.accepted)["api"]
    rates = (found.accepted_per_second, found.sent_per_second)
    return (workers, threads, *rates, p50, p99, api, found.usage.strangers)
