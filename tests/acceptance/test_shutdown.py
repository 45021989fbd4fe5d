"""SIGTERM under load: nothing is lost, nothing is doubled, and the end comes within its time."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import orjson
import pytest
import requests
from sqlalchemy import text

from sentinel.db import get_engine
from sentinel.embedded.ports import choose_port
from sentinel.stand_ins import ProviderProcess, delayed
from tests.acceptance.test_up import Up, installation
from tests.integration.conftest import live_settings
from tests.rows import count_ambiguous, count_statuses, have_ended, rows
from tests.system import QUICK, System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600), pytest.mark.xdist_group("shutdown")]

ESTABLISHED = "01"
"""The state of a connection in /proc/net/tcp."""

SEND_SECONDS = 1.0
"""The provider takes its time."""

PATIENT = {
    "SENTINEL_READ_TIMEOUT_SECONDS": "3",
    "SENTINEL_SEND_DEADLINE_SECONDS": "4",
    "SENTINEL_LEASE_SECONDS": "25",
    "SENTINEL_LOCK_TIMEOUT_SECONDS": "20",
    "SENTINEL_STATEMENT_TIMEOUT_SECONDS": "25",
}
"""On a busy machine such a provider needs longer than `QUICK` allows."""

GRACE_SECONDS = 4 + 5
"""A send's deadline, and what a busy machine needs besides."""


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return PATIENT | {"SENTINEL_FLOWER_PORT": str(choose_port())}


@pytest.fixture
def ledger(lasting_ledger: ProviderProcess) -> ProviderProcess:
    """Twilio and SendGrid."""
    return lasting_ledger


@pytest.fixture
def system(lasting_system: System) -> System:
    """One installation for all stops."""
    return lasting_system


def texts(first: int, count: int) -> list[dict[str, str]]:
    return [{"channel": "sms", "recipient": f"+1415{first + n:07}", "body": "hi"} for n in range(count)]


def copies(ledger: ProviderProcess) -> Counter[str]:
    return Counter(entry.recipient for entry in ledger.entries)


def stopped(system: System, name: str) -> tuple[int, float]:
    """SIGTERM a process; its exit code, and the seconds it took."""
    began = time.monotonic()
    return system.stop(name, seconds=60), time.monotonic() - began


@contextmanager
def load(url: str, first: int = 5_000_000) -> Iterator[list[str]]:
    """About a hundred notifications a second, to numbers from `first` on; the ids that were answered with 202."""
    accepted: list[str] = []
    is_over = threading.Event()

    def post() -> None:
        number = first
        with requests.Session() as http:
            while not is_over.wait(0.1):
                number += 10
                try:
                    answer = http.post(f"{url}/notifications/batch", json=texts(number, 10), timeout=10)
                except requests.RequestException:
                    continue  # not answered, so not accepted
                if answer.status_code == 207:
                    accepted.extend(each["notification"]["id"] for each in answer.json())

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield accepted
    finally:
        is_over.set()
        thread.join()


def test_a_channel_worker_ends_its_sends_and_gives_the_rest_back(system: System, ledger: ProviderProcess) -> None:
    ledger.always(delayed(SEND_SECONDS))
    system.start_everything()
    system.post_batch(texts(0, 500))
    eventually(lambda: len(ledger.entries) > 70, seconds=60, message="some sends")

    code, seconds = stopped(system, "sms-1")

    assert code == 0
    assert seconds < GRACE_SECONDS, "all of the batch would have taken longer"
    assert 0 < count_statuses()["SENT"] < 500
    assert count_statuses()["SENDING"] == 0, "what was not begun is nobody's"
    system.start_everything()
    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")
    assert (count_statuses(), count_ambiguous()) == ({"SENT": 500}, 0)
    assert set(copies(ledger).values()) == {1}


@pytest.mark.parametrize("name", ["pipeline-1", "beat", "api"])
def test_any_other_process_stops_under_load_and_nothing_is_lost_or_doubled(
    name: str, system: System, ledger: ProviderProcess
) -> None:
    ledger.always(delayed(0.2))
    system.start_everything()
    with load(system.url) as accepted:
        eventually(lambda: len(accepted) > 100, seconds=30, message="load")

        code, seconds = stopped(system, name)
        system.start_everything()
        time.sleep(1)

    assert code == 0
    assert seconds < 10
    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")
    found = rows()
    assert {found[each].status for each in accepted} == {"SENT"}
    assert set(copies(ledger).values()) == {1}
    assert count_ambiguous() == 0


def is_api_waiting_for_a_lock() -> bool:
    """Whether one of its statements waits for what another transaction holds."""
    with get_engine().connect() as connection:
        question = """
            SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'sentinel api'
        """
        return bool(connection.execute(text(question)).scalar_one())


def read_to_their_end(port: int) -> set[str]:
    """Whose connections to `port` the server has taken (they have an inode) and has read all that came by them."""
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    here = [each for each in fields if each[1].endswith(f":{port:04X}") and each[3] == ESTABLISHED and each[9] != "0"]
    return {each[2] for each in here if int(each[4].partition(":")[2], 16) == 0}


class Caller(threading.Thread):
    """Posts one notification, head and body in one piece, and knows when it is sent."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__()
        self._number = number
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self.is_sent = threading.Event()
        self.status = 0

    def run(self) -> None:
        """Send, and wait for the answer."""
        body = orjson.dumps(texts(self._number, 1)[0])
        self._connection.request("POST", "/notifications", body, {"Content-Type": "application/json"})
        self.is_sent.set()
        self.status = self._connection.getresponse().status
        self._connection.close()


def test_the_api_answers_the_requests_in_flight_and_hands_them_on(system: System, ledger: ProviderProcess) -> None:
    """Without beat nobody sweeps: what the API did not hand on would wait for ever."""
    system.start_everything()
    system.kill("beat")
    before = read_to_their_end(system.port)
    callers = [Caller(system.port, number) for number in range(4)]

    with get_engine().begin() as holder:
        holder.execute(text("LOCK TABLE notifications IN EXCLUSIVE MODE"))
        for caller in callers:
            caller.start()
        assert all(caller.is_sent.wait(30) for caller in callers)
        # Requests of one moment share a statement: one of them waits for the lock, the others for it.
        eventually(is_api_waiting_for_a_lock, seconds=30, message="a request in flight")
        in_flight = "all requests in flight: what waits at the door when the server closes it was never accepted"
        eventually(lambda: len(read_to_their_end(system.port) - before) == 4, seconds=30, message=in_flight)
        api = system.processes["api"]
        api.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert api.poll() is None, "it waits for its requests"
    for caller in callers:
        caller.join()

    assert [caller.status for caller in callers] == [202] * 4
    assert system.stop("api") == 0
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{system.url}/notifications", json=texts(9, 1)[0], timeout=20)
    eventually(have_ended, seconds=60, message=lambda: f"all to be sent: {count_statuses()}")
    assert count_statuses() == {"SENT": 4}


def test_a_stop_that_is_cut_short_by_a_kill_doubles_only_what_is_counted(
    system: System, ledger: ProviderProcess
) -> None:
    ledger.always(delayed(SEND_SECONDS))
    system.start_everything()
    system.post_batch(texts(0, 300))
    eventually(lambda: len(ledger.entries) > 70, seconds=60, message="some sends")

    system.processes["sms-1"].send_signal(signal.SIGTERM)
    system.processes["sms-1"].send_signal(signal.SIGTERM)
    time.sleep(0.3)
    system.kill("sms-1")
    system.start_everything()

    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")
    assert count_statuses() == {"SENT": 300}
    assert sum(copies(ledger).values()) - 300 <= count_ambiguous()


def test_flower_stops(system: System) -> None:
    url = f"http://127.0.0.1:{system.environment['SENTINEL_FLOWER_PORT']}/healthcheck"

    def answers() -> bool:
        try:
            return requests.get(url, timeout=2).ok
        except requests.RequestException:
            return False

    system.start("flower", "flower")
    eventually(answers, seconds=60, message="Flower")

    code, seconds = stopped(system, "flower")

    assert code == 0
    assert seconds < 10


def test_the_whole_system_stops_under_load_and_goes_on_where_it_was(ledger: ProviderProcess) -> None:
    ledger.always(delayed(0.5))
    ids: list[str] = []
    with installation(**live_settings(ledger.url) | QUICK | PATIENT) as up:
        for number, first in ((signal.SIGINT, 5_000_000), (signal.SIGTERM, 6_000_000)):
            up.start()
            with load(up.banner_url("API"), first) as accepted:
                eventually(lambda: len(accepted) > 100, seconds=30, message="load")
                seconds = _stop_twice(up, number)
                ids += accepted
            assert seconds < 40, number

        up.start()
        api = up.banner_url("API")
        eventually(lambda: _standings(api, ids) == {"SENT"}, seconds=60, message="all to be sent")
        once = {recipient: number for recipient, number in copies(ledger).items() if number != 1}
        assert once == {}


def _stop_twice(up: Up, number: signal.Signals) -> float:
    """An impatient operator: the second signal changes nothing."""
    assert up.process
    began = time.monotonic()
    up.process.send_signal(number)
    time.sleep(0.3)
    try:
        assert up.end(number) == 0
    except subprocess.TimeoutExpired as error:
        raise AssertionError(up.log[-3000:]) from error
    return time.monotonic() - began


def _standings(api: str, ids: list[str]) -> set[str]:
    with requests.Session() as http:
        return {http.get(f"{api}/notifications/{each}", timeout=10).json()["status"] for each in ids}
