"""`kill -9` of a process that takes in a stream: every entry is stored, once, and none stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from tests.conftest import Configure
from tests.system import System, eventually, running_system

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

COUNT = 10_000
STREAM, GROUP = "sentinel:events", "sentinel"


@pytest.fixture
def system(database: Configure, tmp_path: Path) -> Iterator[System]:
    """An installation of which only the ingest process runs: nobody is asked what the events mean."""
    with running_system(tmp_path) as found:
        yield found


def stored_ids() -> list[str]:
    with get_engine().connect() as connection:
        return list(connection.execute(text("SELECT event_id FROM events")).scalars())


def test_a_killed_reader_of_a_redis_stream_loses_and_doubles_nothing(system: System, servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as store:
        with store.pipeline(transaction=False) as batch:
            for number in range(COUNT):
                batch.xadd(STREAM, {"data": f'{{"type": "order", "number": {number}}}'})
            wanted = {f"{STREAM}:{key.decode()}" for key in batch.execute()}
        command = ("ingest", "redis", "--stream", STREAM, "--client", "default", "--batch", "100")
        system.start("ingest", *command)
        eventually(lambda: len(stored_ids()) > COUNT / 10, seconds=60, message="the first tenth")

        system.kill("ingest")
        assert len(stored_ids()) < COUNT
        system.start("ingest", *command)

        eventually(lambda: len(stored_ids()) >= COUNT, seconds=60, message=system.log("ingest"))
        eventually(lambda: not store.xpending(STREAM, GROUP)["pending"], seconds=10, message="nothing pending")
        assert sorted(stored_ids()) == sorted(wanted)
        assert store.xinfo_groups(STREAM)[0]["lag"] == 0
        assert system.stop("ingest") == 0
        assert "ingest_stopped" in system.log("ingest")
