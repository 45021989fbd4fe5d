"""A whole Sentinel on an empty database, with the settings it is shipped with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import psycopg2
import redis

from bench.context import BenchFailedError, Context
from bench.waiting import wait_for_none
from sentinel.ids import first_id
from sentinel.sealing import new_secret_key
from sentinel.settings import DEFAULT_LIMITS, Settings
from sentinel.stand_ins import ACCOUNT_SID, AUTH_TOKEN, ProviderProcess
from tests.system import QUICK, System, running_system

UNREACHED = "1000000/second"
"""A rate that is counted as the shipped one is, and stops nothing: a bench asks how much is possible."""

NUMBERS_PER_ROUND = 500_000
WAITING = "('PENDING', 'RETRYING', 'AMBIGUOUS') AND queue_at IS NOT NULL"
SENDING = "('SENDING')"
SHOWN_ERRORS, SHOWN_CHARACTERS = 3, 500
UNDER_WAY = "SELECT count(*) FROM notifications WHERE status IN {}"
EVENTS_WAITING = "SELECT count(*) FROM events WHERE status = 'PENDING'"
SENT = "SELECT {} FROM notifications WHERE status = 'SENT' AND id >= '{}'"
_rounds = itertools.count()

WEBHOOK_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"SENTINEL_WEBHOOK_PROVIDER": "webhook", "SENTINEL_WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}
)
"""Webhooks really go out, to a receiver of this machine."""

ALL_WORKERS: Mapping[str, tuple[str, ...]] = {
    "pipeline-1": ("--pipeline",),
    "sms-1": ("--channel", "sms"),
}


@dataclass(frozen=True, slots=True)
class Installation:
    """Running processes on one database; `provider` is None where the sandbox serves."""

    system: System
    context: Context
    database_url: str
    api_key: str
    provider: ProviderProcess | None

    @property
    def pids(self) -> dict[str, int]:
        """The root of each process tree, by name."""
        servers = self.context.servers
        found = {name: process.pid for name, process in self.system.processes.items()}
        found |= {"postgres": servers.postgres.pid, "valkey": servers.valkey.pid}
        return found | ({"provider": self.provider.pid} if self.provider else {})

    def fresh_numbers(self) -> int:
        """Return the first of many phone numbers that no round has used."""
        return next(_rounds) * NUMBERS_PER_ROUND

    def ask(self, statement: str) -> tuple[Any, ...]:
        """Return the one row that a statement finds."""
        with self.connected() as cursor:
            cursor.execute(statement)
            row: tuple[Any, ...] = cursor.fetchone()
            return row

    def run_alone(self, statement: str) -> None:
        """Run a statement that wants no transaction."""
        connection = psycopg2.connect(self.database_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A cursor in a transaction of its own."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def count_waiting(self) -> int:
        """How many notifications have not come to an end; reads the two indexes that hold only those."""
        found: int = self.ask(f"SELECT ({UNDER_WAY.format(WAITING)}) + ({UNDER_WAY.format(SENDING)})")[0]
        return found

    def wait_sent(self, since: float, count: int) -> float:
        """Wait until nothing is under way, which must have sent `count` since then; return when the last one was.

        Both are Unix time.
        """
        wait_for_none(self.count_waiting, "notifications wait to be sent")
        sent, last = self.ask(SENT.format("count(*), extract(epoch FROM max(sent_at))", _first_id(since)))
        if sent != count:
            raise BenchFailedError(f"{count} notifications should be SENT, and {sent} are")
        return float(last)

    def wait_evaluated(self) -> None:
        """Wait until every event has met the rules."""
        wait_for_none(lambda: int(self.ask(EVENTS_WAITING)[0]), "events wait for the rules")

    def sent_moments(self, since: float) -> list[float]:
        """When each notification was sent that was accepted since then (Unix time)."""
        with self.connected() as cursor:
            cursor.execute(SENT.format("extract(epoch FROM sent_at)", _first_id(since)))
            return [float(moment) for (moment,) in cursor]


def _first_id(since: float) -> str:
    return first_id(datetime.fromtimestamp(since, UTC))


@contextmanager
def installation(
    context: Context,
    name: str,
    *,
    workers: Mapping[str, tuple[str, ...]] = ALL_WORKERS,
    is_live: bool = True,
    has_api: bool = True,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Installation]:
    """Start one: `is_live` sends to a stand-in for Twilio in a process of its own, else to the sandbox.

    Beat runs where the API does. `variables` are further settings.
    """
    folder = context.folder / name
    folder.mkdir()
    urls = _empty_servers(context, name)
    with ExitStack() as stack:
        provider = stack.enter_context(ProviderProcess(folder / "ledger.jsonl")) if is_live else None
        own = shipped_times() | {"SENTINEL_SECRET_KEYS": new_secret_key(), "SENTINEL_API_RATE": UNREACHED}
        given = urls | own | (live_settings(provider.url) if provider else {}) | dict(variables)
        system = stack.enter_context(running_system(folder, **given))
        system.run("db", "upgrade")
        api_key = system.run("keys", "create", "--client", "bench", "--name", "load").stdout.strip()
        for worker, arguments in workers.items():
            system.start_worker(worker, *arguments)
        if has_api:
            system.start("beat", "beat")
            system.start_api()
        try:
            yield Installation(system, context, urls["DATABASE_URL"], api_key, provider)
        except BenchFailedError:
            for line in complaints(system):
                context.say(line)
            raise


def complaints(system: System) -> Iterator[str]:
    """The last errors in the processes' logs, which are deleted with the folder."""
    for name in system.processes:
        errors = [line for line in system.log(name).splitlines() if "error" in line.lower()]
        yield from (f"{name}: {line[:SHOWN_CHARACTERS]}" for line in errors[-SHOWN_ERRORS:])


def shipped_times() -> dict[str, str]:
    """The values that the tests' `System` shortens, as they are shipped."""
    shipped = {name: Settings.model_fields[name.removeprefix("SENTINEL_").lower()].default for name in QUICK}
    limits = json.dumps([limit.model_dump() for limit in DEFAULT_LIMITS])
    return {name: str(value) for name, value in shipped.items()} | {"SENTINEL_LIMITS": limits}


def live_settings(provider_url: str) -> dict[str, str]:
    """Point the sms channel at the stand-in."""
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": "+15005550006",
        "TWILIO_API_BASE_URL": provider_url,
    }


def _empty_servers(context: Context, name: str) -> dict[str, str]:
    """Make a database of its own, so that no bench sees what another one left, and empty Valkey."""
    servers = context.servers
    connection = psycopg2.connect(servers.database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    with redis.Redis.from_url(servers.redis_url) as store:
        store.flushall()
    database_url = servers.database_url.rpartition("/")[0] + "/" + name
    return {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}
