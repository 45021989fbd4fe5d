"""The memory that `sentinel up` takes as it is shipped, while nobody asks anything of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.context import BenchFailedError, Context
from bench.figures import Figures, Table
from bench.memory import MIB, pss_bytes
from bench.verdicts import Verdict
from sentinel.embedded.ports import choose_port

MOST_MB = 600
MB = 10**6
START_SECONDS = 120
STOP_SECONDS = 90
REST_SECONDS = 30
"""Long enough for what happens once after the start, and for some turns of each sweeper."""
READY = "Sentinel is ready."
KINDS = ("granian", "beat", "flower", "postgres", "valkey-server")


def run(context: Context) -> Figures:
    """Start everything in a directory of its own, wait, and add up what each process has."""
    with TemporaryDirectory(prefix="sentinel-idle-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # servers that root starts run as somebody else, who must be able to pass through
        with running(folder) as (supervisor, start_seconds):
            context.say(f"ready after {start_seconds:.1f} s; {REST_SECONDS} s of rest")
            time.sleep(REST_SECONDS)
            sizes = sizes_of(supervisor)
    total = sum(size for _, size in sizes)
    rows = tuple((part, size / MIB) for part, size in by_part(sizes).items())
    table = Table(
        "Memory of an idle installation",
        ("process", "MiB"),
        (*rows, ("all", total / MIB)),
        "Proportional set size: a page that several processes share is divided among them. "
        f"The start took {start_seconds:.1f} s, with the making of a database cluster.",
    )
    return Figures(
        (table,), verdicts=(Verdict("P10", "memory of all processes, idle", total / MB, "MB", at_most=MOST_MB),)
    )


@contextmanager
def running(folder: Path) -> Iterator[tuple[psutil.Process, float]]:
    """Yield the supervisor of a `sentinel up` that is ready, and the seconds that its start took."""
    ports = {"SENTINEL_API_PORT": str(choose_port()), "SENTINEL_FLOWER_PORT": str(choose_port())}
    begin, log = time.monotonic(), folder / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sentinel", "up"],
            env=os.environ | ports | {"SENTINEL_STATE_DIR": str(folder / "state")},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        while READY not in log.read_text():
            if process.poll() is not None or time.monotonic() - begin > START_SECONDS:
                raise BenchFailedError(f"sentinel up did not start: {log.read_text()[-500:]}")
            time.sleep(0.05)
        yield psutil.Process(process.pid), time.monotonic() - begin
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def sizes_of(supervisor: psutil.Process) -> list[tuple[str, int]]:
    """Name and bytes of each process below `supervisor`, and of itself."""
    family = (supervisor, *supervisor.children(recursive=True))
    return [(part_of(process), pss_bytes(process)) for process in family]


def part_of(process: psutil.Process) -> str:
    """Return which part of the installation a process belongs to: a worker by its name, others by their program."""
    words = process.cmdline()
    node = next((word.partition("@")[0] for word in words if word.endswith("@%h")), None)
    programs = (kind for kind in KINDS if kind in words or process.name() == kind)
    return node or next(programs, "sentinel up")


def by_part(sizes: list[tuple[str, int]]) -> dict[str, int]:
    """Add up the processes of each part, largest first."""
    totals: dict[str, int] = {}
    for part, size in sizes:
        totals[part] = totals.get(part, 0) + size
    return dict(sorted(totals.items(), key=lambda item: -item[1]))
