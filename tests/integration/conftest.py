"""Integration tests run in one process against a real PostgreSQL and Redis; the stages are called one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sentinel import tracing
from sentinel.app import create_app
from sentinel.chaos.installation import provider_variables
from sentinel.services import notifications
from sentinel.services.notifications import Request
from sentinel.services.sending import delivery, pipeline
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import Settings, get_settings
from sentinel.stand_ins import ProviderStandIn
from tests.collector import Collector, collecting
from tests.conftest import Configure

DEFAULT_CLIENT_ID = 1

Accept = Callable[..., str]
RunPipeline = Callable[..., delivery.Again]


@pytest.fixture(autouse=True)
def _clean(database: Configure) -> None:
    """Every integration test starts with empty tables."""


@pytest.fixture
def api(database: Configure) -> FlaskClient:
    """The API, called without a socket."""
    return application().test_client()


def application(settings: Settings | None = None) -> Flask:
    """One application for all tests with the same settings: to put it together costs as much as a test."""
    return _application(settings or get_settings())


@lru_cache(maxsize=8)
def _application(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def provider(database: Configure) -> Iterator[ProviderStandIn]:
    """All providers at the wire, with complete credentials in the settings and retries that come quickly."""
    with ProviderStandIn() as stand_in:
        database(**live_settings(stand_in.url))
        yield stand_in


def live_settings(url: str) -> dict[str, str]:
    """Variables that point all real providers at a stand-in, with no waits."""
    return provider_variables(url) | {
        "SENTINEL_BACKOFF_BASE_SECONDS": "0.001",
        "SENTINEL_AMBIGUOUS_WAIT_SECONDS": "0",
    }


@pytest.fixture(scope="module")
def _collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture
def collector(_collector: Collector, provider: ProviderStandIn, database: Configure) -> Collector:
    """Where this process exports to: `exported` lets it come."""
    database(OTEL_EXPORTER_OTLP_ENDPOINT=_collector.url)
    assert tracing.start()
    _collector.forget()
    return _collector


@pytest.fixture
def accept(database: Configure) -> Accept:
    """Store one notification as the API would; returns its id."""

    def stored(client_id: int = DEFAULT_CLIENT_ID, **changes: Any) -> str:
        values: dict[str, Any] = {"channel": "sms", "recipient": "+14155552671", "body": "Disk full"} | changes
        with unit_of_work() as uow:
            found: str = notifications.accept(uow, client_id, [notifications.check(Request(**values), now=uow.now)])[0][
                "id"
            ]
        return found

    return stored


@pytest.fixture
def run_pipeline(database: Configure) -> RunPipeline:
    """Run the four stages on ids of one channel, as a worker would."""

    def run(ids: Sequence[str], channel: str = "sms") -> delivery.Again:
        with unit_of_work() as uow:
            going = pipeline.prepare(uow, ids)
        return delivery.deliver(channel, going, worker="test@here")

    return run
