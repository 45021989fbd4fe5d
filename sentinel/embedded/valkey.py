"""A private Valkey, the Redis-compatible server: append-only file, password, 127.0.0.1."""

from __future__ import annotations

import shutil
import signal
import socket
from functools import partial
from pathlib import Path

from sentinel.embedded.binaries import VALKEY, programs_directory
from sentinel.embedded.files import kept_password, write_private
from sentinel.embedded.ports import LOOPBACK, remembered_port
from sentinel.embedded.specs import Holding, NotReadyError, ProcessSpec, ServerSpec, tethered
from sentinel.embedded.state import State

CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir "{directory}"
appendonly yes
appendfsync {appendfsync}
save ""
maxmemory-policy noeviction
loglevel warning
"""


def prepare_valkey(state: State, *, is_durable: bool = True) -> ServerSpec:
    """Write the configuration; say how to run the server with it."""
    programs = programs_directory(VALKEY, state)
    password = kept_password(state.path / "valkey.password")
    port = remembered_port(state.port_book, "valkey")
    configuration = _write_configuration(state, password=password, port=port, is_durable=is_durable)
    process = ProcessSpec(
        name="valkey",
        command=tethered(
            (str(programs / "valkey-server"), str(configuration)),
            holding=Holding(lock=state.data_root / "valkey.lock", account=state.account),
        ),
        environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
        stop_signal=signal.SIGTERM,
        stop_seconds=30,
    )
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    return ServerSpec(process, url, partial(_identify, port, password))


def _write_configuration(state: State, *, password: str, port: int, is_durable: bool) -> Path:
    """In a file and not on the command line, where every user of the machine could read the password."""
    directory = state.data_root / "valkey"
    directory.mkdir(mode=0o700, exist_ok=True)
    configuration = directory / "valkey.conf"
    appendfsync = "everysec" if is_durable else "no"
    write_private(
        configuration,
        CONFIGURATION.format(host=LOOPBACK, port=port, password=password, directory=directory, appendfsync=appendfsync),
    )
    if state.account:
        shutil.chown(directory, state.account.uid, state.account.gid)
        shutil.chown(configuration, state.account.uid, state.account.gid)
    return configuration


def _identify(port: int, password: str) -> str:
    """Ask over a plain socket: the supervisor lives as long as everything else, and saves the memory of a client."""
    question = f"AUTH {password}\r\nINFO server\r\nQUIT\r\n".encode()
    answer = b""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
            connection.sendall(question)
            while part := connection.recv(65536):
                answer += part
    except OSError as error:
        raise NotReadyError(str(error)) from None
    for line in answer.decode().splitlines():
        if line.startswith("valkey_version:"):
            return f"Valkey {line.partition(':')[2]}"
    raise NotReadyError(answer.decode(errors="replace").strip()[-200:])
