"""`sentinel ingest redis | kafka`: take in events from a stream until told to stop."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import click

from sentinel import stopping
from sentinel.cli.processes import database_name
from sentinel.errors import ConfigurationError
from sentinel.imports import UNWANTED, hidden, load_redis, loading, search_rarely
from sentinel.ingest.entries import Form, Intake, Pace
from sentinel.settings import get_settings

LONGEST_NAME = 200
"""Of a stream or topic, with its prefix: an entry's place added, it is the id of an event, of up to 255 characters."""
LARGEST_BATCH = 5000
SETTINGS = ("--set", "--config")

SHARED = (
    click.option("--group", default="sentinel", show_default=True, help="Consumer group; made if it is missing."),
    click.option("--client", required=True, help="Whose events they become."),
    click.option(
        "--audience",
        type=click.Choice(["own", "all"]),
        default="own",
        show_default=True,
        help="Whose rules hear them: the client's own, or those of every client.",
    ),
    click.option(
        "--prefix",
        default="",
        help="Stands before the place of an event without an id: needed where two servers have streams or topics of "
        "the same name. Default: none.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(1, LARGEST_BATCH),
        default=500,
        show_default=True,
        help="Most entries of one commit.",
    ),
    click.option(
        "--linger",
        type=click.IntRange(0, 10_000),
        default=50,
        show_default=True,
        help="Milliseconds to wait for others to share a commit.",
    ),
)


def _with_shared(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(SHARED):
        command = option(command)
    return command


@click.group(epilog="Example: sentinel ingest redis --stream sentinel:events --client shop")
def ingest() -> None:
    """Take in events from Redis Streams or Kafka, each exactly once."""


@ingest.command(epilog="Example: sentinel ingest redis --stream sentinel:events --client shop --consumer ingest-1")
@click.option("--stream", required=True, help="Name of the stream; made if it is missing.")
@click.option("--consumer", help="Name of this consumer in its group. Default: this machine's name.")
@click.option("--url", help="redis:// address of the stream's server. Default: REDIS_URL.")
@click.option(
    "--claim-idle",
    type=click.IntRange(1, 86_400),
    default=60,
    show_default=True,
    help="Seconds after which entries of a consumer that is silent go to another one.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([str(form) for form in Form]),
    default=str(Form.AUTO),
    show_default=True,
    help="auto: JSON in data, json or event, Protobuf in proto, else flat fields.",
)
@_with_shared
def redis(*, stream: str, consumer: str | None, url: str | None, claim_idle: int, form: str, **shared: Any) -> None:
    """Take in events from a Redis Stream."""
    _refuse_long("--stream", f"{shared['prefix']}{stream}")
    with _loading():
        from sentinel.ingest import loop  # noqa: PLC0415 - see there
        from sentinel.ingest.redis_stream import KIND, Place, RedisStream, connect  # noqa: PLC0415 - as above

    ours = get_settings().redis_url.get_secret_value()
    address = url or ours
    if not address:
        raise ConfigurationError("there is no Redis to read from: set REDIS_URL, or give --url")
    place = Place(stream, shared["group"], consumer or socket.gethostname())
    is_here = address == ours
    source = RedisStream(connect(address), place, _pace(shared), claim_idle_seconds=claim_idle, is_here=is_here)
    _prepare(KIND)
    loop.run(source, _intake(KIND, form, shared))


@ingest.command(epilog="Example: sentinel ingest kafka --brokers kafka:9092 --topic orders --client shop")
@click.option("--brokers", required=True, help="host:port, several with commas.")
@click.option("--topic", "topics", multiple=True, required=True, help="Topic to read; may be repeated.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "protobuf"]),
    default="json",
    show_default=True,
    help="How messages are written.",
)
@click.option(
    "--config",
    type=click.File(),
    help="File of librdkafka's settings, a key=value a line: passwords do not belong on a command line.",
)
@click.option("--set", "pairs", multiple=True, help="One such setting as key=value; may be repeated.")
@_with_shared
def kafka(
    *,
    brokers: str,
    topics: tuple[str, ...],
    form: str,
    config: TextIO | None,
    pairs: tuple[str, ...],
    **shared: Any,
) -> None:
    """Take in events from topics of Kafka."""
    with _loading():
        from sentinel.ingest import loop  # noqa: PLC0415 - see there
        from sentinel.ingest.kafka import KIND, RESERVED, KafkaTopics  # noqa: PLC0415 - an extra

    _refuse_patterns(topics)
    _refuse_long("--topic", *(f"{shared['prefix']}{topic}" for topic in topics))
    lines = [line for line in map(str.strip, config or ()) if line and not line.startswith("#")]
    chosen = _chosen_settings([*lines, *pairs], RESERVED) | {"bootstrap.servers": brokers, "group.id": shared["group"]}
    source = KafkaTopics(chosen, topics, _pace(shared))
    _prepare(KIND)
    loop.run(source, _intake(KIND, Form.PROTOBUF if form == "protobuf" else Form.AUTO, shared))


def _refuse_long(option: str, *names: str) -> None:
    for name in names:
        if len(name) > LONGEST_NAME:
            message = (
                f"{name[:20]}… has {len(name)} characters; use a name of at most {LONGEST_NAME}, its --prefix included"
            )
            raise click.BadParameter(message, param_hint=option)


def _refuse_patterns(topics: Sequence[str]) -> None:
    for topic in topics:
        if topic.startswith("^"):
            message = f"{topic!r} would be a pattern of topics; name each with a --topic of its own"
            raise click.BadParameter(message, param_hint="--topic")


def _chosen_settings(pairs: Sequence[str], reserved: Sequence[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals):
            shown = name.split()[0] if name else pair  # not what may be a password
            message = f"{shown!r} is not key=value, for example security.protocol=SSL"
            raise click.BadParameter(message, param_hint=SETTINGS)
        if name in reserved:
            message = f"{name} cannot be set: it is --brokers, --group, or what makes every event come exactly once"
            raise click.BadParameter(message, param_hint=SETTINGS)
        chosen[name] = value
    return chosen


def _pace(shared: Mapping[str, Any]) -> Pace:
    return Pace(shared["batch"], shared["linger"] / 1000)


def _intake(kind: str, form: str, shared: Mapping[str, Any]) -> Intake:
    prefix = f"{shared['prefix']}:" if shared["prefix"] else ""
    return Intake(kind, shared["client"], Form(form), shared["audience"], prefix)


@contextmanager
def _loading() -> Iterator[None]:
    """Import what the process needs for its life; `--help` does without, and Celery without what it finds by chance."""
    with hidden(*UNWANTED), loading():
        load_redis()
        yield


def _prepare(kind: str) -> None:
    """Let a signal end the loop, and the database know who connects."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.ask())
    os.environ |= database_name(f"ingest {kind}")
    search_rarely()
