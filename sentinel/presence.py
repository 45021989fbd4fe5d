"""Who works: each worker tells of itself now and then, so that those that are gone are known, and since when.

Nobody has to ask them: an answer to `celery inspect` takes as long as the slowest worker, and one that is gone says
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import redis

from sentinel.logs import get_logger
from sentinel.store import get_store

log = get_logger(__name__)

HASH = "sentinel:workers"

TELL_SECONDS = 10.0
"""How often a worker tells of itself: one short command."""

LOST_SECONDS = 35.0
"""After so long without a word a worker is taken for gone: it has failed to speak three times."""

KEPT_SECONDS = 7 * 86_400.0
"""How long one that is gone is remembered."""

MOST_KEPT = 500
"""Hosts of containers have new names at each start; the longest gone are forgotten first."""


@dataclass(frozen=True, slots=True)
class Node:
    """A worker as it tells of itself; `name` is `NAME@HOST`, `slots` how many tasks it runs at once."""

    name: str
    queues: tuple[str, ...]
    slots: int
    pool: str
    pid: int
    started_at: float
    seen_at: float
    stopped_at: float | None = None
    """When it ended in good order."""

    @property
    def label(self) -> str:
        """The name under which it counts what it does: several hosts may have a worker of one name."""
        return self.name.partition("@")[0]

    @property
    def host(self) -> str:
        """Where it runs."""
        return self.name.partition("@")[2]

    def is_online(self, now: float) -> bool:
        """Whether it works, as far as anybody can know."""
        return self.stopped_at is None and now - self.seen_at < LOST_SECONDS


def tell(node: Node) -> bool:
    """Say that a worker is there, or that it has ended; False while Redis is away."""
    told = {name: value for name, value in asdict(node).items() if name != "name"}
    try:
        get_store().hset(HASH, node.name, orjson.dumps(told))  # type: ignore[arg-type] # bytes are as good
    except redis.RedisError as error:
        log.debug("presence_not_told", error=type(error).__name__)
        return False
    return True


def nodes() -> list[Node]:
    """Return all workers that are remembered, by name; raises RedisError."""
    stored: Any = get_store().hgetall(HASH)
    return sorted((_node(name, told) for name, told in stored.items()), key=lambda node: node.name)


def forget(names: Collection[str]) -> None:
    """Remember these workers no more; one that still works tells of itself again. Raises RedisError."""
    if names:
        get_store().hdel(HASH, *names)


def prune() -> None:
    """Forget who has been gone for long; raises RedisError."""
    now, known = time.time(), sorted(nodes(), key=lambda node: node.seen_at, reverse=True)
    forget([node.name for place, node in enumerate(known) if place >= MOST_KEPT or now - node.seen_at > KEPT_SECONDS])


def _node(name: bytes, told: bytes) -> Node:
    facts = orjson.loads(told)
    return Node(name.decode(), **facts | {"queues": tuple(facts["queues"])})
