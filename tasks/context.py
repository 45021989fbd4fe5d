"""What goes along with a task while it runs: ids in its log lines, and its span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from sentinel import tracing
from sentinel.broker import celery
from sentinel.logs import say_with
from sentinel.tracing import FIELD


def enter(task: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> ExitStack:
    """Begin what `close` of the result ends."""
    around, facts = ExitStack(), _facts(arguments, named)
    around.callback(say_with(task_id=task.request.id, task=task.name, **facts))
    if tracing.start() and task.name not in _periodic():
        known = {"messaging.system": "celery", "messaging.message.id": task.request.id}
        known |= {f"sentinel.{name}": value for name, value in facts.items()}
        trace = getattr(task.request, FIELD, None)
        around.enter_context(tracing.continued(task.name, trace, kind="consumer", attributes=known))
    return around


@lru_cache(maxsize=1)
def _periodic() -> frozenset[str]:
    """What beat rings every few seconds, mostly for nothing: no traces. What it queues begins one of its own."""
    return frozenset(entry["task"] for entry in celery.conf.beat_schedule.values())


def _facts(arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Which channel, and how many ids; tasks of beat have neither."""
    facts = {"channel": named["channel"]} if "channel" in named else {}
    return facts | ({"batch_size": len(arguments[0])} if arguments else {})
