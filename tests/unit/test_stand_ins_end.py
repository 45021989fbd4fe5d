"""Servers of the tests: whatever is connecting while they end, no socket is left open."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from sentinel.stand_ins import ProviderStandIn
from tests.smtp_stand_in import SmtpStandIn
from tests.wires import Wire

Port = int


@contextmanager
def provider() -> Iterator[Port]:
    with ProviderStandIn() as stand_in:
        yield int(stand_in.url.rpartition(":")[2])


@contextmanager
def mail_server() -> Iterator[Port]:
    with SmtpStandIn() as stand_in:
        yield stand_in.port


@contextmanager
def proxy() -> Iterator[Port]:
    with socket.create_server(("127.0.0.1", 0)) as behind:
        wire = Wire(f"postgresql://127.0.0.1:{behind.getsockname()[1]}/name")
        try:
            yield int(wire.url.rpartition(":")[2].partition("/")[0])
        finally:
            wire.close()


@pytest.mark.parametrize("started", [provider, mail_server, proxy])
def test_a_server_that_ends_closes_what_it_accepted_a_moment_ago(
    started: Callable[[], AbstractContextManager[Port]], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_open: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: left_open.append(unraisable.exc_value))

    for _ in range(40):
        with started() as port:
            clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        for client in clients:
            client.close()
    gc.collect()

    assert left_open == []
