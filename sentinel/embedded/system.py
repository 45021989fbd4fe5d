"""`python -m sentinel.embedded.system FD`: starts the parts of `sentinel up`, watches them, and stops them in order.

A program of its own, without what reads the settings: it lives as long as everything else, and that is 15 MB.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from functools import partial
from http.client import HTTPConnection, HTTPException

from sentinel.embedded.plan import Address, System, handed_over
from sentinel.embedded.ports import is_free, reachable
from sentinel.embedded.process_log import Console
from sentinel.embedded.specs import NotReadyError, ServerSpec
from sentinel.embedded.state import claimed_state
from sentinel.embedded.supervisor import OWN_NAME, Supervisor
from sentinel.embedded.system_files import announce_system, forget_system
from sentinel.errors import SentinelError

START_SECONDS = 90
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


async def run_system(system: System) -> None:
    """Start everything, announce it, wait for Ctrl-C or SIGTERM, stop everything."""
    console = Console(sys.stdout)
    supervisor = Supervisor(console)
    stop_asked = _stop_event()
    try:
        await supervisor.open()
        startup = asyncio.create_task(_start(supervisor, console, system))
        await _first_of(startup, stop_asked)
        await stop_asked.wait()
    finally:
        console.write(OWN_NAME, "stopping")
        forget_system(system.state)
        await _stop(supervisor, system)
        console.write(OWN_NAME, f"stopped; data stay in {system.state.path}")


async def _start(supervisor: Supervisor, console: Console, system: System) -> None:
    await supervisor.start(*(server.process for server in system.servers))
    for server in system.servers:
        name = server.process.name
        await supervisor.until(name, partial(_answers, server), seconds=START_SECONDS)
        console.write(OWN_NAME, f"{name} is ready: {await asyncio.to_thread(server.identify)}")
    announce_system(system.state, system.urls)
    await supervisor.run(system.migration)
    await supervisor.start(*system.parts)
    await supervisor.until("api", partial(_is_alive, system.api_address), seconds=START_SECONDS)
    for part in system.parts:
        await supervisor.until_marked(part.name, seconds=START_SECONDS)
    # Flower asks the workers about themselves at its start, and complains if there are none.
    await supervisor.start(*system.clock_and_window)
    await supervisor.until("flower", partial(_is_bound, system.flower_address), seconds=START_SECONDS)
    print(system.banner, flush=True)  # noqa: T201 - what the user reads


async def _stop(supervisor: Supervisor, system: System) -> None:
    """What takes in and sends out first; then the clock and the window; the servers last, when nobody needs them."""
    await supervisor.stop([system.migration.name, *(part.name for part in system.parts)])
    await supervisor.stop([part.name for part in system.clock_and_window])
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


async def _is_bound(address: Address) -> bool:
    return not is_free(*address)


async def _is_alive(address: Address) -> bool:
    host, port = address
    return await asyncio.to_thread(_get_health, reachable(host), port)


def _get_health(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main(descriptor: int) -> None:
    """Run the system that is written in the open file `descriptor`."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    system = handed_over(descriptor)
    with claimed_state(system.state.path):
        asyncio.run(run_system(system))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except SentinelError as error:
        line = f"error: {error}"
        print(f"\033[31m{line}\033[0m" if sys.stderr.isatty() else line, file=sys.stderr)  # noqa: T201
        sys.exit(1)
