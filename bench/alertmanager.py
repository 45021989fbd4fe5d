"""Prometheus' Alertmanager beside us: the same rules as routes, each alert a notification of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.alerts import triples
from bench.context import BenchFailedError
from sentinel.embedded.ports import choose_port

BINARIES = ("prometheus-alertmanager", "alertmanager")
VERSION = re.compile(r"version (\S+)")
HINT = "skipped: install prometheus-alertmanager"
START_SECONDS = 120
POLL_SECONDS = 0.02
ROOT_ROUTE = ("route:", "  receiver: nobody", "  group_by: ['...']", "  group_wait: 0s", "  group_interval: 5m")
"""Each alert is a message of its own, at once, as with us."""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running one."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> dict[str, int]:
        """Its one process."""
        return {"alertmanager": self.process.pid}

    def wait_ready(self) -> None:
        """Wait until it takes alerts."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailedError("Alertmanager does not start; its log is in the bench's folder")
            time.sleep(POLL_SECONDS)

    def count_peers(self) -> int:
        """How many of its cluster it knows, itself included; 0 until the cluster has settled."""
        cluster = json.loads(self._get("/api/v2/status"))["cluster"]
        return len(cluster["peers"]) if cluster["status"] == "ready" else 0

    def _is_ready(self) -> bool:
        try:
            self._get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def _get(self, path: str) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            found: bytes = answer.read()
            return found


def binary() -> str | None:
    """Where it is installed; None when it is not."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


def version() -> str:
    """What it says that it is."""
    done = subprocess.run([str(binary()), "--version"], capture_output=True, text=True, check=True)
    found = VERSION.search(done.stdout + done.stderr)
    return f"Alertmanager {found[1]}" if found else "Alertmanager"


@contextmanager
def alertmanager(folder: Path, configured: str) -> Iterator[Alertmanager]:
    """Start one on an empty store."""
    folder.mkdir(parents=True)
    config = folder / "alertmanager.yml"
    config.write_text(configured)
    port = choose_port()
    places = (f"--config.file={config}", f"--storage.path={folder / 'data'}")
    network = (f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(binary()), *places, *network, "--log.level=warn"],
            stdout=log,
            stderr=log,
            env=os.environ,
            process_group=0,
        )
    try:
        started = Alertmanager(port, process)
        started.wait_ready()
        yield started
    finally:
        process.terminate()
        process.wait(timeout=30)


def one_route(receiver_url: str) -> str:
    """One route and one receiver for whatever comes: as quick as it can be."""
    lines = [*ROOT_ROUTE, "receivers:", _receiver(0, receiver_url), ""]
    return "\n".join(lines).replace("receiver: nobody", "receiver: c0")


def configuration(clients: int, receiver_url: str) -> str:
    """Every rule a route that lets the routes after it see the alert too; a receiver for each client."""
    receivers = ("receivers:", "- name: nobody")
    each = range(clients)
    lines = [*ROOT_ROUTE, "  routes:", *(line for client in each for line in _routes(client))]
    return "\n".join([*lines, *receivers, *(_receiver(client, receiver_url) for client in each), ""])


def _routes(client: int) -> Iterator[str]:
    for triple in triples(client):
        wanted = f"""['severity="{triple.severity}"', 'source="{triple.source}"', 'name="{triple.name}"']"""
        yield f"  - {{receiver: c{client}, continue: true, matchers: {wanted}}}"


def _receiver(client: int, receiver_url: str) -> str:
    return f"- {{name: c{client}, webhook_configs: [{{url: '{receiver_url}/c{client}', send_resolved: false}}]}}"
