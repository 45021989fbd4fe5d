"""Memory of process trees, shared pages divided among those that share them."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

MIB = 2**20


def pss_mib(pids: Iterable[int]) -> float:
    """MiB of these processes with all their children."""
    return sum(_pss(process) for pid in pids for process in _tree(pid)) / MIB


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _pss(process: psutil.Process) -> int:
    try:
        found: int = process.memory_full_info().pss
    except psutil.NoSuchProcess:  # a database session that ended just now
        return 0
    return found
