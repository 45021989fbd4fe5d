"""Fixtures of every tier: real servers on free ports, settings of their own, nothing of the developer's environment."""

from __future__ import annotations

import base64
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import redis
from _pytest.nodeid import NodeId

from sentinel import bell, dispatcher, limiter, metrics, rule_state, settings, store, tracing
from sentinel.broker import celery
from sentinel.cli.db import upgrade
from sentinel.embedded.servers import Servers, throwaway_servers
from sentinel.services.ruling import live_rules
from sentinel.services.sending import delivery
from sentinel.services.watching import gauges
from sentinel.settings import Settings, get_settings, load_settings
from tests import lasting_engine
from tests.brokers import Broker, of_rabbitmq
from tests.databases import empty_tables
from tests.rabbitmq import RabbitMQ, running_rabbitmq

FOREIGN = ("SENTINEL_", "DATABASE_", "REDIS_", "BROKER_", "TWILIO_", "SENDGRID_", "SMTP_", "SLACK_", "PUBLIC_", "OTEL_")

SECRET_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
"""Seals in tests what is stored sealed."""

Configure = Callable[..., Settings]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of an `xdist_group` together: xdist 3.8 writes the group where pytest 9.2 does not look.

    Groups come first: what takes minutes on one worker must not begin when the others have nothing left to do.
    """
    for item in items:
        if grouped := vars(item).get("_nodeid"):
            item._id = NodeId.parse(grouped)
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish() -> None:
    """Have no look for garbage go through all that pytest and the modules have made: it would take half a second."""
    gc.freeze()


@lru_cache(maxsize=200)
def _settings_of(_variables: frozenset[tuple[str, str]]) -> Settings:
    return load_settings()


def _known_settings(**overrides: Any) -> Settings:
    """What these variables say, read once: to read two hundred settings takes as long as some tests."""
    state_dir = Path(os.environ.get("SENTINEL_STATE_DIR", ".sentinel"))
    if overrides or any(file.exists() for file in (Path(".env"), state_dir / "sentinel.env")):
        return load_settings(**overrides)
    return _settings_of(frozenset(pair for pair in os.environ.items() if pair[0].startswith(FOREIGN)))


MADE_ONCE = (
    delivery.get_sender,
    dispatcher.get_dispatcher,
    limiter.get_limiter,
    bell.get_bell,
    metrics.get_meter,
    store.get_store,
    live_rules.get_live_rules,
    rule_state.get_rule_state,
    tracing.get_recorder,
    gauges.get_gauges,
)


def forget_process_state() -> None:
    """Drop what this process has made from its settings, so that new settings take effect."""
    if delivery.get_sender.is_made:
        delivery.get_sender().close()
    if dispatcher.get_dispatcher.is_made:
        dispatcher.get_dispatcher().close()
    if metrics.get_meter.is_made:
        metrics.get_meter().close()
    tracing.stop()
    lasting_engine.leave()
    for made in MADE_ONCE:
        made.forget()
    get_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither variables nor a `.env` of the developer reach a test; proxies stay out of the way of 127.0.0.1."""
    before, folder = dict(os.environ), os.getcwd()  # noqa: PTH109
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {"NO_PROXY": "127.0.0.1,localhost", "COLUMNS": "160", "SENTINEL_SECRET_KEYS": SECRET_KEY}
    os.chdir(tmp_path_factory.mktemp("empty"))
    settings.load_settings = _known_settings  # what `get_settings` asks
    with pytest.MonkeyPatch.context() as patched, lasting_engine.kept():
        patched.setattr(live_rules, "loading", nullcontext)  # a worker keeps its rules for life, a test for a moment
        yield
    settings.load_settings = load_settings
    os.chdir(folder)
    os.environ.clear()
    os.environ |= before


@pytest.fixture(scope="session")
def servers(_own_environment: None) -> Iterator[Servers]:
    """A PostgreSQL and a Valkey for this test process, or those that SENTINEL_TEST_* would point at."""
    with throwaway_servers() as started:
        yield started


@pytest.fixture(scope="session")
def rabbitmq(_own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """One RabbitMQ for this test process; what a test leaves in its queues finds no rows in the next one."""
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as started:
        yield started


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, servers: Servers) -> Broker:
    """Valkey, or what a test asks for with `on_both_brokers`."""
    if getattr(request, "param", "valkey") == "valkey":
        return Broker(servers.valkey, {})
    return of_rabbitmq(request.getfixturevalue("rabbitmq"))


@pytest.fixture(scope="session")
def _schema(servers: Servers) -> None:
    os.environ |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    forget_process_state()
    # Celery reads its settings once per process: now, and not in the first test that points REDIS_URL elsewhere.
    assert celery.conf.broker_url == servers.redis_url
    upgrade()


@pytest.fixture
def configure(_schema: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Settings by environment variable for one test: `configure(SENTINEL_MAX_ATTEMPTS="2")`."""

    def apply(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        forget_process_state()
        return get_settings()

    forget_process_state()
    yield apply
    forget_process_state()


@pytest.fixture
def database(configure: Configure, servers: Servers) -> Configure:
    """Empty tables (client `default` stays) and an empty Redis."""
    empty_tables()
    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()
    return configure
