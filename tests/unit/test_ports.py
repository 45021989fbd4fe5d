"""Free ports: each server has one of its own, and keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.embedded import ports
from sentinel.embedded.ports import FIRST_PORT, remembered_port


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance draws each port twice, and nobody listens anywhere."""
    draws = iter(number // 2 for number in range(20))
    monkeypatch.setattr("secrets.randbelow", lambda _: next(draws))
    monkeypatch.setattr(ports, "is_free", lambda *_: True)


@pytest.mark.usefixtures("drawn")
def test_a_port_that_is_promised_to_one_server_is_not_given_to_another_before_it_starts(tmp_path: Path) -> None:
    book = tmp_path / "ports.json"

    given = [remembered_port(book, name) for name in ("postgres", "valkey", "postgres")]

    assert given == [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT]
    assert json.loads(book.read_text()) == {"postgres": FIRST_PORT, "valkey": FIRST_PORT + 1}
