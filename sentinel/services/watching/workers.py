"""The workers as they tell of themselves, and the queues that nobody serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from redis.exceptions import RedisError

from sentinel import presence
from sentinel.broker import celery
from sentinel.errors import ConflictError, NotFoundError
from sentinel.logs import get_logger
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import crew, history
from sentinel.services.watching.crew import Member
from sentinel.services.watching.serving import by_command

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkersSeen:
    """Everybody who works or has worked lately, and by the command that would help: queues without a worker."""

    members: Sequence[Member]
    unserved: dict[str, list[str]]

    @property
    def online(self) -> int:
        """How many processes work."""
        return sum(member.online for member in self.members)

    @property
    def lost(self) -> int:
        """How many processes vanished without a good-bye, and are missed."""
        return sum(member.lost for member in self.members)


def look(now: datetime) -> WorkersSeen:
    """Look at all workers; raises RedisError."""
    nodes, at = presence.nodes(), now.timestamp()
    served = crew.served(nodes, now=at)
    unserved = [queue.name for queue in celery.conf.task_queues if queue.name not in served]
    return WorkersSeen(crew.crew(nodes, history.works(), now=at), by_command(unserved))


def forget(uow: UnitOfWork, label: str) -> int:
    """After the commit, remember no more those of a name that are gone; returns how many. Raises RedisError."""
    named = [node for node in presence.nodes() if node.label == label]
    if not named:
        raise NotFoundError(f"there is no worker {label[:50]!r}; the page Workers lists those there are")
    gone = [node.name for node in named if not node.is_online(uow.now.timestamp())]
    if not gone:
        raise ConflictError(f"worker {label} works, and would tell of itself again; stop it first")
    uow.after_commit(partial(_forget, gone))
    return len(gone)


def _forget(names: Sequence[str]) -> None:
    try:
        presence.forget(names)
    except RedisError as error:
        log.warning("workers_not_forgotten", names=len(names), error=type(error).__name__)  # they stay in the list
