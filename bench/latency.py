"""From the start of a POST to the receiver's socket, with little to do and at 200 a second."""

from __future__ import annotations

from bench.bare_worker import bare_chains, bare_waits, bare_worker
from bench.context import BenchFailedError, Context
from bench.costs import OTHERS, OTHERS_NOTE, cost_table
from bench.figures import Cell, Figures, Histogram, Table, percentile, spread
from bench.generator import BODY, NUMBER, digits
from bench.installation import WEBHOOK_SETTINGS, installation
from bench.load import Round, run_round
from bench.receiver import Receiver, receiving
from bench.verdicts import Peer, Verdict

CALM, BUSY = 10, 200
CONNECTIONS = 16
LONGER = 2
"""A p99 wants some hundred requests, also of those that come ten a second."""

WORKERS = {"pipeline-1": ("--pipeline",), "hooks-1": ("--channel", "slack", "--channel", "webhook")}
BARE = "bare chain of four tasks, publisher to the fourth"
PUBLISHED = Peer("Convoy's published p95 at 200/s, on its own machines", 127.0)


def run(context: Context) -> Figures:
    """Open loops of 10 and of 200 requests a second; before them the peer, ten bare chains a second."""
    rounds: dict[Cell, Round] = {}
    waits: dict[Cell, list[float]] = {}
    context.say("bare chains of four tasks")
    with bare_worker(context) as worker:
        bare_chains(worker, 20)  # imports, pools, caches
        bare = bare_waits(worker, round(CALM * LONGER * context.seconds), rate=CALM)
    with (
        receiving() as receiver,
        installation(context, "latency", workers=WORKERS, is_live=False, variables=WEBHOOK_SETTINGS) as running,
    ):
        message = {"channel": "webhook", "recipient": f"{receiver.url}/ops", "body": f"{BODY} bench-0-{NUMBER}"}
        run_round(running, connections=4, seconds=2, rate=50, message=message)  # imports, pools, caches
        for rate in (CALM, BUSY):
            context.say(f"{rate} requests a second")
            receiver.forget()
            seconds = LONGER * context.seconds
            rounds[rate] = run_round(running, connections=CONNECTIONS, seconds=seconds, rate=rate, message=message)
            waits[rate] = to_receiver(receiver, rounds[rate])
    costs = {rate: (found.usage, found.outcome.accepted) for rate, found in rounds.items()}
    note = "Beat and its sweepers are in it: the fewer notifications, the more of them each one carries."
    return Figures(
        (_times(rounds, waits), cost_table("CPU per notification", "offered/s", costs, note=note)),
        tuple(
            Histogram(f"POST to receiver at {rate} requests a second", tuple(found)) for rate, found in waits.items()
        ),
        verdicts=verdicts(bare, waits[CALM], waits[BUSY]),
    )


def to_receiver(receiver: Receiver, found: Round) -> list[float]:
    """Milliseconds from when each POST was due until the receiver had read its webhook.

    Both ends take the wall clock of this machine; the number in the text tells which request is whose.
    """
    arrived_at = {place.rpartition("-")[2]: at for place, at in receiver.arrivals().items()}
    pairs = zip(found.outcome.numbers, found.outcome.started, strict=True)
    try:
        return [(arrived_at[digits(number)] - due) * 1000 for number, due in pairs]
    except KeyError as error:
        raise BenchFailedError(f"the webhook of request {error} never came") from None


def verdicts(bare: list[float], calm: list[float], busy: list[float]) -> tuple[Verdict, ...]:
    """The goals of both rates."""
    return (
        Verdict(
            "P2",
            "POST to receiver, idle, p50",
            percentile(calm, 50),
            "ms",
            at_most=15,
            peer=Peer(BARE, percentile(bare, 50)),
        ),
        Verdict(
            "P2",
            "POST to receiver, idle, p99",
            percentile(calm, 99),
            "ms",
            at_most=40,
            peer=Peer(BARE, percentile(bare, 99)),
        ),
        Verdict("P3", "POST to receiver at 200/s, p50", percentile(busy, 50), "ms", at_most=30),
        Verdict("P3", "POST to receiver at 200/s, p95", percentile(busy, 95), "ms", at_most=60, peer=PUBLISHED),
    )


def _times(rounds: dict[Cell, Round], waits: dict[Cell, list[float]]) -> Table:
    rows = []
    for rate, found in waits.items():
        p50, _, p99, longest = spread(found)
        answer = spread(rounds[rate].outcome.answer_ms)
        times = (p50, percentile(found, 95), p99, longest, answer[0], answer[2])
        rows.append((rate, len(found), *times, rounds[rate].usage.strangers))
    return Table(
        "POST to the receiver's socket",
        ("offered/s", "requests", "p50 ms", "p95 ms", "p99 ms", "max ms", "answer p50 ms", "answer p99 ms", OTHERS),
        tuple(rows),
        f"Counted from when a request was due, so that waiting behind others shows. {OTHERS_NOTE}",
    )
