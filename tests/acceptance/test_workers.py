"""Named workers, Flower, and that nothing waits while workers are idle."""

from __future__ import annotations

import threading

import pytest
import requests

from sentinel.embedded.ports import choose_port
from sentinel.stand_ins import ProviderProcess, delayed
from tests.brokers import Broker, on_both_brokers
from tests.rows import count_statuses, have_ended, rows, tries
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("workers")]


LOGIN = ("operator", "flower-password")


@on_both_brokers
def test_named_workers_work_side_by_side_and_flower_shows_them_without_any_content(
    system: System, ledger: ProviderProcess
) -> None:
    flower_port = choose_port()
    system.environment |= {"SENTINEL_FLOWER_PORT": str(flower_port), "SENTINEL_FLOWER_BASIC_AUTH": ":".join(LOGIN)}
    ledger.always(delayed(0.8))
    system.start("flower", "flower")
    system.start("beat", "beat")
    for name, arguments in {
        "pipeline-1": ["--pipeline"],
        "alice": ["--channel", "sms"],
        "bob": ["--channel", "email"],
    }.items():
        system.start(name, "worker", "--name", name, *arguments)
    system.start_api()
    flower = f"http://127.0.0.1:{flower_port}"
    eventually(lambda: {"alice", "bob", "pipeline-1"} <= _workers(flower), seconds=60, message="all in Flower")

    assert requests.get(f"{flower}/workers", timeout=5).status_code == 401
    system.post(channel="sms", recipient="+14155550001", body="a secret text")
    system.post(channel="email", recipient="carol@example.com", subject="s", body="a secret mail")
    eventually(have_ended, seconds=30, message=lambda: f"both to be sent: {count_statuses()}")

    arrivals = sorted(entry.at for entry in ledger.entries)
    assert arrivals[1] - arrivals[0] < 0.8, "alice and bob send at the same time"
    workers = {found.channel: tries(found.id)[0].worker or "" for found in rows().values()}
    assert workers["sms"].startswith("alice@")
    assert workers["email"].startswith("bob@")
    tasks = eventually(lambda: _tasks(flower), seconds=20, message="tasks in Flower")
    assert "tasks.delivery.deliver" in tasks
    for content in ("+14155550001", "carol@example.com", "a secret text", "a secret mail"):
        assert content not in tasks
    ping = system.run_celery("inspect", "ping")
    assert "alice@" in ping
    assert "bob@" in ping


@on_both_brokers
def test_nothing_waits_while_workers_are_idle(system: System, ledger: ProviderProcess) -> None:
    system.start_everything()

    def post(first: int) -> None:
        with requests.Session() as http:
            for number in range(first, first + 50):
                body = {"channel": "sms", "recipient": f"+1415555{number:04}", "body": "hi"}
                assert http.post(f"{system.url}/notifications", json=body, timeout=10).status_code == 202

    threads = [threading.Thread(target=post, args=(50 * index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    eventually(have_ended, seconds=30, message=lambda: f"all to be sent: {count_statuses()}")
    assert count_statuses() == {"SENT": 300}
    assert len({entry.recipient for entry in ledger.entries}) == len(ledger.entries) == 300


@on_both_brokers
def test_a_notification_accepted_while_the_broker_is_down_goes_out_when_it_is_back(
    system: System, ledger: ProviderProcess, broker: Broker
) -> None:
    working = dict(system.environment)
    system.environment["BROKER_URL"] = broker.nowhere
    system.start_api()

    stored = system.post(channel="sms", recipient="+14155550001", body="hi")
    assert stored["status"] == "PENDING"
    system.stop("api")
    system.environment = working
    system.start_everything()

    eventually(have_ended, seconds=30, message=lambda: f"it to be sent: {count_statuses()}")
    assert len(ledger.entries) == 1


def _workers(flower: str) -> set[str]:
    try:
        answer = requests.get(f"{flower}/workers", params={"json": "1"}, auth=LOGIN, timeout=5)
    except requests.RequestException:
        return set()
    return {worker["hostname"].partition("@")[0] for worker in answer.json()["data"]} if answer.ok else set()


def _tasks(flower: str) -> str:
    """Everything Flower knows about tasks, as text."""
    text = requests.get(f"{flower}/api/tasks", auth=LOGIN, timeout=5).text
    return text if "deliver" in text else ""
