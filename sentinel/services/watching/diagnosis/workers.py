"""The broker, its queues, and who listens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery.exceptions import ImproperlyConfigured
from kombu.exceptions import KombuError

from sentinel.broker import UNREACHABLE, celery, queue_lengths
from sentinel.services.watching.diagnosis.findings import Finding, broken, first_line, ok, warning
from sentinel.services.watching.serving import command

CONNECT_SECONDS = 3
ANSWER_SECONDS = 2.0
"""How long workers may take to answer; a busy worker still does, its main process has nothing else to do."""
OLDEST_RABBITMQ = (3, 10)
"""Quorum queues keep the times of messages since then, and waits are made of these."""
DEEP = 1000
"""Messages, of up to SENTINEL_BATCH_SIZE ids each."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Which workers answered, what each listens to, and how many processes they have together."""

    queues: dict[str, frozenset[str]]
    processes: int


def check_broker() -> tuple[bool, list[Finding]]:
    """Connect and measure the queues; False if there is no answer."""
    try:
        with celery.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            server = _server(connection)
            depths = queue_lengths(connection)
    except (*UNREACHABLE, KombuError, ImproperlyConfigured, ValueError, KeyError) as error:
        remedy = "check BROKER_URL (or REDIS_URL); until then rows are stored, and go out when it is back"
        return False, [broken("broker", f"cannot be reached: {first_line(error)}", remedy)]
    return True, [server, _depths(depths)]


def _server(connection: Any) -> Finding:
    if connection.transport.driver_type != "amqp":
        return ok("broker", connection.transport.driver_type)
    version = str(connection.connection.server_properties["version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_RABBITMQ:
        return broken("broker", f"RabbitMQ {version} is too old", "use RabbitMQ 3.10 or newer")
    return ok("broker", f"RabbitMQ {version}")


def _depths(depths: dict[str, int]) -> Finding:
    message = ", ".join(f"{name} {count}" for name, count in depths.items() if count) or "all empty"
    if any(count > DEEP for count in depths.values()):
        return warning("queues", message, "start more workers for the long ones: `sentinel worker --channel …`")
    return ok("queues", message)


def ask_workers() -> Workers:
    """Ask every worker what it listens to."""
    queues = celery.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
    if not queues:
        return Workers({}, 0)
    # All of them are known now: no need to wait for others.
    stats = celery.control.inspect(timeout=ANSWER_SECONDS, limit=len(queues)).stats() or {}
    listening = {node: frozenset(queue["name"] for queue in found) for node, found in queues.items()}
    return Workers(listening, sum(len(each["pool"].get("processes", ())) or 1 for each in stats.values()))


def check_workers(workers: Workers) -> Iterator[Finding]:
    """Each queue needs somebody who listens: without, its rows wait for ever."""
    for queue in celery.conf.task_queues:
        nodes = sorted(node for node, names in workers.queues.items() if queue.name in names)
        if nodes:
            yield ok("workers", f"{queue.name}: {', '.join(nodes)}")
        else:
            yield broken("workers", f"{queue.name}: nobody listens, its messages wait", f"run `{command(queue.name)}`")
