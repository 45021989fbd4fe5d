"""Each event heard by a hundred clients: notifications written and delivered to the sandbox per second."""

from __future__ import annotations

from bench.alerts import EVERYBODY
from bench.contest import Load, measure
from bench.context import Context
from bench.costs import OTHERS, cost_table
from bench.engines import sentinel
from bench.figures import Figures, Table
from bench.receiver import receiving
from bench.verdicts import Verdict

CLIENTS = 100
EVENTS_PER_SECOND = 40
SIZE = 64
WANTED_PER_SECOND = 6000


def run(context: Context) -> Figures:
    """One flood of events that a rule of every client matches."""
    with receiving() as receiver, sentinel(context, receiver, CLIENTS, name="fan_out") as ours:
        ours.send_to_sandbox()
        measure(ours, receiver, Load(10, 10, CLIENTS, EVERYBODY), is_received=False)
        count = round(EVENTS_PER_SECOND * context.seconds)
        context.say(f"{count} events for {CLIENTS} clients each")
        found = measure(ours, receiver, Load(count, SIZE, CLIENTS, EVERYBODY), is_received=False)
    rate = found.told_per_second * CLIENTS
    table = Table(
        f"Events heard by {CLIENTS} clients each",
        ("events", "notifications", "events/s", "notifications/s", OTHERS),
        ((count, count * CLIENTS, found.told_per_second, rate, found.usage.strangers),),
        f"{SIZE} events in a request; counted until the last row is SENT.",
    )
    costs = cost_table("CPU per notification", "load", {"fan-out": (found.usage, count * CLIENTS)})
    return Figures(
        (table, costs),
        plots=(found.samples.plot("Cores kept busy by a fan-out"),),
        verdicts=(Verdict("P5", "notifications of a fan-out to the sandbox", rate, "/s", at_least=WANTED_PER_SECOND),),
    )
