"""`sentinel api | worker | beat | flower`: each is the real program, so pids and signals are the program's own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings, is_loopback, load_settings

Command = tuple[str, ...]

CELERY: Command = (sys.executable, "-m", "sentinel.celery_programs")
WORKING_APP = "tasks"
KNOWING_APP = "sentinel.broker:celery"
"""Beat and Flower run no task: without the tasks' code each needs some 25 MB less."""
PIPELINE_QUEUES = ("pipeline", "receipts", "maintenance", "inbox", "inbox.retry")
"""The inbox asks nobody outside, so the worker that everybody has serves it."""
PIPELINE = PIPELINE_QUEUES[0]
CHANNEL_BATCHES = 4
"""Batches that a channel's worker has in hand at once; they share its connections: docs/decisions/097."""
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def api_command(settings: Settings) -> Command:
    """Granian serving the Flask application. HTTP/1 only and no websockets: WSGI has neither."""
    server = (sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--http", "1", "--no-ws")
    address = ("--host", settings.api_host, "--port", str(settings.api_port))
    size = ("--workers", str(settings.api_workers), "--blocking-threads", str(settings.api_threads))
    # A request in flight at SIGTERM may end; one that hangs does not hold up the stop for ever.
    ending = ("--workers-kill-timeout", "10", "--respawn-failed-workers", "--respawn-interval", "1")
    log = ("--no-access-log", "--log-level", settings.log_level)
    return (*server, *address, *size, *ending, *log, "sentinel.serving:application")


def worker_command(
    settings: Settings, name: str, queues: tuple[str, ...], *, concurrency: int | None = None
) -> Command:
    """A named Celery worker: one process, whose threads wait together; more processes only where stages compute."""
    node = ("worker", WORKING_APP, "-n", f"{name}@%h", "-Q", ",".join(queues))
    has_stages = PIPELINE in queues
    batches = concurrency or (1 if has_stages else CHANNEL_BATCHES)
    pool = ("--pool", "prefork" if has_stages and batches > 1 else "threads", "--concurrency", str(batches))
    return (*CELERY, *node, *pool, "--loglevel", settings.log_level.upper())


def beat_command(settings: Settings) -> Command:
    """Celery's clock; its schedule file lies in the state directory."""
    schedule = settings.state_dir.absolute() / "beat-schedule"
    # At INFO it writes a line for each task it sends: several every other second, for ever.
    log_level = "warning" if settings.log_level == "info" else settings.log_level
    return (*CELERY, "beat", KNOWING_APP, "--schedule", str(schedule), "--loglevel", log_level.upper())


def flower_command(settings: Settings) -> Command:
    """Flower; refused beyond this machine without a password."""
    if not is_loopback(settings.flower_host) and not settings.flower_basic_auth:
        message = (
            f"SENTINEL_FLOWER_HOST={settings.flower_host} is reachable from other machines; "
            "set SENTINEL_FLOWER_BASIC_AUTH=user:password, or bind Flower to 127.0.0.1"
        )
        raise ConfigurationError(message)
    return (*CELERY, "flower", KNOWING_APP, f"--address={settings.flower_host}", f"--port={settings.flower_port}")


def flower_secrets(settings: Settings) -> dict[str, str]:
    """Flower's password travels in the environment: everybody can read a command line."""
    if settings.flower_basic_auth is None:
        return {}
    return {"FLOWER_BASIC_AUTH": settings.flower_basic_auth.get_secret_value()}


def database_name(process: str) -> dict[str, str]:
    """The name under which a process is known to the database, so that `sentinel doctor` can count its connections."""
    return {"PGAPPNAME": f"sentinel {process}"}


def queues_of(channels: tuple[str, ...], *, is_pipeline: bool, only_retries: bool) -> tuple[str, ...]:
    """The queues a worker listens on: a channel is two, its first tries and its retries."""
    if only_retries and is_pipeline:
        message = "--retries and --pipeline exclude each other; run one worker for each"
        raise click.UsageError(message)
    if not channels and not is_pipeline:
        channels = known_channels()
    first_tries = () if only_retries else channels
    pipeline = PIPELINE_QUEUES if is_pipeline else ()
    wanted = (*first_tries, *(f"{channel}.retry" for channel in channels), *pipeline)
    return tuple(dict.fromkeys(wanted))


def known_channels() -> tuple[str, ...]:
    """The registry's names; imported when asked, as it pulls in the providers."""
    from sentinel.channels.registry import CHANNELS  # noqa: PLC0415 - `sentinel --help` stays quick

    return CHANNELS


@click.command(epilog="Example: sentinel api --port 8080")
@click.option("--host", help="Address to bind to. Default: SENTINEL_API_HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: SENTINEL_API_PORT, else 8000.")
def api(host: str | None, port: int | None) -> None:
    """Serve the HTTP API."""
    chosen = {"api_host": host, "api_port": port}
    settings = load_settings(**{name: value for name, value in chosen.items() if value is not None})
    # The application reads the environment and must judge open mode by the address really bound.
    address = {"SENTINEL_API_HOST": settings.api_host, "SENTINEL_API_PORT": str(settings.api_port)}
    become(api_command(settings), address | database_name("api"))


@click.command(epilog="Example: sentinel worker --name alice --channel sms --concurrency 2")
@click.option("--name", help="Name shown in Flower and the logs. Default: what it listens to.")
@click.option("--channel", "channels", multiple=True, help="Deliver this channel; may be repeated. Default: all.")
@click.option("--pipeline", "is_pipeline", is_flag=True, help="Work on the stages before delivery, and maintenance.")
@click.option("--retries", "only_retries", is_flag=True, help="Only second and later tries of the channels.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    help=f"With --pipeline: processes, 1 by default. Else batches in hand at once, {CHANNEL_BATCHES} by default.",
)
def worker(
    name: str | None, channels: tuple[str, ...], *, is_pipeline: bool, only_retries: bool, concurrency: int | None
) -> None:
    """Work on the queues of channels, or on the pipeline."""
    refuse_unknown(channels)
    settings = load_settings()
    queues = queues_of(channels, is_pipeline=is_pipeline, only_retries=only_retries)
    node = checked_name(name or queues[0])
    run_here(worker_command(settings, node, queues, concurrency=concurrency), database_name(node))


@click.command(epilog="Example: sentinel beat")
def beat() -> None:
    """Ring the periodic tasks; run exactly one."""
    settings = load_settings()
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_here(beat_command(settings))


@click.command(epilog="Example: SENTINEL_FLOWER_PORT=5556 sentinel flower")
def flower() -> None:
    """Show workers and tasks on a web page."""
    settings = load_settings()
    run_here(flower_command(settings), flower_secrets(settings))


def refuse_unknown(channels: tuple[str, ...]) -> None:
    """A misspelt channel would be a worker that waits for ever on an empty queue."""
    known = known_channels()
    for channel in channels:
        if channel not in known:
            message = f"there is no channel {channel!r}; the channels are {', '.join(known)}"
            raise click.BadParameter(message, param_hint="--channel")


def checked_name(name: str) -> str:
    """Celery adds `@host` and expands `%`: keep the name plain."""
    if not NODE_NAME.fullmatch(name):
        message = f"{name!r} is not a plain name; use letters, digits, dots, hyphens and underscores, at most 64"
        raise click.BadParameter(message, param_hint="--name")
    return name


def run_here(command: Command, additions: Mapping[str, str] | None = None) -> NoReturn:
    """Run one of Celery's programs in this process, which has loaded a part of it already."""
    from sentinel.celery_programs import main  # noqa: PLC0415 - `sentinel --help` needs no Celery

    os.environ |= dict(additions or {})
    sys.exit(main(list(command[len(CELERY) :])))


def become(command: Command, additions: Mapping[str, str] | None = None) -> NoReturn:
    """Replace this process by `command`, with Sentinel's own settings passed on as they are."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, os.environ | dict(additions or {}))  # noqa: S606 - no shell is wanted
