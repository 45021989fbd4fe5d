"""The stages before delivery. Each returns the ids that go on; an empty list ends the chain.

A stage takes those that follow it on its own queue along: docs/decisions/085-stages-of-one-queue-run-at-once.md.
"""

from __future__ import annotations

import time
from typing import Any

from sentinel import metrics
from sentinel.bell import get_bell
from sentinel.broker import EVENTS, celery
from sentinel.services.matching import matching
from sentinel.services.sending import pipeline
from sentinel.services.unit_of_work import single_statements, unit_of_work

STAGES = {f"tasks.pipeline.{name}": name for name in pipeline.STAGES}


def _run(task: Any, ids: list[str], channel: str) -> list[str]:
    """Run a stage and those that follow it, in one transaction; what is left of the chain goes on by itself."""
    with single_statements() as uow:
        rows = pipeline.waiting(uow, ids)
    with unit_of_work() as uow:  # asks the database for nothing unless a stage has something to write
        rows = pipeline.run(STAGES[task.name], uow, rows)
        while rows and (name := _take_following(task)):
            began = time.monotonic()
            rows = pipeline.run(STAGES[name], uow, rows)
            _count(task, name, time.monotonic() - began)
    if not rows:
        task.request.chain = None
        get_bell().quiet(channel)
    return [row.id for row in rows]


def _take_following(task: Any) -> str | None:
    """Take the next task off the chain (its last item) if it is one of ours; returns its name."""
    chain = task.request.chain
    if not chain or chain[-1]["task"] not in STAGES:
        return None
    following: str = chain.pop()["task"]
    return following


def _count(task: Any, name: str, seconds: float) -> None:
    """Count a stage as the task that it is when it comes alone; its time is no longer that of the task before it."""
    labels = {"worker": task.request.hostname.partition("@")[0], "task": name}
    metrics.count("worker_tasks_total", 1, **labels)
    metrics.observe("worker_task_seconds", seconds, **labels)
    task.request.began += seconds


@celery.task(name="tasks.pipeline.match")
def match(ids: list[str]) -> None:
    """Ask the rules about events; what follows is written and queued."""
    get_bell().quiet(EVENTS)  # the next part-filled message may come while this one is worked on
    matching.match(ids)


@celery.task(bind=True, name="tasks.pipeline.evaluate")
def evaluate(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through what is due and may be sent at all."""
    return _run(self, ids, channel)


@celery.task(bind=True, name="tasks.pipeline.dedupe")
def dedupe(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through one per dedupe key and target."""
    return _run(self, ids, channel)


@celery.task(bind=True, name="tasks.pipeline.rate_limit")
def rate_limit(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through what the limits allow."""
    return _run(self, ids, channel)
