"""What records: OpenTelemetry's SDK with its OTLP exporter. Loaded by processes that record.

Never with a recipient, a text or a secret; of an exception only its kind, for the log has the rest, under the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from itertools import islice

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine

from sentinel.tracing import FIELD, Attributes, Kind
from sentinel.tracing.statements import Statements

MOST_LINKS = 100
"""A batch of hundreds names so many of its members; each member's own span names its batch."""

END_SECONDS = 5.0
"""How long the last spans may take to leave: a collector that is silent must not hold up the end of a process."""

KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}


_Working = AbstractContextManager[None]


class Recorder:
    """Makes spans and exports them from a thread of its own."""

    def __init__(self, endpoint: str) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("sentinel", version("sentinel"))
        self._propagator = TraceContextTextMapPropagator()

    def continued(self, name: str, traceparent: str | None, kind: Kind, attributes: Attributes) -> _Working:
        """Work in a span that continues a trace, whatever else is going on here."""
        parent = self._context_of(traceparent)
        return _working(self._tracer.start_span(name, parent, KINDS[kind], attributes))

    def apart(self, name: str, traceparent: str, attributes: Attributes) -> _Working:
        """Work in a span of another trace, linked to the current one."""
        batch = trace.get_current_span().get_span_context()
        links = [Link(batch)] if batch.is_valid else []
        parent = self._context_of(traceparent)
        return _working(self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes, links))

    def within(self, name: str, attributes: Attributes) -> _Working:
        """Work in a span inside the current one; outside of any there is nothing that it could belong to."""
        if not trace.get_current_span().is_recording():
            return nullcontext()
        return _working(self._tracer.start_span(name, attributes=attributes))

    def note(self, attributes: Attributes, failure: str | None) -> None:
        """Add to the current span."""
        span = trace.get_current_span()
        span.set_attributes(attributes)
        if failure is not None:
            span.set_status(StatusCode.ERROR, failure)

    def link(self, traceparents: Iterable[str]) -> None:
        """Link the current span to others, as long as it has not too many."""
        span = trace.get_current_span()
        if isinstance(span, ReadableSpan) and span.is_recording():
            for traceparent in islice(dict.fromkeys(traceparents), MOST_LINKS - len(span.links)):
                span.add_link(trace.get_current_span(self._context_of(traceparent)).get_span_context())

    def carried(self) -> dict[str, str]:
        """Return the current span as `traceparent`, if it is recorded."""
        return self.handed_on() if trace.get_current_span().get_span_context().trace_flags.sampled else {}

    def handed_on(self) -> dict[str, str]:
        """Return the current span as `traceparent`."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return {FIELD: carrier[FIELD]} if FIELD in carrier else {}

    def log_ids(self) -> dict[str, str]:
        """Return trace and span by their ids in hexadecimal, as collectors show them."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}

    def watch(self, engine: Engine) -> None:
        """Record an engine's statements."""
        Statements(self._tracer).watch(engine)

    def flush(self) -> None:
        """Export what has ended."""
        self._provider.force_flush()

    def close(self) -> None:
        """Export what has ended, for the last time."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces end", daemon=True)
        ending.start()
        ending.join(END_SECONDS)

    def _context_of(self, traceparent: str | None) -> Context:
        """The context of a trace from elsewhere; an empty one, in which a trace begins, where it cannot be read."""
        return self._propagator.extract({FIELD: traceparent} if traceparent else {}, Context())


@contextmanager
def _working(span: Span) -> Iterator[None]:
    """Let a span be the current one, and end it; an exception makes it one that failed."""
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def _resource() -> Resource:
    """Who records: what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, else `sentinel`."""
    given = OTELResourceDetector().detect().attributes
    return Resource.create({"service.name": "sentinel", "service.version": version("sentinel"), **given})
