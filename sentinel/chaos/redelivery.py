"""Queues ids once more: `python -m sentinel.chaos.redelivery` reads `{"sms": [ids], …, "events": [ids]}` from stdin."""

from __future__ import annotations

import sys

import orjson

from sentinel.broker import EVENTS, publish_accepted, publish_delivery, publish_first_try


def redeliver(ids: dict[str, list[str]]) -> None:
    """Publish whole chains, and bare deliveries on both queues of a channel: harmless, or a promise is broken."""
    for line, some in ids.items():
        publish_accepted(line, some)
        if line != EVENTS:
            publish_first_try(line, some)
            publish_delivery(line, some)


if __name__ == "__main__":
    redeliver(orjson.loads(sys.stdin.buffer.read()))
