"""Single POSTs with one, two and four worker processes, beside what as many bring a bare Celery chain."""

from __future__ import annotations

from collections.abc import Mapping

from bench.bare_worker import CHAINS_PER_SECOND, bare_chains, bare_worker
from bench.context import Context
from bench.figures import Figures, Line, Plot, Table
from bench.installation import installation
from bench.load import run_round
from bench.verdicts import Peer, Verdict

PROCESSES = (1, 2, 4)
CONNECTIONS = 16


def run(context: Context) -> Figures:
    """As many processes for the pipeline as for the channel."""
    bare: dict[int, float] = {}
    ours: dict[int, float] = {}
    for count in PROCESSES:
        context.say(f"bare chains, {count} processes")
        with bare_worker(context, processes=count) as worker:
            bare_chains(worker, 20 * count)  # imports, pools, caches
            bare[count] = bare_chains(worker, round(CHAINS_PER_SECOND * context.seconds)).per_second
        context.say(f"ours, {count} processes")
        ours[count] = rate(context, count)
    lines = (Line("single POSTs", tuple(ours.items())), Line("bare chains", tuple(bare.items())))
    return Figures(
        (_table(ours, bare),),
        plots=(Plot("Growth by worker processes", "worker processes", "per second", lines),),
        verdicts=(verdict(ours, bare),),
    )


def rate(context: Context, count: int) -> float:
    """Notifications per second."""
    workers: dict[str, tuple[str, ...]] = {"pipeline-1": ("--pipeline", "--concurrency", str(count))}
    workers |= {f"sms-{number}": ("--channel", "sms") for number in range(1, count + 1)}
    with installation(context, f"growth_{count}", workers=workers, is_live=False) as running:
        run_round(running, connections=CONNECTIONS, seconds=1)  # imports, pools, caches
        return run_round(running, connections=CONNECTIONS, seconds=context.seconds).sent_per_second


def verdict(ours: Mapping[int, float], bare: Mapping[int, float]) -> Verdict:
    """From the fewest to the most processes."""
    first, last = PROCESSES[0], PROCESSES[-1]
    peer = Peer("bare chains, by as many", bare[last] / bare[first], 1)
    measure = f"single POSTs/s with {last} worker processes, times {first}"
    return Verdict("P11", measure, ours[last] / ours[first], "", peer=peer)


def _table(ours: Mapping[int, float], bare: Mapping[int, float]) -> Table:
    first = PROCESSES[0]
    rows = tuple(
        (count, ours[count], ours[count] / ours[first], bare[count], bare[count] / bare[first]) for count in PROCESSES
    )
    return Table(
        "Worker processes",
        ("processes", "single POSTs sent/s", "times one", "bare chains/s", "times one"),
        rows,
        "So many processes of the pipeline and as many senders; one API process serves all. The machine has two cores.",
    )
