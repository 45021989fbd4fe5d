"""The supervisor of `sentinel up`, with real processes."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import psutil
import pytest
from circus.arbiter import Arbiter

from sentinel.embedded.process_log import Console, ProcessLog
from sentinel.embedded.specs import ProcessSpec, tethered
from sentinel.embedded.supervisor import LONGEST_WAIT_SECONDS, Child, ProcessFailedError, Supervisor

LASTING = "import os, time; print('pid', os.getpid(), 'is up', flush=True); time.sleep(600)"
PATIENCE = 30


class Terminal(io.StringIO):
    """What `sentinel up` would have written to a terminal without colours."""

    def pids(self, name: str) -> list[int]:
        """Pids that process `name` has reported."""
        return [int(line.split()[3]) for line in self.lines(name) if " is up" in line]

    def lines(self, name: str) -> list[str]:
        """Lines of process `name`."""
        return [line for line in self.getvalue().splitlines() if line.startswith(f"{name} ")]


def python_process(name: str, script: str, *, is_lasting: bool = True, stop_seconds: float = 10) -> ProcessSpec:
    return ProcessSpec(
        name,
        tethered((sys.executable, "-c", script)),
        dict(os.environ),
        is_lasting=is_lasting,
        stop_seconds=stop_seconds,
        ready_mark=" is up",
    )


def supervise(work: Callable[[Supervisor, Terminal], Awaitable[None]]) -> Terminal:
    terminal = Terminal()

    async def session() -> None:
        supervisor = Supervisor(Console(terminal))
        await supervisor.open()
        try:
            await work(supervisor, terminal)
        finally:
            await supervisor.close()

    asyncio.run(session())
    return terminal


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the condition lies in other processes
            await asyncio.sleep(0.05)


def test_every_line_carries_the_name_of_its_process() -> None:
    async def work(supervisor: Supervisor, _: Terminal) -> None:
        await supervisor.run(python_process("first", "print('one\\ntwo')", is_lasting=False))
        await supervisor.run(python_process("second", "print('three', end='')", is_lasting=False))

    terminal = supervise(work)

    assert terminal.getvalue().splitlines() == ["first      | one", "first      | two", "second     | three"]


def test_a_failed_step_is_named_with_its_last_words() -> None:
    async def work(supervisor: Supervisor, _: Terminal) -> None:
        await supervisor.run(python_process("step", "import sys; sys.exit('the table is missing')", is_lasting=False))

    with pytest.raises(ProcessFailedError, match="step ended with exit code 1: the table is missing"):
        supervise(work)


def test_a_process_that_dies_while_others_wait_for_it_is_named() -> None:
    async def work(supervisor: Supervisor, _: Terminal) -> None:
        await supervisor.start(python_process("api", "raise SystemExit('no such table')"))
        await supervisor.until_marked("api", seconds=PATIENCE)

    with pytest.raises(ProcessFailedError, match="api ended with exit code 1: no such table"):
        supervise(work)


def test_a_process_that_never_becomes_ready_is_named() -> None:
    async def work(supervisor: Supervisor, _: Terminal) -> None:
        await supervisor.start(python_process("api", "import time; print('thinking', flush=True); time.sleep(600)"))
        await supervisor.until_marked("api", seconds=1)

    with pytest.raises(ProcessFailedError, match="api is not ready after 1 s"):
        supervise(work)


async def kill_a_worker(supervisor: Supervisor, terminal: Terminal) -> None:
    """Start one, kill it, and wait until another has come."""
    await supervisor.start(python_process("worker", LASTING))
    await until(lambda: len(terminal.pids("worker")) == 1)
    os.kill(terminal.pids("worker")[0], signal.SIGKILL)
    await until(lambda: len(terminal.pids("worker")) == 2)


def test_a_killed_process_is_started_again_and_the_log_says_so() -> None:
    terminal = supervise(kill_a_worker)

    assert "worker ended with signal 9" in terminal.lines("sentinel")[0]
    assert terminal.lines("sentinel")[0].endswith("(it is started again now)")


@pytest.mark.timeout(60)
def test_an_end_between_two_looks_of_circus_is_told_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Arbiter, "reap_processes", lambda _: None)  # the first look comes always too early

    async def work(supervisor: Supervisor, terminal: Terminal) -> None:
        with pytest.raises(ProcessFailedError, match="step ended with exit code 1: the table is missing"):
            async with asyncio.timeout(PATIENCE):
                await supervisor.run(
                    python_process("step", "raise SystemExit('the table is missing')", is_lasting=False)
                )
        await kill_a_worker(supervisor, terminal)

    terminal = supervise(work)

    assert "worker ended with signal 9" in terminal.lines("sentinel")[0]


def test_a_process_that_dies_again_and_again_is_left_alone_longer_and_longer() -> None:
    async def work(supervisor: Supervisor, terminal: Terminal) -> None:
        await supervisor.start(python_process("worker", "raise SystemExit('no luck')"))
        await until(lambda: len(terminal.lines("sentinel")) == 3)

    terminal = supervise(work)

    assert [line.rpartition("(")[2] for line in terminal.lines("sentinel")] == [
        "it is started again now)",
        "it is started again in 2 s)",
        "it is started again in 4 s)",
    ]
    assert len(terminal.lines("worker")) == 3


def test_the_wait_grows_to_a_limit_and_ends_with_a_steady_life() -> None:
    async def waits() -> list[float]:
        spec = python_process("worker", "")
        child = Child(spec, watcher=None, log=ProcessLog("worker", lambda *_: None))
        child.started_at = float("inf")  # just now, at every end
        growing = [child.note_end(1) for _ in range(9)]
        child.started_at = 0.0 - 3600
        return [*growing, child.note_end(1)]

    assert asyncio.run(waits()) == [0, 2, 4, 8, 16, 32, LONGEST_WAIT_SECONDS, 60, 60, 0]


def test_what_was_stopped_stays_stopped_and_the_others_go_on() -> None:
    async def work(supervisor: Supervisor, terminal: Terminal) -> None:
        await supervisor.start(python_process("api", LASTING), python_process("server", LASTING))
        await supervisor.until_marked("api", seconds=PATIENCE)
        await supervisor.until_marked("server", seconds=PATIENCE)

        await supervisor.stop(["api", "one that was never started"])

        assert not psutil.pid_exists(terminal.pids("api")[0])
        assert psutil.pid_exists(terminal.pids("server")[0])

    terminal = supervise(work)

    assert not psutil.pid_exists(terminal.pids("server")[0])
    assert terminal.lines("sentinel") == []


def test_a_process_that_does_not_listen_is_killed_after_its_patience() -> None:
    deaf = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LASTING

    async def work(supervisor: Supervisor, _: Terminal) -> None:
        await supervisor.start(python_process("deaf", deaf, stop_seconds=0.5))
        await supervisor.until_marked("deaf", seconds=PATIENCE)

    terminal = supervise(work)

    assert not psutil.pid_exists(terminal.pids("deaf")[0])


def listening() -> set[object]:
    """The sockets of this process that somebody could connect to."""
    return {each.laddr for each in psutil.Process().net_connections("all") if each.status == psutil.CONN_LISTEN}


def test_nobody_can_connect_to_the_supervisor() -> None:
    before = listening()  # servers of other tests in this process may still be there

    async def work(_supervisor: Supervisor, _terminal: Terminal) -> None:
        assert listening() <= before

    supervise(work)


def test_chunks_become_whole_lines_even_inside_a_character() -> None:
    written: list[str] = []
    log = ProcessLog("api", lambda _, line: written.append(line))

    for byte in "naïve\n\nlast".encode():
        log({"pid": 1, "data": bytes([byte])})
    log.finish()

    assert written == ["naïve", "last"]
    assert log.last_line == "last"


def test_a_line_without_end_is_passed_on_in_pieces() -> None:
    written: list[str] = []
    log = ProcessLog("api", lambda _, line: written.append(line))

    for _ in range(200):
        log({"pid": 1, "data": b"x" * 1024})

    assert len(written) > 1
    assert max(map(len, written)) < 70_000
