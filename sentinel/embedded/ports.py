"""Free TCP ports on this machine, remembered from one start to the next."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Collection
from pathlib import Path

from sentinel.embedded.files import write_private
from sentinel.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes ports of outgoing connections, so none of those can slip in between.
FIRST_PORT, LAST_PORT = 20_000, 31_999
ATTEMPTS = 200


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind to `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def reachable(host: str) -> str:
    """An address to connect to for one that means "all of them"."""
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104


def url_of(host: str, port: int) -> str:
    """Where a server is that listens there."""
    host = reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def choose_port(promised: Collection[int] = ()) -> int:
    """A random free port of the loopback address; not one of those `promised` to servers that have yet to start."""
    for _ in range(ATTEMPTS):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if port not in promised and is_free(LOOPBACK, port):
            return port
    message = f"no free TCP port between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK}; stop something that uses them"
    raise ConfigurationError(message)


def remembered_port(book: Path, name: str) -> int:
    """The port `name` had last time if it is free, else a new one; written down in `book`."""
    ports = _read_ports(book)
    port = ports.get(name)
    if port is None or not is_free(LOOPBACK, port):
        port = choose_port(ports.values())
        write_private(book, json.dumps(ports | {name: port}))
    return port


def _read_ports(book: Path) -> dict[str, int]:
    try:
        ports: dict[str, int] = json.loads(book.read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # a file cut short costs nothing but new ports
        return {}
    return ports
