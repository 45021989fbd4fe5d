"""The stages before delivery. Each returns the ids that go on; an empty list ends the chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentinel.bell import get_bell
from sentinel.broker import EVENTS, celery
from sentinel.services.matching import matching
from sentinel.services.sending import pipeline
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work


def _stage(task: Any, stage: Callable[[UnitOfWork, list[str]], list[str]], ids: list[str], channel: str) -> list[str]:
    with unit_of_work() as uow:
        going = stage(uow, ids)
    if not going:
        task.request.chain = None
        get_bell().quiet(channel)
    return going


@celery.task(name="tasks.pipeline.match")
def match(ids: list[str]) -> None:
    """Ask the rules about events; what follows is written and queued."""
    get_bell().quiet(EVENTS)  # the next part-filled message may come while this one is worked on
    matching.match(ids)


@celery.task(bind=True, name="tasks.pipeline.evaluate")
def evaluate(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through what is due and may be sent at all."""
    return _stage(self, pipeline.evaluate, ids, channel)


@celery.task(bind=True, name="tasks.pipeline.dedupe")
def dedupe(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through one per dedupe key and target."""
    return _stage(self, pipeline.dedupe, ids, channel)


@celery.task(bind=True, name="tasks.pipeline.rate_limit")
def rate_limit(self: Any, ids: list[str], *, channel: str) -> list[str]:
    """Let through what the limits allow."""
    return _stage(self, pipeline.rate_limit, ids, channel)
