"""Which benches there are. To add one: a file with `run(context) -> Figures`, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from bench.context import Context
from bench.figures import Figures


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench: its module is imported when it runs. What `is_usual` runs when none is named."""

    name: str
    is_usual: bool = True

    @property
    def question(self) -> str:
        """Return what it finds out: the first line of its module's docstring."""
        return (importlib.import_module(f"bench.{self.name}").__doc__ or "").partition("\n")[0]

    def run(self, context: Context) -> Figures:
        """Measure."""
        measure: Callable[[Context], Figures] = importlib.import_module(f"bench.{self.name}").run
        return measure(context)


BENCHES = (
    Bench("accept"),
    Bench("idle_latency"),
    Bench("chains"),
    Bench("api_threads", is_usual=False),
    Bench("matching", is_usual=False),
    Bench("million_rules", is_usual=False),
    Bench("rule_state", is_usual=False),
    Bench("events", is_usual=False),
    Bench("probes", is_usual=False),
    Bench("books", is_usual=False),
    Bench("retention", is_usual=False),
    Bench("shutdown", is_usual=False),
)
