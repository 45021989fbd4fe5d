"""What is needed to run one process in the foreground, whoever supervises it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.embedded import tether
from sentinel.embedded.account import Account
from sentinel.errors import SentinelError


class NotReadyError(SentinelError):
    """The server does not answer yet."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One program: its name in the log, how to start it, how to end it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    is_lasting: bool = True
    """False for a step that ends by itself and is not started again."""
    ready_mark: str | None = None
    """Words in its output by which it says that it is ready."""


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A private server: its process, its URL, and a question that only a ready server answers."""

    process: ProcessSpec
    url: str = field(repr=False)
    identify: Callable[[], str]
    """Name and version as the server tells it over a real connection; raises `NotReadyError` before."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The data a server works on: one server at a time, as `account`."""

    lock: Path
    account: Account | None = None
    stale: Path | None = None


def tethered(
    program: tuple[str, ...], *, death_signal: signal.Signals = signal.SIGTERM, holding: Holding | None = None
) -> tuple[str, ...]:
    """The command line that runs `program` (first part: an absolute path) tied to the life of this process."""
    options = ["--parent", str(os.getpid()), "--death-signal", str(int(death_signal))]
    if holding:
        options += ["--lock", str(holding.lock)]
    if holding and holding.account:
        options += ["--uid", str(holding.account.uid), "--gid", str(holding.account.gid)]
    if holding and holding.stale:
        options += ["--stale", str(holding.stale)]
    return (sys.executable, "-I", "-S", str(Path(tether.__file__)), *options, "--", *program)
