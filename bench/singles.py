"""One notification in a request, 16 connections flat out: accepted and sent per second."""

from __future__ import annotations

from bench.bare_worker import CHAINS_PER_SECOND, Series, bare_chains, bare_worker
from bench.context import Context
from bench.costs import OTHERS, cost_table
from bench.cpu import Usage
from bench.figures import Cell, Figures, Plot, Table, spread
from bench.installation import installation
from bench.load import Round, run_round
from bench.sampling import per_second
from bench.tolls import toll_table, tolls
from bench.verdicts import Peer, Verdict

CONNECTIONS = 16
LONGER = 6
"""It goes on for a minute at the usual length: long enough for checkpoints, sweepers and autovacuum to come in."""

PEER_PROCESSES = 2
WANTED_PER_SECOND = 1000
WANTED_TIMES = 5


def run(context: Context) -> Figures:
    """First the peer, then ours, both on an empty store."""
    context.say("bare chains of four tasks")
    with bare_worker(context, processes=PEER_PROCESSES) as worker:
        bare_chains(worker, 20)  # imports, pools, caches
        bare = bare_chains(worker, round(CHAINS_PER_SECOND * context.seconds))
    with installation(context, "singles", is_live=False) as running:
        run_round(running, connections=CONNECTIONS, seconds=1)  # imports, pools, caches
        context.say(f"{CONNECTIONS} connections for {LONGER * context.seconds:.0f} s")
        with tolls(running) as toll:
            found = run_round(running, connections=CONNECTIONS, seconds=LONGER * context.seconds)
        sent = running.sent_moments(found.began)
    lines = (per_second("accepted", found.answered(), found.began), per_second("sent", sent, found.began))
    plots = (
        Plot("Single POSTs accepted and sent", "seconds", "per second", lines),
        found.samples.plot("Cores kept busy by single POSTs"),
    )
    taken = toll_table({"notification": (toll, found.outcome.accepted)})
    return Figures((_rates(found, bare), _costs(found, bare), taken), plots=plots, verdicts=(verdict(found, bare),))


def verdict(found: Round, bare: Series) -> Verdict:
    """Counted until the last one is SENT: what is accepted and waits does not help."""
    peer = Peer("bare Celery chain of four empty tasks, prefork -c 2", bare.per_second, WANTED_TIMES)
    measure = "single POSTs accepted and sent"
    return Verdict("P1", measure, found.sent_per_second, "/s", at_least=WANTED_PER_SECOND, peer=peer)


def _rates(found: Round, bare: Series) -> Table:
    p50, _, p99, _ = spread(found.outcome.answer_ms)
    ours = (found.outcome.accepted, found.accepted_per_second, found.sent_per_second, p50, p99, found.usage.strangers)
    return Table(
        "One notification per request, as fast as it is answered",
        ("who", "count", "accepted/s", "sent/s", "answer p50 ms", "answer p99 ms", OTHERS),
        (("ours", *ours), ("bare chains", bare.count, "", bare.per_second, "", "", bare.usage.strangers)),
        f"{CONNECTIONS} kept connections. sent/s counts until the last message is SENT.",
    )


def _costs(found: Round, bare: Series) -> Table:
    costs: dict[Cell, tuple[Usage, int]] = {
        "ours": (found.usage, found.outcome.accepted),
        "bare chain": (bare.usage, bare.count),
    }
    note = "CPU from the first request until all is SENT; generator and publisher are the bench's own."
    return cost_table("CPU per notification", "who", costs, note=note)
