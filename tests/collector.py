"""A collector of traces in the test's process: OTLP over HTTP, as OpenTelemetry's own collector takes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """What of a span the tests look at; ids in hexadecimal."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    failure: str | None
    service: str

    @property
    def place(self) -> tuple[str, str]:
        """What a link to it says."""
        return self.trace_id, self.span_id


class Collector:
    """Keeps the spans that were exported to `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw = b""
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        """Keep what one export brought."""
        brought = list(_spans_of(body))
        with self._lock:
            self.raw += body
            self._spans += brought

    @property
    def spans(self) -> list[Span]:
        """All spans so far."""
        with self._lock:
            return list(self._spans)

    def named(self, name: str) -> list[Span]:
        """The spans of that name."""
        return [span for span in self.spans if span.name == name]

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._spans, self.raw = [], b""


def _spans_of(body: bytes) -> Iterator[Span]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _values(group.resource.attributes)["service.name"]
        for span in (span for scope in group.scope_spans for span in scope.spans):
            yield Span(
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                attributes=_values(span.attributes),
                links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                failure=span.status.message if span.status.code == 2 else None,
                service=service,
            )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listen on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == PATH:
                collector.take(body)
            self.send_response(200 if self.path == PATH else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        serving = threading.Thread(target=server.serve_forever, name="collector")
        serving.start()
        try:
            yield collector
        finally:
            server.shutdown()
            serving.join()
