"""A worker tells of itself while it beats: what the console knows of workers."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

from celery.signals import heartbeat_sent, worker_init, worker_shutdown

from sentinel.presence import TELL_SECONDS, Node, tell

MOST_PATIENCE = 8
"""While Redis is away a word comes ever more rarely: each may hold up the worker's loop for a second."""


class Teller:
    """What one worker tells, from the loop that also beats: no thread of its own, nothing for a child to inherit."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._started_at = time.time()
        self._next_at = 0.0
        self._patience = 1

    def tell_now_and_then(self) -> None:
        """Tell, if it is time."""
        if time.monotonic() < self._next_at:
            return
        is_told = tell(self._node())
        self._patience = 1 if is_told else min(2 * self._patience, MOST_PATIENCE)
        self._next_at = time.monotonic() + TELL_SECONDS * self._patience

    def take_leave(self) -> None:
        """Tell that this is the end."""
        node = self._node()
        tell(replace(node, stopped_at=node.seen_at))

    def _node(self) -> Node:
        worker = self._worker
        pool = worker.pool_cls if isinstance(worker.pool_cls, str) else worker.pool_cls.__module__.rpartition(".")[2]
        queues = tuple(sorted(worker.app.amqp.queues.consume_from))
        return Node(worker.hostname, queues, int(worker.concurrency), pool, os.getpid(), self._started_at, time.time())


_tellers: list[Teller] = []
"""That of this process' worker: signals come without it."""


@worker_init.connect
def _begin(sender: Any, **_: Any) -> None:
    _tellers[:] = [Teller(sender)]


@heartbeat_sent.connect
def _beats(**_: Any) -> None:
    for teller in _tellers:
        teller.tell_now_and_then()


@worker_shutdown.connect
def _ends(**_: Any) -> None:
    for teller in _tellers:
        teller.take_leave()
