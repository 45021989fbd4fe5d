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


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """What the lasting installation of a module is told beside its quick times; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def _lasting_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderProcess]:
    with ProviderProcess(tmp_path_factory.mktemp("provider") / "ledger.jsonl") as provider:
        yield provider


@pytest.fixture(scope="module")
def _lasting(
    _schema: None,
    _lasting_ledger: ProviderProcess,
    broker: Broker,
    variables: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    told = live_settings(_lasting_ledger.url) | QUICK | broker.variables | variables
    with running_system(tmp_path_factory.mktemp("system"), **told) as found:
        yield found


@pytest.fixture
def lasting_ledger(_lasting_ledger: ProviderProcess) -> ProviderProcess:
    """Twilio and SendGrid as a process for all tests of a module, with an empty ledger and nothing scripted."""
    _lasting_ledger.forget()
    return _lasting_ledger


@pytest.fixture
def lasting_system(_lasting: System, database: Configure, lasting_ledger: ProviderProcess) -> Iterator[System]:
    """One installation for all tests of a module: to start it takes longer than most. At the end its books balance.

    What a test has sent must have ended with it, or it comes to the next one.
    """
    yield _lasting
    assert audit.audit().found == []


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
