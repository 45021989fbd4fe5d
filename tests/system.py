"""A running Sentinel for acceptance and chaos tests, with what only tests ask of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from sentinel.chaos.installation import QUICK, SENTINEL, Installation, eventually

__all__ = ["QUICK", "SENTINEL", "System", "eventually", "running_system"]


class System(Installation):
    """An installation with the test's own environment, and a session to talk to it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        super().__init__(folder, os.environ | QUICK | variables)
        self.http = requests.Session()

    def stop_all(self) -> None:
        """Stop whatever still runs."""
        super().stop_all()
        self.http.close()

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


@contextmanager
def running_system(folder: Path, **variables: str) -> Iterator[System]:
    """An installation that is stopped at the end, whatever happened."""
    system = System(folder, **variables)
    try:
        yield system
    finally:
        system.stop_all()
