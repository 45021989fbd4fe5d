"""Private servers as plain child processes, for as long as a `with` block lasts: what the test suite runs on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sentinel.embedded.postgres import prepare_postgres
from sentinel.embedded.specs import NotReadyError, ServerSpec
from sentinel.embedded.state import claimed_state, require_space
from sentinel.embedded.valkey import prepare_valkey
from sentinel.errors import SentinelError

READY_SECONDS = 60
POLL_SECONDS = 0.02


class ServerFailedError(SentinelError):
    """A private server ended, or did not answer in time; the message ends with the last line of its log."""


class ChildServer:
    """One private server. It can be stopped, killed and started again on the same data and port."""

    def __init__(self, spec: ServerSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's own pid (the tether became the server)."""
        return self._running().pid

    def start(self) -> str:
        """Run the server and wait for its first answer; gives back its name and version."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.spec.process.command,
                env=dict(self.spec.process.environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal is for the supervisor
            )
        try:
            return self._first_answer()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the server in good order; does nothing if it has ended."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(self.spec.process.stop_signal)
            self._process.wait(timeout=self.spec.process.stop_seconds)

    def kill(self) -> None:
        """Kill -9, for tests of what follows."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = f"{self.spec.process.name} was never started"
            raise ServerFailedError(message)
        return self._process

    def _first_answer(self) -> str:
        deadline = time.monotonic() + READY_SECONDS
        reason = "no answer"
        while self._running().poll() is None and time.monotonic() < deadline:
            try:
                return self.spec.identify()
            except NotReadyError as error:
                reason = str(error)
                time.sleep(POLL_SECONDS)
        raise ServerFailedError(f"{self.spec.process.name} did not start: {last_line(self.log) or reason}")


@dataclass(frozen=True, slots=True)
class Servers:
    """A running pair."""

    postgres: ChildServer
    valkey: ChildServer

    @property
    def database_url(self) -> str:
        """For DATABASE_URL; the user may create databases."""
        return self.postgres.spec.url

    @property
    def redis_url(self) -> str:
        """For REDIS_URL and BROKER_URL."""
        return self.valkey.spec.url


@contextmanager
def running_servers(state_dir: Path, *, is_durable: bool = True) -> Iterator[Servers]:
    """Start PostgreSQL and Valkey on the data in `state_dir`, stop them at the end; data stay.

    `is_durable=False` is for tests that do not care about a power cut: it turns fsync off.
    """
    with claimed_state(state_dir) as state, ExitStack() as stack:
        require_space(state.data_root)
        children = []
        for prepare in (prepare_postgres, prepare_valkey):
            spec = prepare(state, is_durable=is_durable)
            child = ChildServer(spec, state.path / f"{spec.process.name}.log")
            child.start()
            stack.callback(child.stop)
            children.append(child)
        yield Servers(*children)


@contextmanager
def throwaway_servers() -> Iterator[Servers]:
    """Servers on an empty directory that is removed afterwards, fast and not durable."""
    with TemporaryDirectory(prefix="sentinel-") as directory:
        path = Path(directory)
        path.chmod(0o711)  # servers that root starts run as somebody else, who must be able to pass through
        with running_servers(path, is_durable=False) as servers:
            yield servers


def last_line(log: Path) -> str:
    """The last line of a log file that says something, read from its end."""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
