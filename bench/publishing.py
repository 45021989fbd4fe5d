"""Publishers run in processes of their own: they prepare, wait for the word, publish, and tell what it took."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from bench.context import ROOT, BenchFailedError

READY = "ready"
GO = "go"
ENDING_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Told:
    """When publishing began (Unix time), and its CPU seconds without those of starting the program."""

    started: float
    cpu_seconds: float


def publish_on_demand(publish: Callable[[], None]) -> None:
    """In the publisher: say that all is prepared, wait for the word, publish, and tell what it took."""
    _say(READY)
    sys.stdin.readline()
    started, cpu = time.time(), time.process_time()
    publish()
    _say(json.dumps(asdict(Told(started, time.process_time() - cpu))))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def prepared(module: str, *arguments: str, environment: Mapping[str, str]) -> Iterator[Callable[[], Told]]:
    """In the bench: start the publisher; what is yielded makes it publish."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=dict(environment),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _expect(_line(process), module)
        yield lambda: _publish(process)
        process.wait(timeout=ENDING_SECONDS)
    finally:
        process.kill()
        process.communicate()


def _publish(process: subprocess.Popen[str]) -> Told:
    process.stdin.write(GO + "\n")  # type: ignore[union-attr]
    process.stdin.flush()  # type: ignore[union-attr]
    return Told(**json.loads(_line(process)))


def _line(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().strip()  # type: ignore[union-attr]


def _expect(line: str, module: str) -> None:
    if line != READY:
        raise BenchFailedError(f"{module} could not prepare; its error stands above")
