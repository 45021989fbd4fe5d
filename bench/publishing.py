"""Publishers run in processes of their own and tell when they began and which CPU they used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from bench.context import ROOT

LONGEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Told:
    """When publishing began (Unix time), and its CPU seconds without those of starting the program."""

    started: float
    cpu_seconds: float


def tell(publish: Callable[[], None]) -> None:
    """In the publisher: publish, then say on standard output what it took."""
    started, cpu = time.time(), time.process_time()
    publish()
    json.dump(asdict(Told(started, time.process_time() - cpu)), sys.stdout)


def listen(command: tuple[str, ...], environment: Mapping[str, str], *, given: str = "") -> Told:
    """In the bench: run a publisher to its end."""
    return Told(**json.loads(run(command, environment, given=given)))


def run(command: tuple[str, ...], environment: Mapping[str, str], *, given: str = "") -> str:
    """Run one of the bench's programs with `given` as its input; return what it prints."""
    done = subprocess.run(
        command,
        env=dict(environment),
        cwd=ROOT,
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LONGEST_SECONDS,
        check=True,
    )
    return done.stdout
