"""The statements of an engine as spans, inside of what is recorded: their texts, which hold no values."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

KEPT = "sentinel.span"
"""Where a connection keeps the span of its statement; it runs one at a time."""


class Statements:
    """Listens to an engine. OpenTelemetry's own instrumentation would begin a trace with each statement of a sweep."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def watch(self, engine: Engine) -> None:
        """Record what this engine runs from now on."""
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        event.listen(engine, "handle_error", self._fail)

    def _begin(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if trace.get_current_span().is_recording():
            text = " ".join(statement.split())
            operation = text.partition(" ")[0].upper()
            known = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": text}
            connection.info[KEPT] = self._tracer.start_span(f"postgresql {operation}", None, SpanKind.CLIENT, known)

    def _end(self, connection: Connection, *_: Any) -> None:
        span: Span | None = connection.info.pop(KEPT, None)
        if span is not None:
            span.end()

    def _fail(self, failure: ExceptionContext) -> None:
        if failure.connection is None:
            return
        span: Span | None = failure.connection.info.pop(KEPT, None)
        if span is not None:
            span.set_status(StatusCode.ERROR, type(failure.original_exception).__name__)
            span.end()
