"""The machine under the figures: figures without it mean nothing to anybody else."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.context import ROOT
from sentinel.embedded.servers import Servers

PACKAGES = ("aiohttp", "celery", "flask", "flask-smorest", "granian", "kombu", "psycopg2-binary", "redis", "sqlalchemy")
FLUSHES = 50
PAGE = b"x" * 8192


def describe(servers: Servers, folder: Path) -> dict[str, str]:
    """Return what a reader must know, by name."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "kernel": platform.release(),
        "disk": f"{_filesystem(folder)}, one fsync of 8 kB takes {_flush_ms(folder):.2f} ms",
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "servers": f"{servers.postgres.spec.identify()} and {servers.valkey.spec.identify()}, both durable",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "commit": _commit(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _filesystem(folder: Path) -> str:
    """The type of the file system with the longest mount point above `folder`."""
    above = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(above, key=lambda part: len(part.mountpoint)).fstype if above else "unknown file system"


def _flush_ms(folder: Path) -> float:
    """Median time of a write and its fsync: the floor under every commit."""
    path, taken = folder / "flush", []
    with path.open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            begin = time.perf_counter()
            file.write(PAGE)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begin)
    path.unlink()
    return sorted(taken)[FLUSHES // 2] * 1000


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown (no git)"
    done = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown (no repository)"
