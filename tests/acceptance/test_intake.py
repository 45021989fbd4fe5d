"""202 means committed, also for requests that shared a statement with others when the process was killed."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
import requests
from sqlalchemy import text

from sentinel.db import get_engine
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("workers")]

THREADS = 12


def test_what_was_answered_before_a_kill_is_stored(system: System) -> None:
    system.start_api()
    answered: list[str] = []
    lost: list[Exception] = []
    numbers = itertools.count()

    def post() -> None:
        with requests.Session() as session:
            while not lost:
                body = {"channel": "sms", "recipient": f"+1415555{next(numbers) % 10_000:04}", "body": "hi"}
                try:
                    response = session.post(f"{system.url}/notifications", json=body, timeout=10)
                except requests.RequestException as error:
                    lost.append(error)
                    return
                assert response.status_code == 202, response.text
                answered.append(response.json()["id"])

    threads = [threading.Thread(target=post) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 300, seconds=60, message=lambda: f"answers: {len(answered)}")
    with get_engine().begin() as connection:
        # Nothing can be committed any more: who were answered now would be lost.
        connection.execute(text("LOCK TABLE notifications IN EXCLUSIVE MODE"))
        time.sleep(1)
        system.kill("api")
    for thread in threads:
        thread.join(20)

    with get_engine().connect() as connection:
        rows = set(connection.execute(text("SELECT id::text FROM notifications")).scalars())
    assert lost, "nothing was under way when the process was killed"
    assert set(answered) <= rows
    assert len(rows) - len(answered) <= THREADS
