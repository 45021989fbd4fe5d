"""A process that POSTs alerts to an engine over kept connections, one thread each.

Reads an `Order` as JSON from its standard input and writes a `Posted` as JSON to its standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from bench.alerts import WRITINGS, body, numbered
from bench.context import ROOT, BenchFailedError
from bench.generator import Connection, request

ENDING_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Order:
    """What to post where; each request of a poster follows the answer to the one before it."""

    engine: str
    port: int
    api_key: str
    run: int
    audience: str
    clients: int
    count: int
    size: int
    posters: int

    def requests(self) -> Iterator[range]:
        """The numbers of the alerts of each request."""
        return (range(start, min(start + self.size, self.count)) for start in range(0, self.count, self.size))


@dataclass(slots=True)
class Posted:
    """When each request was sent (Unix time), by the number of its first alert, and how they were answered."""

    sent: dict[int, float] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    cpu_seconds: float = 0.0


class Posting:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._writing = WRITINGS[order.engine]
        # Written beforehand: while the engine works, only sending takes its time.
        self._requests = iter([(numbers, self._request(numbers)) for numbers in order.requests()])
        self._taking = threading.Lock()
        self._sent: dict[int, float] = {}
        self._statuses: Counter[str] = Counter()

    def run(self) -> Posted:
        """Post everything; returns when the last answer has come."""
        connections = [Connection(self._order.port) for _ in range(self._order.posters)]
        self._began, cpu = time.time(), time.process_time()
        threads = [threading.Thread(target=self._work, args=(each,)) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Posted(self._sent, dict(self._statuses), self._began, time.time(), time.process_time() - cpu)

    def _work(self, connection: Connection) -> None:
        while (taken := self._take()) is not None:
            first, ready = taken
            self._sent[first] = now = time.time()
            connection.post(ready, first, now)
            while (status := connection.answer()) is None:
                pass
            with self._taking:
                self._statuses[status] += 1

    def _take(self) -> tuple[int, bytes] | None:
        """The next request, by its first alert."""
        with self._taking:
            taken = next(self._requests, None)
            if taken is None:
                return None
            (first, *_), ready = taken
            return first, ready

    def _request(self, numbers: range) -> bytes:
        order = self._order
        content = body(order.engine, list(numbered(order.run, numbers, order.audience, order.clients)))
        path = self._writing.one if len(numbers) == 1 else self._writing.many
        return request(order.port, order.api_key, path, content)


def post(order: Order) -> Posted:
    """In the bench: carry out the order in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.poster"],
        input=json.dumps(asdict(order)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=ENDING_SECONDS,
        check=True,
    )
    found = json.loads(done.stdout)
    posted = Posted(**found | {"sent": {int(number): moment for number, moment in found["sent"].items()}})
    refused = {each: count for each, count in posted.statuses.items() if each not in WRITINGS[order.engine].accepted}
    if refused or sum(posted.statuses.values()) != len(posted.sent):
        raise BenchFailedError(f"{order.engine} did not accept every alert, but answered {posted.statuses}")
    return posted


if __name__ == "__main__":
    json.dump(asdict(Posting(Order(**json.load(sys.stdin))).run()), sys.stdout)
