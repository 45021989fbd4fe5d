"""Events through an outage: each that was answered is there, has met the rules, and opened what it should, once."""

from __future__ import annotations

import re
import subprocess
import time

import pytest
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.embedded.servers import Servers
from tests.system import SENTINEL, System, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

COUNT = 3000
OUTAGE_SECONDS = 3

# What the device pack promises, in the words of the database.
SICK = "lower(body->>'status') IN ('offline', 'degraded') OR (body->>'temperature')::float >= 75"


def ask(question: str) -> int:
    with get_engine().connect() as connection:
        return int(connection.execute(text(question)).scalar_one())


def counted(what: str, told: str) -> int:
    """A figure of the generator's own summary."""
    found = re.search(rf"^{what} +([\d,]+)", told, re.MULTILINE)
    assert found, told
    return int(found[1].replace(",", ""))


def test_a_database_that_is_away_during_intake_leaves_one_ticket_per_event(system: System, servers: Servers) -> None:
    assert system.http.post(f"{system.url}/rules/packs/device_health", timeout=10).ok
    command = [SENTINEL, "load", "devices", "--count", str(COUNT), "--seed", "1", "--rate", "500", "--url", system.url]
    load = subprocess.Popen(command, env=system.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        eventually(
            lambda: ask("SELECT count(*) FROM events") > COUNT / 4, seconds=60, message="a quarter of the events"
        )

        servers.postgres.kill()
        time.sleep(OUTAGE_SECONDS)  # the outage itself
        servers.postgres.start()

        told = load.communicate(timeout=120)[0].decode()
    finally:
        load.kill()
    answered = counted("accepted", told) + counted("duplicates", told)
    eventually(lambda: not ask("SELECT count(*) FROM events WHERE status = 'PENDING'"), seconds=60, message="all ends")
    sick = ask(f"SELECT count(*) FROM events WHERE {SICK}")
    # The generator gives up on what was put off too long; whatever was answered is there.
    assert COUNT / 2 < answered <= ask("SELECT count(*) FROM events") <= COUNT, told
    assert sick > COUNT / 4
    assert ask("SELECT count(*) FROM tickets") == ask("SELECT count(DISTINCT event_id) FROM tickets") == sick
