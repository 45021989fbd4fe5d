"""The two who are measured side by side: a whole Sentinel with the rules of so many clients, and Alertmanager."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bench.alertmanager import Alertmanager, alertmanager
from bench.alerts import ALERTMANAGER, RULES_EACH, SENTINEL
from bench.context import ROOT, Context
from bench.installation import WEBHOOK_SETTINGS, Installation, installation
from bench.receiver import Receiver

PIPELINE = "pipeline-1"
SCOPES = ("--scope", "events:write", "--scope", "events:broadcast")
_started = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ours:
    """A running Sentinel; `api_key` broadcasts."""

    running: Installation
    api_key: str
    name: str = SENTINEL

    @property
    def port(self) -> int:
        """Where it takes events."""
        return self.running.system.port

    @property
    def pids(self) -> Mapping[str, int]:
        """The root of each process tree, by name."""
        return self.running.pids

    def settle(self, since: float, count: int) -> float:
        """Wait until all events have met the rules and every notification is SENT; return when the last one was."""
        self.running.wait_evaluated()
        return self.running.wait_sent(since, count)

    def send_to_sandbox(self) -> None:
        """From now on webhooks are only simulated."""
        system = self.running.system
        system.environment["SENTINEL_WEBHOOK_PROVIDER"] = "sandbox"
        for name in [name for name in system.processes if name.startswith("webhook-")]:
            system.stop(name)
            system.start_worker(name, "--channel", "webhook")


@dataclass(frozen=True, slots=True)
class Theirs:
    """A running Alertmanager."""

    running: Alertmanager
    name: str = ALERTMANAGER
    api_key: str = "none"

    @property
    def port(self) -> int:
        """Where it takes alerts."""
        return self.running.port

    @property
    def pids(self) -> Mapping[str, int]:
        """Its process."""
        return self.running.pids

    def settle(self, since: float, count: int) -> float:
        """It writes nothing down."""
        del count
        return since


@contextmanager
def sentinel(context: Context, receiver: Receiver, clients: int, *, name: str, senders: int = 1) -> Iterator[Ours]:
    """A whole Sentinel with the rules of so many clients, whose webhooks go to the receiver."""
    context.say(f"Sentinel with {clients * RULES_EACH} rules")
    workers: dict[str, tuple[str, ...]] = {PIPELINE: ("--pipeline",)}
    workers |= {f"webhook-{number}": ("--channel", "webhook") for number in range(1, senders + 1)}
    with installation(context, name, workers=workers, is_live=False, variables=WEBHOOK_SETTINGS) as running:
        key = running.system.run("keys", "create", "--client", "bench", "--name", "events", *SCOPES)
        command = [sys.executable, "-m", "bench.rule_set", str(clients), receiver.url]
        subprocess.run(command, cwd=ROOT, env=running.system.environment, check=True)
        yield Ours(running, key.stdout.strip())


@contextmanager
def peer(context: Context, configured: str) -> Iterator[Theirs]:
    """A fresh Alertmanager: its groups live as long as their alerts."""
    with alertmanager(context.folder / f"alertmanager-{next(_started)}", configured) as running:
        yield Theirs(running)
