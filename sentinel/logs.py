"""Structured logs for every process: a constant event name, data in keywords, never a recipient, body or secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sentinel.imports import hidden
from sentinel.settings import Settings
from sentinel.tracing import log_ids

with hidden("rich", "greenlet"):  # 5 MB in every process, for tracebacks that show local variables, and for nobody
    import structlog

# The SDKs print URLs, headers and (SendGrid, at DEBUG) the API key.
QUIET_LOGGERS = ["twilio", "python_http_client", "aiohttp", "kombu", "amqp", "smtplib", "werkzeug", "alembic"]
# One line per task says less than the stage's own line about its batch.
QUIET_LOGGERS += ["celery.worker.strategy", "celery.app.trace", "celery.beat"]


def get_logger(name: str) -> Any:
    """Return a logger bound to the module's name."""
    return structlog.stdlib.get_logger(name)


def say_with(**ids: Any) -> Callable[[], None]:
    """Have every line that is logged from now on say these ids, until what is returned is called."""
    return partial(structlog.contextvars.reset_contextvars, **structlog.contextvars.bind_contextvars(**ids))


def log_each(log: Any, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Log one line for each notification or event: where anybody wants so many, at debug level."""
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        for line in lines:
            log.debug(name, **line)


def configure_logs(settings: Settings) -> None:
    """Send our own and every library's records through one formatter to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_trace(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    line.update(log_ids())
    return line


def _renderer(settings: Settings) -> Any:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    # Never with local variables: they hold recipients, bodies and keys.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=32, exception_formatter=plain)
