"""The parts of `sentinel up`: what is run, and with which variables."""

from __future__ import annotations

import os
import signal
import sys

from sentinel.cli import processes
from sentinel.embedded.files import kept_text
from sentinel.embedded.plan import System
from sentinel.embedded.ports import url_of
from sentinel.embedded.postgres import prepare_postgres
from sentinel.embedded.specs import ProcessSpec, ServerSpec, tethered
from sentinel.embedded.state import State
from sentinel.embedded.valkey import prepare_valkey
from sentinel.sealing import new_secret_key
from sentinel.settings import Settings

WORKERS = {"sms-1": ("sms",), "email-1": ("email",), "hooks-1": ("slack", "webhook", "push")}
"""Beside the pipeline's. One for everything that is a hook: a process more would cost 60 MB on a machine for trials."""


def planned_system(settings: Settings, state: State) -> System:
    """What is to be run here, under these settings."""
    servers = private_servers(settings, state)
    urls = server_urls(settings, servers) | kept_secret_keys(settings, state)
    environment = child_environment(state, urls)
    return System(
        state,
        tuple(servers.values()),
        urls,
        _migration(environment),
        api_and_workers(settings, environment),
        clock_and_window(settings, environment),
        api_address=(settings.api_host, settings.api_port),
        flower_address=(settings.flower_host, settings.flower_port),
        banner=banner(settings),
    )


def private_servers(settings: Settings, state: State) -> dict[str, ServerSpec]:
    """The servers to start, by the variable that would have made each unnecessary."""
    servers = {}
    if not settings.database_url.get_secret_value():
        servers["DATABASE_URL"] = prepare_postgres(state)
    if not settings.redis_url.get_secret_value():
        servers["REDIS_URL"] = prepare_valkey(state)
    return servers


def server_urls(settings: Settings, servers: dict[str, ServerSpec]) -> dict[str, str]:
    """The variables that lead every other process to the same servers."""
    given = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "BROKER_URL": settings.broker_url,
    }
    urls = {name: secret.get_secret_value() for name, secret in given.items() if secret.get_secret_value()}
    return urls | {name: server.url for name, server in servers.items()}


def kept_secret_keys(settings: Settings, state: State) -> dict[str, str]:
    """The variable with the keys that seal secrets: those of the settings, else one that is made once and kept."""
    given = settings.secret_keys.get_secret_value()
    return {"SENTINEL_SECRET_KEYS": given or kept_text(state.path / "secret-key", new_secret_key)}


def child_environment(state: State, urls: dict[str, str]) -> dict[str, str]:
    """Our own environment, the servers' URLs, and output that is written when it is said."""
    environment = dict(os.environ) | urls | {"SENTINEL_STATE_DIR": str(state.path), "PYTHONUNBUFFERED": "1"}
    if os.geteuid() == 0:
        # Celery warns root in five lines per worker; who runs `sentinel up` as root on a trial machine knows it.
        quiet = "ignore:You're running the worker with superuser privileges"
        environment["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), quiet)))
    return environment


def clock_and_window(settings: Settings, environment: dict[str, str]) -> tuple[ProcessSpec, ...]:
    """Beat and Flower: last to stop before the servers."""
    flower_environment = environment | processes.flower_secrets(settings)
    return (
        ProcessSpec("beat", tethered(processes.beat_command(settings)), environment),
        # Without its broker Flower may not heed SIGTERM, and it has nothing to lose.
        ProcessSpec(
            "flower", tethered(processes.flower_command(settings), death_signal=signal.SIGKILL), flower_environment
        ),
    )


def api_and_workers(settings: Settings, environment: dict[str, str]) -> tuple[ProcessSpec, ...]:
    """The API, and the workers."""
    queues: dict[str, tuple[str, ...]] = {"pipeline-1": processes.PIPELINE_QUEUES}
    for name, channels in WORKERS.items():
        queues[name] = processes.queues_of(channels, is_pipeline=False, only_retries=False)
    workers = [
        ProcessSpec(
            name,
            tethered(processes.worker_command(settings, name, names)),
            environment | processes.database_name(name),
            stop_seconds=settings.send_deadline_seconds + 20,  # sends under way may end, and be written down
            # At a higher log level Celery does not say so, and there is nothing to wait for.
            ready_mark=" ready." if settings.log_level in {"debug", "info"} else None,
        )
        for name, names in queues.items()
    ]
    api_environment = environment | processes.database_name("api")
    return (ProcessSpec("api", tethered(processes.api_command(settings)), api_environment), *workers)


def _migration(environment: dict[str, str]) -> ProcessSpec:
    """A process of its own: Alembic's memory is given back when it ends."""
    command = tethered((sys.executable, "-m", "sentinel", "db", "upgrade"))
    return ProcessSpec("migrate", command, environment, is_lasting=False)


def banner(settings: Settings) -> str:
    """What is where, and one command that works as it stands."""
    api = url_of(settings.api_host, settings.api_port)
    body = """{"channel":"sms","recipient":"+14155552671","body":"Hello from Sentinel"}"""
    key = "" if settings.is_open else " -H 'Authorization: Bearer YOUR_KEY'"
    lines = [
        "",
        "Sentinel is ready. Ctrl-C stops it; data stay.",
        f"  API      {api}",
        f"  Docs     {api}/docs",
        f"  Flower   {url_of(settings.flower_host, settings.flower_port)}",
        f"  Console  {api}/console",
        "",
        (
            "Open the console to make its first user and send a first message."
            if settings.is_open
            else "The console asks for a user: make one with `sentinel users create NAME --role admin`."
        ),
        *([] if settings.is_open else ["Make an API key with `sentinel keys create`, then:"]),
        f"  curl -X POST {api}/notifications -H 'Content-Type: application/json'{key} -d '{body}'",
        "",
    ]
    return "\n".join(lines)
