"""What `sentinel up` runs, as plain values, and the way to the process that runs it."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from sentinel.embedded.specs import ProcessSpec, ServerSpec
from sentinel.embedded.state import State

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class System:
    """All that there is to run, as the settings ask for it."""

    state: State
    servers: tuple[ServerSpec, ...]
    urls: Mapping[str, str] = field(repr=False)
    """The variables that lead every process to the same servers."""
    migration: ProcessSpec
    parts: tuple[ProcessSpec, ...]
    """The API, and the workers: what takes in and sends out stops first."""
    clock_and_window: tuple[ProcessSpec, ...]
    api_address: Address
    flower_address: Address
    banner: str


def become_supervisor(system: System) -> NoReturn:
    """Replace this process by one that runs `system`; the pid stays, and what this one has loaded goes."""
    file = tempfile.TemporaryFile(dir=system.state.path)  # noqa: SIM115 - it lives on under its number
    pickle.dump(system, file)
    file.flush()
    os.set_inheritable(file.fileno(), True)
    sys.stdout.flush()
    command = (sys.executable, "-m", "sentinel.embedded.system", str(file.fileno()))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def handed_over(descriptor: int) -> System:
    """Read what `become_supervisor` has written."""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        system: System = pickle.load(file)  # noqa: S301 - our own, from a file that has no name
    return system
