"""Celery's messages over RabbitMQ: quorum queues, publishes that it confirms, waits on its own delayed queues.

See docs/decisions/130-rabbitmq-by-its-url-alone.md.
"""

from __future__ import annotations

import math
import ssl
from types import MappingProxyType
from typing import Any

SCHEMES = ("amqp://", "amqps://", "pyamqp://")

DELIVERY_LIMIT = 20
"""A message whose workers die that often is dropped; its rows bring it back, so that it never fills the broker."""

QUEUE_ARGUMENTS = MappingProxyType({"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT})

CONSUMER_TIMEOUT_SECONDS = 1800
"""RabbitMQ's own: it closes the channel of a worker that holds a message for longer."""

HEARTBEAT_SECONDS = 20
"""A worker whose RabbitMQ has vanished without a word connects anew after twice as long."""

CONFIRM_SECONDS = 5
"""A publish that is not confirmed by then counts as lost, as one through a firewall that forgot the connection."""

TRANSPORT_OPTIONS = MappingProxyType({"confirm_publish": True})

PUBLISHING = MappingProxyType(
    {
        "confirm_timeout": CONFIRM_SECONDS,
        # A kept connection may have died unnoticed; then once more on a new one.
        "retry": True,
        "retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
    }
)


def is_rabbitmq(url: str) -> bool:
    """Whether a broker's URL means RabbitMQ."""
    return url.startswith(SCHEMES)


def tls(url: str) -> dict[str, Any] | bool:
    """What `amqps://` wants: a certificate for the host of the URL. Its name is not looked at unless it is said so."""
    if not url.startswith("amqps://"):
        return False
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: kombu takes the host


def whole_seconds(seconds: float) -> int:
    """A wait as the delayed queues count it; rounded up, for a message that came early would hold up its worker."""
    return math.ceil(seconds)
