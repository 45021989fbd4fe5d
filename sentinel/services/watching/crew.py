"""The workers by name: who works, since when, who is gone, and what each has done lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from sentinel.presence import Node
from sentinel.services.watching.curves import LATE
from sentinel.services.watching.history import ERRORS, RINGS, SECONDS, TASKS, WORKERS, Works

MINUTE = 60.0

RETRY = ".retry"

REPLACED_SECONDS = 3600.0
"""How long a lost worker is shown beside others of its name: a host that is never coming back has been replaced."""


class Presence(StrEnum):
    """Whether a worker works."""

    ONLINE = "online"
    STOPPED = "stopped"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker did in the time that is looked at."""

    seconds: float
    tasks: float
    task_seconds: float
    rings: float
    errors: float
    trend: tuple[float, ...]
    """Tasks a minute, oldest first."""

    @property
    def per_minute(self) -> float:
        """Tasks a minute."""
        return self.tasks * MINUTE / self.seconds if self.seconds else 0.0

    @property
    def mean_seconds(self) -> float | None:
        """How long a task takes; None if there was none."""
        return self.task_seconds / self.tasks if self.tasks else None


NOTHING = Done(0.0, 0.0, 0.0, 0.0, 0.0, ())


@dataclass(frozen=True, slots=True)
class Member:
    """All workers of one name: on several hosts where it was scaled."""

    label: str
    nodes: tuple[Node, ...]
    presence: Presence
    since: float
    """When the longest of those online began, or when the last was seen."""
    online: int
    done: Done

    @property
    def serves(self) -> tuple[str, ...]:
        """What they listen to; a channel's two queues in one word."""
        queues = {queue for node in self.nodes for queue in node.queues}
        pairs = {queue for queue in queues if f"{queue}{RETRY}" in queues}
        alone = queues - pairs - {f"{queue}{RETRY}" for queue in pairs}
        return tuple(sorted([*alone, *(f"{queue} + retry" for queue in pairs)]))

    @property
    def lost(self) -> int:
        """How many vanished and are missed."""
        return int(self.presence is Presence.LOST) if not self.online else len(self.nodes) - self.online

    @property
    def slots(self) -> int:
        """How many tasks those that work run at once, all together."""
        return sum(node.slots for node in self.nodes[: self.online or None])


def crew(nodes: Iterable[Node], works: Sequence[tuple[float, Works]], *, now: float) -> list[Member]:
    """Return the members by name, those that are lost first."""
    lately = [(at, work) for at, work in works if now - at <= WORKERS.seconds]  # kept by number, however old
    by_label = defaultdict[str, list[Node]](list)
    for node in nodes:
        by_label[node.label].append(node)
    members = [_member(label, found, _done(lately, label), now=now) for label, found in by_label.items()]
    return sorted(members, key=lambda member: (member.presence != Presence.LOST, member.label))


def served(nodes: Iterable[Node], *, now: float) -> Mapping[str, tuple[str, ...]]:
    """Return by queue the names of the workers that listen to it now."""
    found = defaultdict[str, set[str]](set)
    for node in nodes:
        if node.is_online(now):
            for queue in node.queues:
                found[queue].add(node.label)
    return {queue: tuple(sorted(labels)) for queue, labels in found.items()}


def presence_of(node: Node, *, now: float) -> Presence:
    """Whether one works, has ended, or vanished."""
    if node.is_online(now):
        return Presence.ONLINE
    return Presence.LOST if node.stopped_at is None else Presence.STOPPED


def _member(label: str, nodes: Sequence[Node], done: Done, *, now: float) -> Member:
    online = [node for node in nodes if node.is_online(now)]
    if online:
        lately = [node for node in nodes if _is_missed(node, now=now)]
        since = min(node.started_at for node in online)
        return Member(label, tuple(online + lately), Presence.ONLINE, since, len(online), done)
    last = max(nodes, key=lambda node: node.seen_at)
    return Member(label, (last,), presence_of(last, now=now), last.seen_at, 0, done)


def _is_missed(node: Node, *, now: float) -> bool:
    """Whether one that vanished may still be looked for, though others of its name work."""
    return presence_of(node, now=now) is Presence.LOST and now - node.seen_at < REPLACED_SECONDS


def _done(works: Sequence[tuple[float, Works]], label: str) -> Done:
    """Add up what was done from look to look; where counters began anew, or nobody looked, nothing is known."""
    total, seconds, trend = [0.0] * 4, 0.0, []
    for (start, before), (end, after) in pairwise(works):
        added = [
            late - early for early, late in zip(before.get(label, [0.0] * 4), after.get(label, [0.0] * 4), strict=True)
        ]
        if 0 < end - start <= LATE * WORKERS.period and min(added) >= 0:
            total = [one + other for one, other in zip(total, added, strict=True)]
            seconds += end - start
            trend.append(added[TASKS] * MINUTE / (end - start))
    if not seconds:
        return NOTHING
    return Done(seconds, total[TASKS], total[SECONDS], total[RINGS], total[ERRORS], tuple(trend))
