"""What to run so that somebody listens to a queue. Pure."""

from __future__ import annotations

from collections.abc import Sequence

OF_PIPELINE = frozenset({"pipeline", "receipts", "maintenance", "inbox"})


def command(queue: str) -> str:
    """What to run so that somebody listens to a queue."""
    channel = queue.removesuffix(".retry")
    return "sentinel worker --pipeline" if channel in OF_PIPELINE else f"sentinel worker --channel {channel}"


def by_command(queues: Sequence[str]) -> dict[str, list[str]]:
    """Put queues together by the command that would start a worker for them."""
    found: dict[str, list[str]] = {}
    for queue in queues:
        found.setdefault(command(queue), []).append(queue)
    return found
