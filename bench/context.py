"""What every bench is given: time, real servers, a folder, and a way to say what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sentinel.embedded.servers import Servers
from sentinel.errors import SentinelError

ROOT = Path(__file__).resolve().parents[1]


class BenchFailedError(SentinelError):
    """The system did not do what was to be measured; figures of it would mean nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """`seconds` is how long one measurement should take; `say` shows the step on the screen."""

    seconds: float
    servers: Servers
    folder: Path
    say: Callable[[str], None]
