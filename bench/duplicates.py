"""Events that are sent again: how many a second are recognised and refused as duplicates."""

from __future__ import annotations

from dataclasses import replace

from bench.alerts import NOBODY
from bench.contest import Load, order_for
from bench.context import BenchFailedError, Context
from bench.costs import OTHERS, cost_table
from bench.cpu import between, read
from bench.engines import Ours, sentinel
from bench.figures import Figures, Table
from bench.poster import post
from bench.receiver import receiving
from bench.verdicts import Verdict

EVENTS = 20_000
SIZE = 500
POSTERS = 4
TIMES_PER_SECOND = 0.6
WANTED_PER_SECOND = 15_000


def run(context: Context) -> Figures:
    """Store events once, then post the very same again and again."""
    times = max(2, round(TIMES_PER_SECOND * context.seconds))
    with receiving() as receiver, sentinel(context, receiver, 1, name="duplicates") as ours:
        order = replace(order_for(ours, Load(EVENTS, SIZE, 1, NOBODY)), posters=POSTERS)
        context.say(f"{EVENTS} events")
        post(order)
        ours.running.wait_evaluated()
        context.say(f"the same again, {times} times")
        before = read(ours.pids)
        posted = [post(order) for _ in range(times)]
        usage = between(before, read(ours.pids), helpers={"poster": sum(each.cpu_seconds for each in posted)})
        _require_refused(ours)
    seconds = sum(each.ended - each.began for each in posted)
    refused = times * EVENTS
    table = Table(
        "Events sent again",
        ("events", "refused/s", OTHERS),
        ((refused, refused / seconds, usage.strangers),),
        f"{SIZE} in a request, {POSTERS} posters; all answered with 207 and none stored again.",
    )
    costs = cost_table("CPU per event sent again", "load", {"duplicates": (usage, refused)})
    wanted = Verdict("P6", "duplicates refused", refused / seconds, "/s", at_least=WANTED_PER_SECOND)
    return Figures((table, costs), verdicts=(wanted,))


def _require_refused(ours: Ours) -> None:
    stored = ours.running.ask("SELECT count(*) FROM events")[0]
    if stored != EVENTS:
        raise BenchFailedError(f"of {EVENTS} events sent again and again {stored} were stored")
