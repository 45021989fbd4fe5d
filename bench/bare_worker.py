"""A prefork Celery worker for the bare chains, on a Redis database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from bench.context import ROOT, BenchFailedError, Context
from bench.cpu import Usage, between, read
from bench.publishing import Told, prepared

# The app itself reads REDIS_URL when it is imported: only its own processes import it.
APP = "bench.bare_chain"
QUEUE = "bare"
UNACKNOWLEDGED = "unacked"
WAITS = "bare:waits"
DATABASE = "/1"
POLL_SECONDS = 0.02
LONGEST_SECONDS = 120
CHAINS_PER_SECOND = 150
"""Roughly; so many are queued for each second that a measurement should take."""


@dataclass(frozen=True, slots=True)
class Series:
    """Ids (or bare chains) that went through, in which time and with which CPU."""

    count: int
    seconds: float
    usage: Usage

    @property
    def per_second(self) -> float:
        """Return how many went through in a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class BareWorker:
    """A running worker and the way to its queue."""

    process: subprocess.Popen[bytes]
    valkey_pid: int
    environment: dict[str, str]

    @property
    def pids(self) -> dict[str, int]:
        """The root of each process tree, by name."""
        return {"worker": self.process.pid, "valkey": self.valkey_pid}

    def publisher(self, *arguments: str) -> AbstractContextManager[Callable[[], Told]]:
        """Prepare chains: how many, and how many a second if they are not to come all at once."""
        return prepared(APP, *arguments, environment=self.environment)

    def wait_idle(self) -> float:
        """Wait until nothing is queued or under way; return when that was (Unix time)."""
        deadline = time.monotonic() + LONGEST_SECONDS
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as store:
            while not _is_idle(store):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise BenchFailedError(f"the bare chains were not done within {LONGEST_SECONDS} s")
                time.sleep(POLL_SECONDS)
        return time.time()


def bare_chains(worker: BareWorker, count: int) -> Series:
    """Queue so many chains and wait for their end; the publisher works beside the worker, as an application would."""
    with worker.publisher(str(count)) as publish:
        worker.wait_idle()
        before = read(worker.pids)
        told = publish()
        ended = worker.wait_idle()
        usage = between(before, read(worker.pids), helpers={"publisher": told.cpu_seconds})
    return Series(count, ended - told.started, usage)


def bare_waits(worker: BareWorker, count: int, *, rate: float) -> list[float]:
    """Milliseconds from the publisher of a chain to its fourth task, at so many chains a second."""
    with redis.Redis.from_url(worker.environment["REDIS_URL"]) as store:
        with worker.publisher(str(count), str(rate)) as publish:
            worker.wait_idle()
            store.delete(WAITS)
            publish()
            worker.wait_idle()
        found: Any = store.lrange(WAITS, 0, -1)
    return [float(each) for each in found]


def _is_idle(store: redis.Redis) -> bool:
    """A task queues its successor before it is acknowledged: between the two there is always something to see."""
    with store.pipeline() as together:
        together.llen(QUEUE)
        together.hlen(UNACKNOWLEDGED)
        waiting, held = together.execute()
    return not waiting and not held


@contextmanager
def bare_worker(context: Context, *, processes: int = 1) -> Iterator[BareWorker]:
    """Start the worker; the first chains wait for it."""
    environment = dict(os.environ) | {"REDIS_URL": context.servers.redis_url.rpartition("/")[0] + DATABASE}
    command = [sys.executable, "-m", "celery", "--quiet", "-A", APP, "worker", "--concurrency", str(processes)]
    log_path = context.folder / "bare-worker.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--without-mingle", "--without-gossip"],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    try:
        yield BareWorker(process, context.servers.valkey.pid, environment)
    finally:
        process.terminate()
        process.wait(timeout=30)
