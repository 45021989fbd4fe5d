"""One running installation for all kills: it has to survive each of them and go on working for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentinel.stand_ins import ProviderProcess
from tests.brokers import Broker
from tests.conftest import Configure
from tests.integration.conftest import live_settings
from tests.system import QUICK, System, running_system


@pytest.fixture(scope="module")
def _ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderProcess]:
    with ProviderProcess(tmp_path_factory.mktemp("provider") / "ledger.jsonl") as provider:
        yield provider


@pytest.fixture(scope="module")
def _running(
    _schema: None, _ledger: ProviderProcess, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    with running_system(folder, **live_settings(_ledger.url) | QUICK | broker.variables) as found:
        yield found


@pytest.fixture
def ledger(_ledger: ProviderProcess) -> ProviderProcess:
    """Twilio and SendGrid as a process, with an empty ledger and nothing scripted."""
    _ledger.forget()
    return _ledger


@pytest.fixture
def system(_running: System, database: Configure, ledger: ProviderProcess) -> System:
    """The installation with all its processes and empty tables."""
    _running.start_everything()
    return _running
