"""A Sentinel of one's own, to be broken: real processes of the shipped commands, on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sentinel.embedded.ports import choose_port
from sentinel.embedded.specs import tethered
from sentinel.errors import SentinelError
from sentinel.sealing import new_secret_key
from sentinel.stand_ins import ACCOUNT_SID, API_KEY, AUTH_TOKEN, BOT_TOKEN

SENTINEL = str(Path(sys.executable).with_name("sentinel"))
START_SECONDS = 120  # everything at once on two busy cores
READY = "[celery.apps.worker]"
QUICK = {
    "SENTINEL_SWEEP_SECONDS": "0.5",
    "SENTINEL_HINT_SECONDS": "2",
    "SENTINEL_CONNECT_TIMEOUT_SECONDS": "1",
    "SENTINEL_READ_TIMEOUT_SECONDS": "1",
    "SENTINEL_SEND_DEADLINE_SECONDS": "2",
    "SENTINEL_LEASE_SECONDS": "9",
    "SENTINEL_AMBIGUOUS_WAIT_SECONDS": "1",
    "SENTINEL_BACKOFF_BASE_SECONDS": "0.2",
    "SENTINEL_PROVIDER_PAUSE_SECONDS": "1",
    "SENTINEL_LIMITS": "[]",
}
"""The shipped times, shortened in proportion, so that every recovery happens within a test."""

PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "beat": ("beat",),
        "pipeline-1": ("worker", "--name", "pipeline-1", "--pipeline"),
        "sms-1": ("worker", "--name", "sms-1", "--channel", "sms"),
        "email-1": ("worker", "--name", "email-1", "--channel", "email"),
        "hooks-1": ("worker", "--name", "hooks-1", "--channel", "slack", "--channel", "webhook", "--channel", "push"),
        "api": ("api",),
    }
)
"""What `sentinel up` runs, Flower apart."""


class NotInTimeError(SentinelError):
    """Something that was waited for did not happen."""


def eventually(condition: Callable[[], Any], *, seconds: float, message: str | Callable[[], object]) -> Any:
    """Wait until `condition` is true and return it; raise `NotInTimeError` with `message` when it never is.

    A message that is called tells how things stand when the time is over.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise NotInTimeError(f"not within {seconds} s: {message() if callable(message) else message}")


def provider_variables(url: str) -> dict[str, str]:
    """Variables that point all real providers at a stand-in."""
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": "+15005550006",
        "TWILIO_API_BASE_URL": url,
        "SENDGRID_API_KEY": API_KEY,
        "SENDGRID_FROM_EMAIL": "sentinel@example.com",
        "SENDGRID_API_BASE_URL": url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_API_BASE_URL": f"{url}/api",
        "SENTINEL_WEBHOOK_PROVIDER": "webhook",
        "SENTINEL_WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8",
    }


class Installation:
    """Starts, kills and stops the processes of one installation; each start writes a log file of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = choose_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = (
            {"SENTINEL_SECRET_KEYS": new_secret_key()}
            | dict(environment)
            | {
                "SENTINEL_API_PORT": str(self.port),
                "SENTINEL_STATE_DIR": str(folder / "state"),
            }
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run `sentinel ARGUMENTS` under `name`, in a process group of its own that does not outlive this process."""
        path = self.log_path(name)
        if path.exists():
            path.rename(self.folder / f"{name}.until-{time.time():.3f}.log")
        with path.open("wb") as log:
            process = subprocess.Popen(
                tethered((SENTINEL, *arguments)),
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self.processes[name] = process
        return process

    def start_program(self, name: str) -> subprocess.Popen[bytes]:
        """Run one of the `PROGRAMS`; returns at once."""
        return self.start(name, *PROGRAMS[name])

    def start_api(self) -> None:
        """Start the API and wait until it answers."""
        self.start_program("api")
        self._wait_answers()

    def start_worker(self, name: str, *arguments: str) -> None:
        """Start a worker and wait until it takes tasks."""
        self.start(name, "worker", "--name", name, *arguments)
        self._wait_ready(name)

    def start_everything(self) -> None:
        """Start whatever does not run of what `sentinel up` has, and wait until it works.

        Raises `SentinelError` if a process has ended by itself since it was started; the next call starts it again.
        """
        self._look_for_ended()
        missing = [name for name in PROGRAMS if name not in self.processes]
        for name in missing:
            self.start_program(name)
        for name in missing:
            if PROGRAMS[name][0] == "worker":
                self._wait_ready(name)
        self._wait_answers()

    def _look_for_ended(self) -> None:
        ended = {name: process.returncode for name, process in self.processes.items() if process.poll() is not None}
        for name in ended:
            del self.processes[name]
        if ended:
            last = "; ".join(f"{name}: {self.log(name)[-500:]}" for name in ended)
            raise SentinelError(f"ended by themselves, with exit codes: {ended}. Their last words: {last}")

    def _wait_ready(self, name: str) -> None:
        process, ready = self.processes[name], f"{name}@"

        def is_ready() -> bool:
            lines = self.log(name).splitlines()
            if process.poll() is not None:
                raise SentinelError(f"{name} ended with exit code {process.returncode}: {' '.join(lines[-1:])}")
            return any(ready in line and line.rstrip().endswith(READY) for line in lines)

        eventually(is_ready, seconds=START_SECONDS, message=f"worker {name} to be ready")

    def _wait_answers(self) -> None:
        eventually(self.answers, seconds=START_SECONDS, message=lambda: f"API at {self.url}; log: {self.log('api')}")

    def answers(self) -> bool:
        """Whether the API is there."""
        try:
            self.ask("/health/live")
        except OSError:
            return False
        return True

    def ask(self, path: str, body: Any = None) -> Any:
        """GET `path`, or POST a body to it; returns the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy must not stand in between
        try:
            with opener.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SentinelError(f"{path} was refused: {error.code} {error.read()[:500].decode()}") from None

    def kill(self, name: str) -> None:
        """Kill -9 the process and its children, as the kernel's memory killer would at its worst."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def stop(self, name: str, *, seconds: float = 30) -> int:
        """SIGTERM the process; returns its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=seconds)

    def stop_all(self) -> None:
        """Stop whatever still runs; what does not stop in time is killed."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)
        self.processes.clear()

    def log_path(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def log(self, name: str) -> str:
        """What the process has written since its last start."""
        return self.log_path(name).read_text(errors="replace")

    def run(self, *arguments: str, check: bool = True, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI to its end."""
        return subprocess.run(
            [SENTINEL, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=check,
        )
