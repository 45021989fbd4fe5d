"""What finding the rules that an event matches takes, and costs, with a million of them."""

from __future__ import annotations

import resource

from bench.context import Context
from bench.figures import Figures, Table
from bench.matching import measure

CLIENTS = 3473


def run(context: Context) -> Figures:
    """Measure both sets; takes some minutes and two gigabytes."""
    tables = measure(context, (CLIENTS,))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Figures((*tables, Table("Memory of the whole bench", ("peak GB",), ((round(peak, 2),),))))
