"""Traces as tests of them need them: a caller's, a batch's, and what has come to the collector."""

from __future__ import annotations

from typing import Any

from sentinel import tracing
from tests.collector import Collector, Span

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
TRACE, SPAN = CALLER["traceparent"].split("-")[1:3]


def caller(number: int, *, flags: str = "01") -> str:
    """What another caller says: each number is a trace of its own."""
    return f"00-{number + 1:032x}-{number + 1:016x}-{flags}"


def batch(name: str = "a batch") -> Any:
    """Stands for the span of a task."""
    return tracing.continued(name, None, kind="consumer", attributes={})


def exported(collector: Collector, name: str) -> list[Span]:
    """Let this process export, and return the spans of that name."""
    recorder = tracing.get_recorder()
    assert recorder
    recorder.flush()
    return collector.named(name)
