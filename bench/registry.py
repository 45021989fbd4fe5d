"""Which benches there are. To add one: a file with `run(context) -> Figures`, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from bench.context import Context
from bench.figures import Figures


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench: its module is imported when it runs. Those with a goal run when none is named.

    `usual_seconds` is what it takes at the usual length of a measurement, for whoever waits.
    """

    name: str
    goals: tuple[str, ...] = ()
    usual_seconds: int = 0

    @property
    def is_usual(self) -> bool:
        """Whether it runs when none is named."""
        return bool(self.goals)

    @property
    def question(self) -> str:
        """Return what it finds out: the first line of its module's docstring."""
        return (importlib.import_module(f"bench.{self.name}").__doc__ or "").partition("\n")[0]

    def run(self, context: Context) -> Figures:
        """Measure."""
        measure: Callable[[Context], Figures] = importlib.import_module(f"bench.{self.name}").run
        return measure(context)


BENCHES = (
    Bench("singles", ("P1",), 150),
    Bench("latency", ("P2", "P3"), 90),
    Bench("events", ("P4", "P11"), 200),
    Bench("fan_out", ("P5",), 60),
    Bench("duplicates", ("P6",), 50),
    Bench("slow_receivers", ("P7",), 70),
    Bench("tls_senders", ("P8",), 60),
    Bench("million_stored", ("P9", "P12"), 190),
    Bench("idle_memory", ("P10",), 50),
    Bench("growth", ("P11",), 130),
    Bench("chains"),
    Bench("api_threads"),
    Bench("matching"),
    Bench("million_rules"),
    Bench("rule_state"),
    Bench("probes"),
    Bench("books"),
    Bench("retention"),
    Bench("shutdown"),
    Bench("streams"),
    Bench("importer"),
)
