"""CPU seconds of process trees, and of everything else on the machine meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds used so far, by name, at one moment; `machine` counts every process there is."""

    at: float
    by_name: dict[str, float]
    own: float
    machine: float


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds by name between two readings, and how many cores strangers kept busy."""

    by_name: dict[str, float]
    strangers: float

    @property
    def total(self) -> float:
        """Return the CPU seconds of all that was watched."""
        return sum(self.by_name.values())

    def per(self, count: int) -> dict[str, float]:
        """Return microseconds by name for each of `count` pieces of work, and `all` together."""
        shares = {name: seconds / count * 1e6 for name, seconds in self.by_name.items()}
        return shares | {"all": self.total / count * 1e6}


def read(pids: Mapping[str, int]) -> Reading:
    """Read the processes under `pids` with all their children, living and ended."""
    busy = psutil.cpu_times()
    machine = sum(busy) - busy.idle - busy.iowait - busy.guest - busy.guest_nice  # guests are counted in user
    times = os.times()
    own = times.user + times.system
    return Reading(time.monotonic(), {name: _tree_seconds(pid) for name, pid in pids.items()}, own, machine)


def between(before: Reading, after: Reading, *, helpers: Mapping[str, float] | None = None) -> Usage:
    """What was used from one reading to the other; `helpers` ended meanwhile and told their own CPU seconds."""
    used = {name: seconds - before.by_name[name] for name, seconds in after.by_name.items()} | dict(helpers or {})
    ours = sum(used.values()) + after.own - before.own
    strangers = (after.machine - before.machine - ours) / (after.at - before.at)
    return Usage(used, max(0.0, strangers))


def _tree_seconds(pid: int) -> float:
    root = psutil.Process(pid)
    return sum(_seconds(process) for process in (root, *root.children(recursive=True)))


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a database session that ended just now: its parent's next reading has it
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
