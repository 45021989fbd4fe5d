"""The parts of `sentinel up`, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from http.client import HTTPConnection, HTTPException

import click

from sentinel.cli import processes
from sentinel.cli.system_files import announce_system, forget_system
from sentinel.embedded.files import kept_text
from sentinel.embedded.ports import is_free
from sentinel.embedded.postgres import prepare_postgres
from sentinel.embedded.process_log import Console
from sentinel.embedded.specs import NotReadyError, ProcessSpec, ServerSpec, tethered
from sentinel.embedded.state import State
from sentinel.embedded.supervisor import OWN_NAME, Supervisor
from sentinel.embedded.valkey import prepare_valkey
from sentinel.security import new_secret_key
from sentinel.settings import Settings

START_SECONDS = 90
WORKER_PROCESSES = 1  # each sends many messages at once; more cost memory before they bring speed on two cores
WORKERS = {"sms-1": ("sms",), "email-1": ("email",), "hooks-1": ("slack", "webhook")}
"""Beside the pipeline's. One for everything that is a hook: a process more would cost 60 MB on a machine for trials."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


async def run_system(settings: Settings, state: State) -> None:
    """Start everything, announce it, wait for Ctrl-C or SIGTERM, stop everything."""
    console = Console(sys.stdout)
    servers = private_servers(settings, state)
    supervisor = Supervisor(console)
    stop_asked = _stop_event()
    try:
        await supervisor.open()
        startup = asyncio.create_task(_start(supervisor, console, settings, state, servers))
        await _first_of(startup, stop_asked)
        await stop_asked.wait()
    finally:
        console.write(OWN_NAME, "stopping")
        forget_system(state)
        await _stop(supervisor)
        console.write(OWN_NAME, f"stopped; data stay in {state.path}")


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
            tethered(processes.worker_command(settings, name, names, concurrency=WORKER_PROCESSES)),
            environment | processes.database_name(name),
            stop_seconds=settings.send_deadline_seconds + 20,  # sends under way may end, and be written down
            # At a higher log level Celery does not say so, and there is nothing to wait for.
            ready_mark=" ready." if settings.log_level in {"debug", "info"} else None,
        )
        for name, names in queues.items()
    ]
    api_environment = environment | processes.database_name("api")
    return (ProcessSpec("api", tethered(processes.api_command(settings)), api_environment), *workers)


async def _start(
    supervisor: Supervisor, console: Console, settings: Settings, state: State, servers: dict[str, ServerSpec]
) -> None:
    await supervisor.start(*(server.process for server in servers.values()))
    for server in servers.values():
        name = server.process.name
        await supervisor.until(name, partial(_answers, server), seconds=START_SECONDS)
        console.write(OWN_NAME, f"{name} is ready: {await asyncio.to_thread(server.identify)}")
    urls = server_urls(settings, servers) | kept_secret_keys(settings, state)
    announce_system(state, urls)
    environment = child_environment(state, urls)
    await supervisor.run(_migration(environment))
    parts = api_and_workers(settings, environment)
    await supervisor.start(*parts)
    await supervisor.until("api", partial(_is_alive, settings), seconds=START_SECONDS)
    for part in parts:
        await supervisor.until_marked(part.name, seconds=START_SECONDS)
    # Flower asks the workers about themselves at its start, and complains if there are none.
    await supervisor.start(*clock_and_window(settings, environment))
    await supervisor.until("flower", partial(_is_bound, settings), seconds=START_SECONDS)
    click.echo(banner(settings))


def _migration(environment: dict[str, str]) -> ProcessSpec:
    """A process of its own: Alembic's memory is given back when it ends."""
    command = tethered((sys.executable, "-m", "sentinel", "db", "upgrade"))
    return ProcessSpec("migrate", command, environment, is_lasting=False)


async def _stop(supervisor: Supervisor) -> None:
    """What takes in and sends out first; then the clock and the window; the servers last, when nobody needs them."""
    await supervisor.stop(["migrate", "api", "pipeline-1", *WORKERS])
    await supervisor.stop(["beat", "flower"])
    await supervisor.close()


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C, SIGTERM, a closed terminal. Circus took these signals; this takes them back."""
    event = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event


async def _first_of(startup: asyncio.Task[None], stop_asked: asyncio.Event) -> None:
    """Wait for the end of the start, or give it up when a stop is asked for."""
    waiting = asyncio.create_task(stop_asked.wait())
    await asyncio.wait({startup, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not startup.done():
        startup.cancel()
        await asyncio.wait({startup})
    else:
        waiting.cancel()
        startup.result()


async def _answers(server: ServerSpec) -> bool:
    try:
        await asyncio.to_thread(server.identify)
    except NotReadyError:
        return False
    return True


async def _is_bound(settings: Settings) -> bool:
    return not is_free(settings.flower_host, settings.flower_port)


async def _is_alive(settings: Settings) -> bool:
    return await asyncio.to_thread(_get_health, _reachable(settings.api_host), settings.api_port)


def _get_health(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """An address to connect to for one that means "all of them"."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _url(host: str, port: int) -> str:
    host = _reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def banner(settings: Settings) -> str:
    """What is where, and one command that works as it stands."""
    api = _url(settings.api_host, settings.api_port)
    body = """{"channel":"sms","recipient":"+14155552671","body":"Hello from Sentinel"}"""
    key = "" if settings.is_open else " -H 'Authorization: Bearer YOUR_KEY'"
    lines = [
        "",
        "Sentinel is ready. Ctrl-C stops it; data stay.",
        f"  API      {api}",
        f"  Docs     {api}/docs",
        f"  Flower   {_url(settings.flower_host, settings.flower_port)}",
        f"  Console  {api}/console",
        "",
        "The console asks for a user: make one with `sentinel users create NAME --role admin`.",
        *([] if settings.is_open else ["Make an API key with `sentinel keys create`, then:"]),
        f"  curl -X POST {api}/notifications -H 'Content-Type: application/json'{key} -d '{body}'",
        "",
    ]
    return "\n".join(lines)
