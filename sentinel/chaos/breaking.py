"""Carries strikes out on a running installation, and mends what they broke."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import orjson
import redis

from sentinel.chaos.installation import PROGRAMS, Installation
from sentinel.chaos.strikes import BROKER, EMPTY, KILL, POSTGRES, PROVIDER, VALKEY, Strike
from sentinel.embedded.servers import Servers
from sentinel.stand_ins import (
    Fault,
    ProviderProcess,
    delayed,
    rate_limited,
    refused,
    reset,
    reset_unread,
    silence,
)

PROVIDER_FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "reset": reset(),
        "slow": delayed(0.5),
        "silence": silence(),
        "429": rate_limited(Retry_After="1"),
        "500": refused(500),
        "503": refused(503),
    }
)
UNREAD = 10
"""So many connections are reset before anything is read; the stand-in's own control would be, too, if it were all."""

ENDING_SECONDS = 60
"""A process that was asked to end and has not by then is killed, and it is written down."""

Mend = Callable[[], bool]
"""Called again and again from the moment the fault is to end, until it says that all is whole."""


class Breaker:
    """Knows all parts of one installation and how each is broken."""

    def __init__(
        self,
        installation: Installation,
        servers: Servers,
        provider: ProviderProcess,
        some_ids: Callable[[], Mapping[str, list[str]]],
    ) -> None:
        self._installation = installation
        self._servers = servers
        self._provider = provider
        self._some_ids = some_ids
        self.remarks: list[str] = []

    def begin(self, strike: Strike) -> Mend:
        """Break what the strike says."""
        if strike.target in PROGRAMS:
            return self._kill(strike.target) if strike.kind == KILL else self._terminate(strike.target)
        return {
            VALKEY: lambda: self._break_valkey(strike),
            POSTGRES: lambda: self._break_postgres(strike),
            PROVIDER: lambda: self._break_provider(strike),
            BROKER: self._redeliver,
        }[strike.target]()

    def revive(self, struck: set[str]) -> None:
        """Start again what has ended although nobody struck it, as any supervisor would, and write it down."""
        for name, process in list(self._installation.processes.items()):
            if name not in struck and process.poll() is not None:
                self.remarks.append(f"{name} ended by itself with exit code {process.returncode}")
                self._installation.start_program(name)

    def _kill(self, name: str) -> Mend:
        self._installation.kill(name)
        return lambda: bool(self._installation.start_program(name))

    def _terminate(self, name: str) -> Mend:
        process = self._installation.processes[name]
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + ENDING_SECONDS

        def mend() -> bool:
            if process.poll() is None:
                if time.monotonic() < deadline:
                    return False
                self.remarks.append(f"{name} had not ended {ENDING_SECONDS} s after SIGTERM")
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            return bool(self._installation.start_program(name))

        return mend

    def _break_valkey(self, strike: Strike) -> Mend:
        if strike.kind == EMPTY:
            with redis.Redis.from_url(self._servers.redis_url) as store:
                store.flushall()
        self._servers.valkey.kill()
        return lambda: bool(self._servers.valkey.start())

    def _break_postgres(self, strike: Strike) -> Mend:
        if strike.kind == KILL:
            self._servers.postgres.kill()
        else:
            self._servers.postgres.stop()
        return lambda: bool(self._servers.postgres.start())

    def _break_provider(self, strike: Strike) -> Mend:
        if strike.kind == "reset unread":
            self._provider.script(*[reset_unread()] * UNREAD)
        else:
            self._provider.always(PROVIDER_FAULTS[strike.kind])
        return self._mend_provider

    def _mend_provider(self) -> bool:
        try:
            self._provider.script()
            self._provider.always(None)
        except OSError:  # one of the connections that are reset was our own
            return False
        return True

    def _redeliver(self) -> Mend:
        """Hand ids of long ago to the workers again, as a broker does that has lost track."""
        command = [sys.executable, "-m", "sentinel.chaos.redelivery"]
        installation = self._installation
        log = (installation.folder / "redelivery.log").open("ab")
        with log:
            process = subprocess.Popen(
                command, env=installation.environment, cwd=installation.folder, stdin=subprocess.PIPE, stderr=log
            )
        with process.stdin as stdin:  # type: ignore[union-attr] # it is a pipe
            stdin.write(orjson.dumps(self._some_ids()))
        return lambda: process.poll() is not None
