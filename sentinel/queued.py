"""What lies in the broker's queues, looked at without taking it. Redis lets one look; RabbitMQ only by taking."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from sentinel.broker import celery
from sentinel.settings import get_settings

UNACKED = "unacked"
"""Where kombu keeps what workers have in hand, of all queues."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as people see it: the task, its line, and the ids it carries; content it has none."""

    task: str
    channel: str | None
    ids: tuple[str, ...]
    following: tuple[str, ...]
    """The tasks of its chain that come after it."""
    tries: int


def can_be_seen() -> bool:
    """Whether this broker lets anybody look into a queue."""
    return not get_settings().is_rabbitmq


def next_messages(connection: Any, queue: str, *, most: int) -> list[Message]:
    """Return the messages of a queue that are taken next, first one first."""
    with connection.channel() as channel:
        stored = channel.client.lrange(_key(queue), -most, -1)
    return [_message(orjson.loads(each)) for each in reversed(stored)]


def in_hand(connection: Any) -> int:
    """How many messages of all queues workers have taken and not finished: they wait, or run."""
    with connection.channel() as channel:
        return int(channel.client.execute_command("HLEN", UNACKED))  # the prefix comes with the transport


def _key(queue: str) -> str:
    """A queue's name as Redis has it; the transport puts its prefix before the commands that it uses itself only."""
    return f"{celery.conf.broker_transport_options.get('global_keyprefix', '')}{queue}"


def _message(stored: dict[str, Any]) -> Message:
    arguments, named, embedded = orjson.loads(base64.b64decode(stored["body"]))
    ids = arguments[0] if arguments and isinstance(arguments[0], list) else []
    headers = stored["headers"]
    chain = embedded.get("chain") or []
    return Message(
        headers["task"],
        named.get("channel"),
        tuple(map(str, ids)),
        tuple(each["task"] for each in reversed(chain)),
        headers.get("retries") or 0,
    )
