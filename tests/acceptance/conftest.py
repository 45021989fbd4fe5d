"""Acceptance and chaos tests: whole processes, a provider in a process of its own, and a ledger that outlives both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.services.bookkeeping import audit
from sentinel.stand_ins import ProviderProcess
from tests.brokers import Broker
from tests.conftest import Configure
from tests.integration.conftest import live_settings
from tests.system import QUICK, System, running_system


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[ProviderProcess]:
    """Twilio and SendGrid as a process."""
    with ProviderProcess(tmp_path / "ledger.jsonl") as provider:
        yield provider


@pytest.fixture
def system(database: Configure, ledger: ProviderProcess, broker: Broker, tmp_path: Path) -> Iterator[System]:
    """An installation on empty tables whose channels are live; nothing is started yet. At the end its books balance."""
    with running_system(tmp_path, **live_settings(ledger.url) | QUICK | broker.variables) as found:
        yield found
        assert audit.audit().found == []
