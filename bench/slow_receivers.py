"""Webhooks to receivers that take 50 ms or a whole second to answer, with two processes that send."""

from __future__ import annotations

from collections.abc import Mapping

from bench.contest import Load, Measured, measure
from bench.context import Context
from bench.costs import OTHERS, cost_table
from bench.cpu import Usage
from bench.engines import Ours, sentinel
from bench.figures import Cell, Figures, Plot, Table
from bench.receiver import Receiver, receiving
from bench.sampling import per_second
from bench.verdicts import Verdict

CLIENTS = 100
SENDERS = 2
"""One process for each core."""

SIZE = 500
PIECE = 0.25
"""Seconds of one point in the plot."""

EVENTS_PER_SECOND: Mapping[float, int] = {0.05: 2500, 1.0: 1500}
"""By how long the receiver takes: how many to offer for each second that the measurement should take."""

WANTED: Mapping[float, int] = {0.05: 3000, 1.0: 1500}


def run(context: Context) -> Figures:
    """First the receiver that is a little slow, then the one that is very slow; 400 different URLs."""
    found: dict[float, Measured] = {}
    with receiving() as receiver, sentinel(context, receiver, CLIENTS, name="slow", senders=SENDERS) as ours:
        measure(ours, receiver, Load(4000, SIZE, CLIENTS))
        for delay in WANTED:
            context.say(f"receivers that answer after {delay * 1000:.0f} ms")
            found[delay] = delayed(ours, receiver, delay, round(EVENTS_PER_SECOND[delay] * context.seconds))
    costs: dict[Cell, tuple[Usage, int]] = {_name(delay): (each.usage, each.count) for delay, each in found.items()}
    lines = tuple(per_second(_name(delay), each.told_at, each.began, every=PIECE) for delay, each in found.items())
    return Figures(
        (_rates(found), cost_table("CPU per webhook", "answer after", costs)),
        plots=(Plot("Webhooks to slow receivers", "seconds", "per second", lines),),
        verdicts=tuple(
            Verdict(
                "P7", f"webhooks to receivers of {_name(delay)}", each.told_per_second, "/s", at_least=WANTED[delay]
            )
            for delay, each in found.items()
        ),
    )


def delayed(ours: Ours, receiver: Receiver, seconds: float, count: int) -> Measured:
    """One flood to a receiver that lets everybody wait."""
    receiver.delay(seconds)
    try:
        return measure(ours, receiver, Load(count, SIZE, CLIENTS))
    finally:
        receiver.delay(0)


def _name(delay: float) -> str:
    return f"{delay * 1000:.0f} ms"


def _rates(found: Mapping[float, Measured]) -> Table:
    rows = tuple(
        (_name(delay), each.count, each.told_per_second, each.most_held, each.copies, each.usage.strangers)
        for delay, each in found.items()
    )
    return Table(
        "Webhooks to slow receivers",
        ("answer after", "events", "delivered/s", "waiting at once", "copies", OTHERS),
        rows,
        f"Each event is one signed webhook to one of {CLIENTS * 4} URLs; {SENDERS} webhook workers. Waiting at once: "
        "the most senders that the receiver let wait for their answer.",
    )
