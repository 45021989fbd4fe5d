"""A running Sentinel for acceptance and chaos tests: real processes of the shipped commands, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from sentinel.embedded.ports import choose_port

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


def eventually(condition: Callable[[], Any], *, seconds: float, message: str) -> Any:
    """Wait until `condition` is true and return it; fail with `message` when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {message}")


class System:
    """Starts, kills and stops the processes of one installation; each writes a log file of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.port = choose_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.http = requests.Session()
        self.environment = (
            os.environ
            | QUICK
            | variables
            | {
                "SENTINEL_API_PORT": str(self.port),
                "SENTINEL_STATE_DIR": str(folder / "state"),
            }
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run `sentinel ARGUMENTS` under `name`, in a process group of its own."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [SENTINEL, *arguments], env=self.environment, cwd=self.folder, stdout=log, stderr=log, process_group=0
            )
        self.processes[name] = process
        return process

    def start_api(self) -> None:
        """Start the API and wait until it answers."""
        self.start("api", "api")
        eventually(self._answers, seconds=START_SECONDS, message=f"API at {self.url}; log: {self.log('api')}")

    def start_worker(self, name: str, *arguments: str) -> None:
        """Start a worker and wait until it takes tasks."""
        self.start(name, "worker", "--name", name, *arguments)
        self._wait_ready(name)

    def start_everything(self) -> None:
        """Start whatever does not run: the API, beat, and the workers that `sentinel up` has."""
        wanted = {
            "beat": ["beat"],
            "pipeline-1": ["worker", "--name", "pipeline-1", "--pipeline"],
            "sms-1": ["worker", "--name", "sms-1", "--channel", "sms"],
            "email-1": ["worker", "--name", "email-1", "--channel", "email"],
            "hooks-1": ["worker", "--name", "hooks-1", "--channel", "slack", "--channel", "webhook"],
            "api": ["api"],
        }
        missing = [name for name in wanted if name not in self.processes]
        for name in missing:
            self.start(name, *wanted[name])
        for name in missing:
            if wanted[name][0] == "worker":
                self._wait_ready(name)
        eventually(self._answers, seconds=START_SECONDS, message=f"API at {self.url}; log: {self.log('api')}")

    def _wait_ready(self, name: str) -> None:
        ready = f"{name}@"
        eventually(
            lambda: any(ready in line and line.rstrip().endswith(READY) for line in self.log(name).splitlines()),
            seconds=START_SECONDS,
            message=f"worker {name} to be ready; its log: {self.log(name)[-2000:]}",
        )

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
        self.http.close()

    def log(self, name: str) -> str:
        """What the process has written so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI to its end."""
        return subprocess.run(
            [SENTINEL, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=check,
        )

    def run_celery(self, *arguments: str) -> str:
        """Run a command of Celery itself on our app; returns what it prints."""
        command = [sys.executable, "-m", "celery", "-A", "tasks", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def post(self, **notification: Any) -> dict[str, Any]:
        """POST one notification; returns the row that was answered."""
        response = self.http.post(f"{self.url}/notifications", json=notification, timeout=10)
        assert response.status_code == 202, response.text
        found: dict[str, Any] = response.json()
        return found

    def post_batch(self, notifications: list[dict[str, Any]]) -> list[str]:
        """POST many; returns their ids."""
        response = self.http.post(f"{self.url}/notifications/batch", json=notifications, timeout=30)
        assert response.status_code == 207, response.text
        return [result["notification"]["id"] for result in response.json()]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=2).ok
        except requests.RequestException:
            return False


@contextmanager
def running_system(folder: Path, **variables: str) -> Iterator[System]:
    """An installation that is stopped at the end, whatever happened."""
    system = System(folder, **variables)
    try:
        yield system
    finally:
        system.stop_all()
