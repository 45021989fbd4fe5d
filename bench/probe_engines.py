"""Two engines that can be killed and started again on their data, for probes of what they keep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.alertmanager import Alertmanager, binary
from bench.alerts import ALERTMANAGER, SENTINEL
from bench.context import ROOT, Context
from bench.installation import WEBHOOK_SETTINGS, Installation, installation
from bench.receiver import Receiver
from sentinel.chaos.installation import START_SECONDS, eventually
from sentinel.embedded.ports import LOOPBACK, choose_port, is_free

WORKERS = {"pipeline-1": ("--pipeline",), "webhook-1": ("--channel", "webhook")}
SCOPES = ("--scope", "events:write", "--scope", "events:broadcast", "--scope", "notifications:write")
ENDING_SECONDS = 60


class Engine(Protocol):
    """What a probe does to an engine."""

    name: str
    api_key: str

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it takes alerts; two of them where it has a twin."""

    def kill(self) -> None:
        """Kill -9 everything of it, storage included."""

    def terminate(self) -> None:
        """SIGTERM every process that takes or sends alerts, and wait for its end."""

    def start(self) -> None:
        """Start it again on the data that it has."""

    def is_idle(self) -> bool:
        """Whether it knows of nothing that is still to be sent."""

    def replay(self) -> bool:
        """Send again what had failed for good; False if it has no such thing."""


@dataclass(slots=True)
class Ours:
    """A whole Sentinel; its twin is a second API process on the same database."""

    running: Installation
    api_key: str
    name: str = SENTINEL
    twin_ports: tuple[int, ...] = ()

    @property
    def ports(self) -> tuple[int, ...]:
        """One port for each API process."""
        return (self.running.system.port, *self.twin_ports)

    def kill(self) -> None:
        """All processes first, so that none can save anything, then the servers, which are started again at once."""
        system = self.running.system
        for process in system.processes.values():
            os.killpg(process.pid, signal.SIGKILL)
        for process in system.processes.values():
            process.wait()
        system.processes.clear()
        servers = self.running.context.servers
        for server in (servers.postgres, servers.valkey):
            server.kill()
            server.start()

    def terminate(self) -> None:
        """All at once, as a machine does that is shut down."""
        system = self.running.system
        for process in system.processes.values():
            process.terminate()
        for process in system.processes.values():
            process.wait(timeout=ENDING_SECONDS)
        system.processes.clear()

    def start(self) -> None:
        """Start the same processes as at first."""
        system = self.running.system
        for name, arguments in WORKERS.items():
            system.start_worker(name, *arguments)
        system.start("beat", "beat")
        system.start_api()

    def start_twin(self) -> None:
        """Start a second API process."""
        port = choose_port()
        self.running.system.start("api-2", "api", "--port", str(port))
        eventually(lambda: not is_free(LOOPBACK, port), seconds=START_SECONDS, message="a second API process")
        self.twin_ports = (port,)

    def is_idle(self) -> bool:
        """No event and no message waits."""
        waiting: int = self.running.ask(WAITING)[0]
        return waiting == 0

    def replay(self) -> bool:
        """Start over what is FAILED, as an operator would."""
        self.running.system.run("notifications", "retry", "--yes")
        return True


WAITING = """
    SELECT (SELECT count(*) FROM events WHERE status = 'PENDING')
         + (SELECT count(*) FROM notifications WHERE queue_at IS NOT NULL)
         + (SELECT count(*) FROM notifications WHERE status = 'SENDING')
"""


@contextmanager
def sentinel(context: Context, name: str, receiver: Receiver, *, has_twin: bool = False) -> Iterator[Ours]:
    """One client with the rules of the comparison, whose webhooks go to the receiver."""
    with installation(
        context,
        f"probe_{name}",
        workers=WORKERS,
        is_live=False,
        variables=WEBHOOK_SETTINGS,
    ) as running:
        key = running.system.run("keys", "create", "--client", "bench", "--name", "probe", *SCOPES)
        command = [sys.executable, "-m", "bench.rule_set", "1", receiver.url]
        subprocess.run(command, cwd=ROOT, env=running.system.environment, check=True)
        ours = Ours(running, key.stdout.strip())
        if has_twin:
            ours.start_twin()
        yield ours


@dataclass(slots=True)
class Theirs:
    """One Alertmanager, or two that gossip."""

    folder: Path
    web_ports: tuple[int, ...]
    cluster_ports: tuple[int, ...]
    peers: list[Alertmanager] = field(default_factory=list)
    name: str = ALERTMANAGER
    api_key: str = "none"

    @property
    def ports(self) -> tuple[int, ...]:
        """One port for each peer."""
        return self.web_ports

    def kill(self) -> None:
        """Kill -9 all peers."""
        self._end(lambda peer: peer.process.kill())

    def terminate(self) -> None:
        """SIGTERM all peers."""
        self._end(lambda peer: peer.process.terminate())

    def _end(self, tell: Callable[[Alertmanager], None]) -> None:
        for peer in self.peers:
            tell(peer)
        for peer in self.peers:
            peer.process.wait(timeout=ENDING_SECONDS)
        self.peers.clear()

    def start(self) -> None:
        """Start each on the data it has."""
        self.peers = [Alertmanager(port, self._launch(number)) for number, port in enumerate(self.web_ports)]
        for peer in self.peers:
            peer.wait_ready()
        if len(self.peers) > 1:
            eventually(self._is_settled, seconds=START_SECONDS, message="the peers to find each other")

    def _is_settled(self) -> bool:
        return all(peer.count_peers() == len(self.peers) for peer in self.peers)

    def _launch(self, number: int) -> subprocess.Popen[bytes]:
        data = self.folder / f"data-{number}"
        places = (f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={data}")
        web = f"--web.listen-address=127.0.0.1:{self.web_ports[number]}"
        cluster = ["--cluster.listen-address="]
        if len(self.web_ports) > 1:
            others = [port for place, port in enumerate(self.cluster_ports) if place != number]
            cluster = [f"--cluster.listen-address=127.0.0.1:{self.cluster_ports[number]}"]
            cluster += [f"--cluster.peer=127.0.0.1:{port}" for port in others]
        with (self.folder / f"log-{number}").open("ab") as log:
            command = [str(binary()), *places, web, *cluster, "--log.level=warn"]
            return subprocess.Popen(command, stdout=log, stderr=log, process_group=0)

    def is_idle(self) -> bool:
        """It does not say."""
        return True

    def replay(self) -> bool:
        """It keeps nothing that has failed."""
        return False


@contextmanager
def peer_engine(
    context: Context, name: str, receiver: Receiver, *, group_wait: str, has_twin: bool = False
) -> Iterator[Theirs]:
    """Every alert is a group of its own; groups are looked at again every ten seconds."""
    folder = context.folder / f"peer-{name}"
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(configuration(receiver.url, group_wait))
    count = 2 if has_twin else 1
    theirs = Theirs(folder, tuple(choose_port() for _ in range(count)), tuple(choose_port() for _ in range(count)))
    try:
        theirs.start()
        yield theirs
    finally:
        theirs.terminate()


def configuration(receiver_url: str, group_wait: str) -> str:
    """Return its settings: one route, one webhook, nothing told of alerts that are over."""
    lines = (
        "route:",
        "  receiver: c0",
        "  group_by: ['...']",
        f"  group_wait: {group_wait}",
        "  group_interval: 10s",
        "receivers:",
        f"- {{name: c0, webhook_configs: [{{url: '{receiver_url}/c0', send_resolved: false}}]}}",
        "",
    )
    return "\n".join(lines)
