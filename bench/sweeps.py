"""Calls each sweeper several times, as a worker would: `python -m bench.sweeps TIMES PERCENTILE`.

The last line it prints has milliseconds by name as JSON; before it stand the sweepers' own words.
"""

from __future__ import annotations

import json
import sys
import time

from bench.figures import percentile
from sentinel.broker import celery
from tasks import maintenance, receipts

SWEEPERS = (
    maintenance.sweep_waiting,
    maintenance.sweep_leases,
    maintenance.sweep_failover,
    maintenance.sweep_alerts,
    maintenance.sweep_silences,
    maintenance.fire_due,
    maintenance.prune,
    receipts.sweep,
    receipts.tell,
)


def milliseconds(name: str) -> float:
    """How long one turn takes."""
    begin = time.perf_counter()
    celery.tasks[name]()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    turns = range(int(sys.argv[1]) + 1)
    found = {task.name: [milliseconds(task.name) for _ in turns][1:] for task in SWEEPERS}
    sys.stdout.write(json.dumps({name: percentile(each, float(sys.argv[2])) for name, each in found.items()}))
