"""Traces by OpenTelemetry, from a request to the provider's call. While they are off nothing is loaded for them.

Batches belong to many traces at once: docs/decisions/140-the-trace-is-in-the-row.md.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from sentinel.once import Once
from sentinel.settings import get_settings
from sentinel.stopping import at_end

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sentinel.tracing.recorder import Recorder

Attributes = Mapping[str, str | int]
Kind = Literal["server", "consumer", "client", "internal"]

FIELD = "traceparent"
"""Where a trace is handed on: a header of HTTP and of queue messages, and a column. https://www.w3.org/TR/trace-context"""

_NOTHING = nullcontext()


@Once
def get_recorder() -> Recorder | None:
    """Return the recorder of this process; None while traces are off. What it holds leaves when the process ends."""
    endpoint = get_settings().traces_endpoint
    if endpoint is None:
        return None
    from sentinel.tracing.recorder import Recorder  # noqa: PLC0415 - only who wants traces loads OpenTelemetry

    recorder = Recorder(endpoint)
    at_end(recorder.close, turn=0)  # after all that may still be done
    return recorder


# A child begins with a recorder of its own: neither thread nor connection of its parent's is there.
os.register_at_fork(after_in_child=get_recorder.forget)


def prepare() -> None:
    """Load what records, if the settings want it: once for all children, and not while a first message waits."""
    if get_settings().traces_endpoint is not None:
        importlib.import_module("sentinel.tracing.recorder")


def start() -> bool:
    """Record from now on, if the settings want it: for processes that serve requests or tasks, after their fork."""
    return get_recorder() is not None


def stop() -> None:
    """Export what is left; nothing is recorded any more."""
    if recorder := _recorder():
        recorder.close()


def _recorder() -> Recorder | None:
    return get_recorder() if get_recorder.is_made else None


def is_on() -> bool:
    """Whether this process records traces."""
    return _recorder() is not None


def continued(
    name: str, traceparent: str | None, *, kind: Kind, attributes: Attributes
) -> AbstractContextManager[object]:
    """Work in a span that continues the trace of a request or a message, or begins one where there is none."""
    recorder = _recorder()
    return recorder.continued(name, traceparent, kind, attributes) if recorder else _NOTHING


def apart(name: str, traceparent: str | None, *, attributes: Attributes) -> AbstractContextManager[object]:
    """Work on one member of a batch in a span of the member's own trace, linked to the batch; without one, in none."""
    recorder = _recorder()
    return recorder.apart(name, traceparent, attributes) if recorder and traceparent else _NOTHING


def within(name: str, attributes: Attributes | None = None) -> AbstractContextManager[object]:
    """Work in a span inside the current one, if there is one."""
    recorder = _recorder()
    return recorder.within(name, attributes or {}) if recorder else _NOTHING


def note(attributes: Attributes, *, failure: str | None = None) -> None:
    """Add what is known now to the current span; `failure` is a word for what went wrong."""
    if recorder := _recorder():
        recorder.note(attributes, failure)


def link(traceparents: Iterable[str]) -> None:
    """Link the current span to the traces of its batch's members."""
    if recorder := _recorder():
        recorder.link(traceparents)


def carried() -> dict[str, str]:
    """Return what a row or a webhook takes along of the current trace: nothing, unless it is recorded."""
    recorder = _recorder()
    return recorder.carried() if recorder else {}


def handed_on() -> dict[str, str]:
    """Return what a queue message takes along: also that the current trace is not recorded."""
    recorder = _recorder()
    return recorder.handed_on() if recorder else {}


def log_ids() -> dict[str, str]:
    """Return the ids by which a log line finds its trace."""
    recorder = _recorder()
    return recorder.log_ids() if recorder else {}


def watch(engine: Engine) -> None:
    """Record the engine's statements, inside of what is recorded; their texts, never their values."""
    if recorder := _recorder():
        recorder.watch(engine)
