"""A RabbitMQ of the tests' own where the machine has one: in the foreground, on free ports, nothing kept."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import amqp
import pytest

from sentinel.embedded.ports import LOOPBACK, choose_port
from sentinel.embedded.servers import ChildServer
from sentinel.embedded.specs import NotReadyError, ProcessSpec, ServerSpec, tethered
from sentinel.stand_ins.certificate import Certificate

MISSING = "there is no rabbitmq-server on this machine (on Debian: apt install rabbitmq-server)"

PLACES = os.pathsep.join(("/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath)))
"""Debian's own command becomes another user and writes to /var; the program behind it does neither."""

CONFIGURATION = """\
loopback_users = none
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
listeners.ssl.1 = {host}:{tls_port}
ssl_options.certfile = {pem}
ssl_options.keyfile = {pem}
ssl_options.cacertfile = {pem}
ssl_options.verify = verify_none
"""

QUIET = {
    "RUNNING_UNDER_SYSTEMD": "1",  # the pid is the server's own
    "RABBITMQ_LOGS": "-",
    "RABBITMQ_NODENAME": "sentinel@localhost",
    "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
    "ERL_EPMD_ADDRESS": LOOPBACK,
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
}


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A running server, which speaks TLS on another port."""

    server: ChildServer
    tls_port: int
    certificate: Path

    @property
    def url(self) -> str:
        """For BROKER_URL."""
        return self.server.spec.url

    def tls_url(self, host: str = LOOPBACK) -> str:
        """For BROKER_URL, under a name that the certificate may know."""
        return f"amqps://guest:guest@{host}:{self.tls_port}//"


@contextmanager
def running_rabbitmq(folder: Path) -> Iterator[RabbitMQ]:
    """Start RabbitMQ, and the book of ports that Erlang wants beside it; skip where there is none."""
    server, book = shutil.which("rabbitmq-server", path=PLACES), shutil.which("epmd", path=PLACES)
    if server is None or book is None:
        pytest.skip(MISSING)
    book_port, port, tls_port = choose_port(), choose_port(), choose_port()
    pem = Certificate.make(folder / "server.pem").pem
    (folder / "rabbitmq.conf").write_text(CONFIGURATION.format(host=LOOPBACK, tls_port=tls_port, pem=pem))
    environment = _environment(folder, book_port=book_port, port=port)
    url = f"amqp://guest:guest@{LOOPBACK}:{port}//"
    with (
        _running("epmd", book, environment, partial(_accepts, book_port), folder),
        _running("rabbitmq", server, environment, partial(_identify, port), folder, url=url) as found,
    ):
        yield RabbitMQ(found, tls_port, pem)


@contextmanager
def _running(
    name: str, program: str, environment: dict[str, str], identify: Callable[[], str], folder: Path, *, url: str = ""
) -> Iterator[ChildServer]:
    process = ProcessSpec(name, tethered((program,)), environment, stop_seconds=30)
    server = ChildServer(ServerSpec(process, url, identify), folder / f"{name}.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _environment(folder: Path, *, book_port: int, port: int) -> dict[str, str]:
    """Everything that RabbitMQ would look for in /etc and /var is in `folder`, or nowhere."""
    (folder / "plugins").write_text("[].\n")
    places = {
        "HOME": folder,
        "RABBITMQ_MNESIA_BASE": folder / "data",
        "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
        "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "none",
        "RABBITMQ_CONF_ENV_FILE": folder / "none",
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
        "RABBITMQ_PID_FILE": folder / "pid",
    }
    ports = {"ERL_EPMD_PORT": book_port, "RABBITMQ_NODE_PORT": port, "RABBITMQ_DIST_PORT": choose_port()}
    named = {name: str(value) for name, value in (places | ports).items()}
    return QUIET | named | {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def _accepts(port: int) -> str:
    try:
        socket.create_connection((LOOPBACK, port), timeout=5).close()
    except OSError as error:
        raise NotReadyError(str(error)) from None
    return "epmd"


def _identify(port: int) -> str:
    try:
        with amqp.Connection(f"{LOOPBACK}:{port}", connect_timeout=5) as connection:
            return f"RabbitMQ {connection.server_properties['version']}"
    except (OSError, amqp.AMQPError) as error:
        raise NotReadyError(str(error)) from None
