"""Memory of process trees, shared pages divided among those that share them."""

from __future__ import annotations

import psutil

MIB = 2**20


def pss_mib(pid: int) -> float:
    """MiB of a process with all its children."""
    root = psutil.Process(pid)
    return sum(pss_bytes(process) for process in (root, *root.children(recursive=True))) / MIB


def pss_bytes(process: psutil.Process) -> int:
    """Bytes of one process; none if it has just ended."""
    try:
        found: int = process.memory_full_info().pss
    except psutil.NoSuchProcess:  # a database session that ended just now
        return 0
    return found
