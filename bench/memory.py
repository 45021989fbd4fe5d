"""Memory of process trees, shared pages divided among those that share them."""

from __future__ import annotations

import psutil

MIB = 2**20


def pss_mib(pid: int) -> float:
    """MiB of a process with all its children."""
    root = psutil.Process(pid)
    return sum(_pss(process) for process in (root, *root.children(recursive=True))) / MIB


def _pss(process: psutil.Process) -> int:
    try:
        found: int = process.memory_full_info().pss
    except psutil.NoSuchProcess:  # a database session that ended just now
        return 0
    return found
