"""Runs processes under circus: one log, a new start for what dies, an end in a given order.

Why circus and how it is used: docs/decisions/010-circus-in-process.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tornado.ioloop import IOLoop

from sentinel.embedded.process_log import Console, ProcessLog
from sentinel.embedded.specs import ProcessSpec
from sentinel.errors import SentinelError
from sentinel.imports import hidden

with hidden("yaml"):  # for files of circus' own
    from circus.arbiter import Arbiter
    from circus.exc import ConflictError as CircusBusyError
    from circus.process import DEAD_OR_ZOMBIE, UNEXISTING
    from circus.watcher import Watcher

STEADY_SECONDS = 10
"""A process that lived this long is not failing at its start."""
LONGEST_WAIT_SECONDS = 60
POLL_SECONDS = 0.05
OWN_NAME = "sentinel"


class ProcessFailedError(SentinelError):
    """A process ended while the system was starting; the message ends with the last line it wrote."""


@dataclass(slots=True)
class Child:
    """One process and its short history."""

    spec: ProcessSpec
    watcher: Watcher
    log: ProcessLog
    started_at: float = 0.0
    not_before: float = 0.0
    quick_deaths: int = 0
    exit_codes: list[int | None] = field(default_factory=list)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def note_end(self, exit_code: int | None) -> float:
        """Remember how it ended; gives back the seconds to wait before the next start."""
        self.exit_codes.append(exit_code)
        self.has_ended.set()
        lived_seconds = time.monotonic() - self.started_at
        self.quick_deaths = self.quick_deaths + 1 if lived_seconds < STEADY_SECONDS else 0
        wait_seconds = min(2 ** (self.quick_deaths - 1), LONGEST_WAIT_SECONDS) if self.quick_deaths > 1 else 0
        self.not_before = time.monotonic() + wait_seconds
        return wait_seconds

    def failure(self) -> str:
        """One sentence about its latest end."""
        reason = self.log.last_line or "it wrote nothing"
        return f"{self.spec.name} ended with {in_words(self.exit_codes[-1])}: {reason}"


class Supervisor:
    """Processes by name. Open it and use it inside one running event loop, in the main thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._children: dict[str, Child] = {}
        self._is_ending = False
        _quieten_circus()
        # `inproc`: circus insists on control sockets; these exist in this process only, nobody else can connect.
        self._arbiter = Arbiter(
            [], "inproc://sentinel-control", "inproc://sentinel-events", loop=IOLoop.current(), check_delay=0.5
        )

    async def open(self) -> None:
        """Begin to look after processes."""
        await self._arbiter.start()

    async def start(self, *specs: ProcessSpec) -> None:
        """Start processes and return at once."""
        children = [await self._add(spec) for spec in specs]
        await self._start_watchers(child.watcher for child in children)

    async def until(self, name: str, is_ready: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
        """Wait for `is_ready`; the end of process `name` or of the time is a `ProcessFailedError`."""
        child = self._children[name]
        deadline = time.monotonic() + seconds
        while not await is_ready():
            if child.exit_codes:
                raise ProcessFailedError(child.failure())
            if time.monotonic() > deadline:
                last_line = child.log.last_line or "nothing"
                raise ProcessFailedError(f"{name} is not ready after {seconds:.0f} s; the last it wrote: {last_line}")
            await asyncio.sleep(POLL_SECONDS)

    async def until_marked(self, name: str, *, seconds: float) -> None:
        """Wait for the line by which process `name` says that it is ready."""

        async def is_marked() -> bool:
            return self._children[name].log.is_marked_ready

        await self.until(name, is_marked, seconds=seconds)

    async def run(self, spec: ProcessSpec) -> None:
        """Run a step to its end; anything but exit code 0 is a `ProcessFailedError`."""
        await self.start(spec)
        child = self._children[spec.name]
        await child.has_ended.wait()
        if child.exit_codes[-1] != 0:
            raise ProcessFailedError(child.failure())

    async def stop(self, names: Iterable[str]) -> None:
        """End these processes together, each with its own signal and patience; those never started are skipped."""
        self._is_ending = True
        watchers = [self._children[name].watcher for name in names if name in self._children]
        await _when_free(lambda: self._arbiter.stop_watchers(watcher_iter_func=lambda **_: watchers))

    async def close(self) -> None:
        """Stop whatever is left."""
        self._is_ending = True
        await _when_free(self._arbiter.stop)

    async def _add(self, spec: ProcessSpec) -> Child:
        log = ProcessLog(spec.name, self._console.write, spec.ready_mark)
        watcher = await _when_free(partial(self._watch, spec, log))
        watcher.manage_processes = partial(_manage, watcher)
        child = self._children[spec.name] = Child(spec, watcher, log)
        return child

    async def _watch(self, spec: ProcessSpec, log: ProcessLog) -> Watcher:
        program, *arguments = spec.command
        return self._arbiter.add_watcher(
            spec.name,
            shlex.quote(program),
            args=arguments,
            env=dict(spec.environment),
            stdout_stream={"stream": log},
            stop_signal=spec.stop_signal,
            graceful_timeout=spec.stop_seconds,
            respawn=spec.is_lasting,
            hooks={
                "before_spawn": (self._may_spawn, False),
                "before_reap": (_read_the_rest, True),
                "after_reap": (self._after_end, True),
            },
        )

    async def _start_watchers(self, watchers: Iterable[Watcher]) -> None:
        watchers = list(watchers)
        await _when_free(lambda: self._arbiter.start_watchers(watcher_iter_func=lambda: watchers))

    def _may_spawn(self, watcher: Watcher, **_: Any) -> bool:
        """Circus asks before each start. False makes it leave the process alone; `_start_again` comes back later."""
        child = self._children[watcher.name]
        if self._is_ending or time.monotonic() < child.not_before:
            return False
        child.started_at = time.monotonic()
        return True

    def _after_end(self, watcher: Watcher, exit_code: int | None, **_: Any) -> None:
        """Circus tells of each end, wanted or not."""
        child = self._children[watcher.name]
        child.log.finish()
        wait_seconds = child.note_end(exit_code)
        if self._is_ending or not child.spec.is_lasting:
            return
        when = f"in {wait_seconds:.0f} s" if wait_seconds else "now"
        self._console.write(OWN_NAME, f"{child.failure()} (it is started again {when})")
        if wait_seconds:
            asyncio.get_running_loop().call_later(wait_seconds, self._start_again, child)

    def _start_again(self, child: Child) -> None:
        if not self._is_ending:
            IOLoop.current().add_callback(self._start_watchers, [child.watcher])


def in_words(exit_code: int | None) -> str:
    """How a process ended, for people."""
    if exit_code is None:
        return "an unknown exit code"
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


async def _manage(watcher: Watcher) -> None:
    """Look after the process of a watcher, as circus does, but forget none that ended since circus looked for ends.

    It would start another without a word, and a step that has ended that way would be waited for without end.
    """
    for pid, process in list(watcher.processes.items()):
        if process.status in {DEAD_OR_ZOMBIE, UNEXISTING}:
            watcher.reap_process(pid)
    if not watcher.processes:
        await type(watcher).manage_processes(watcher)


def _read_the_rest(watcher: Watcher, process_pid: int, **_: Any) -> None:
    """Read what a dead process left in its pipe: circus closes it unread, and the last line is the reason."""
    process = watcher.processes[process_pid]
    if process.stdout.closed:  # stopped by us, and read to its end before
        return
    os.set_blocking(process.stdout.fileno(), False)
    while data := process.stdout.read1():
        watcher.stdout_stream({"pid": process_pid, "data": data})
    watcher.stream_redirector.remove_redirections(process)


async def _when_free(order: Callable[[], Awaitable[Any]]) -> Any:
    """Give circus an order and return what comes of it; circus takes one at a time and refuses others meanwhile.

    A cancelled caller leaves the order running to its end, so that no process starts unseen.
    """
    while True:
        try:
            return await asyncio.shield(asyncio.ensure_future(order()))
        except CircusBusyError:
            await asyncio.sleep(POLL_SECONDS)


def _quieten_circus() -> None:
    logging.getLogger("circus").setLevel(logging.WARNING)
    for name in ("circus", "tornado.application"):
        logging.getLogger(name).addFilter(_is_worth_telling)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Not the periodic check that found circus busy with an order of ours: it comes again half a second later."""
    return not (record.exc_info and isinstance(record.exc_info[1], CircusBusyError))
