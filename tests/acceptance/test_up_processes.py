"""`sentinel api | worker | beat | flower`: each becomes the real program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
import requests

from sentinel.channels.registry import CHANNELS
from sentinel.cli.processes import flower_command, flower_secrets, queues_of
from sentinel.embedded.ports import choose_port
from sentinel.embedded.servers import Servers
from sentinel.errors import ConfigurationError
from sentinel.settings import load_settings
from tests.system import eventually

pytestmark = pytest.mark.acceptance


def sentinel(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sentinel", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def queues_served(redis_url: str) -> set[str]:
    """The queues of all workers that answer, as they themselves say."""
    command = [sys.executable, "-m", "celery", "-A", "sentinel.broker:celery", "inspect", "active_queues", "--json"]
    done = subprocess.run(
        command, env=os.environ | {"REDIS_URL": redis_url}, capture_output=True, text=True, check=True, timeout=60
    )
    answers: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return {queue["name"] for queues in answers.values() for queue in queues}


def ping(redis_url: str, node: str) -> int:
    """Ask as the container's health check does."""
    command = [sys.executable, "-m", "sentinel.celery_programs", "ping", "sentinel.broker:celery", "-n", node]
    answer = subprocess.run([*command, "--timeout", "3"], env=os.environ | {"REDIS_URL": redis_url}, check=False)
    return answer.returncode


@contextmanager
def started(servers: Servers, folder: Path, *arguments: str) -> Iterator[tuple[psutil.Popen, Path]]:
    urls = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "SENTINEL_LOG_LEVEL": "debug",  # beat tells of its work
    }
    log = folder / "process.log"
    with log.open("wb") as out:
        process = psutil.Popen(
            [sys.executable, "-m", "sentinel", *arguments],
            env=os.environ | urls | {"SENTINEL_STATE_DIR": str(folder / "state")},
            cwd=folder,
            stdout=out,
            stderr=out,
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_the_api_is_granian_under_the_same_pid_and_stops_on_sigterm(servers: Servers, tmp_path: Path) -> None:
    port = choose_port()
    with started(servers, tmp_path, "api", "--port", str(port)) as (process, log):

        def answers() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False

        eventually(answers, seconds=60, message=log.read_text)

        assert "granian" in process.cmdline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_worker_is_celery_under_its_name_and_with_its_queues(servers: Servers, tmp_path: Path) -> None:
    with started(servers, tmp_path, "worker", "--name", "alice", "--channel", "sms") as (process, log):
        eventually(lambda: "alice@" in log.read_text(), seconds=60, message="alice did not come up")

        assert queues_served(servers.redis_url) == {"sms", "sms.retry"}
        assert [ping(servers.redis_url, node) for node in ("alice@%h", "bob@%h")] == [0, 1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_beat_keeps_its_schedule_in_the_state_directory(servers: Servers, tmp_path: Path) -> None:
    with started(servers, tmp_path, "beat") as (process, log):
        with redis.Redis.from_url(servers.redis_url) as store:
            queued = "sentinel:maintenance"
            eventually(
                lambda: store.llen(queued), seconds=60, message=lambda: f"beat to send something: {log.read_text()}"
            )

        assert list((tmp_path / "state").glob("beat-schedule*"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    answer = sentinel("worker", "--channel", "smss")

    assert answer.returncode == 2
    assert "there is no channel 'smss'; the channels are sms, email, slack, webhook, push, inbox" in answer.stderr


def test_a_name_that_celery_would_expand_is_refused() -> None:
    answer = sentinel("worker", "--name", "a%n@host")

    assert answer.returncode == 2
    assert "'a%n@host' is not a plain name; use letters" in answer.stderr


@pytest.mark.parametrize(
    ("channels", "is_pipeline", "only_retries", "queues"),
    [
        (("sms",), False, False, ("sms", "sms.retry")),
        (("sms", "email"), False, False, ("sms", "email", "sms.retry", "email.retry")),
        ((), False, False, (*CHANNELS, *(f"{channel}.retry" for channel in CHANNELS))),
        ((), True, False, ("pipeline", "receipts", "maintenance", "inbox", "inbox.retry")),
        (("sms",), True, False, ("sms", "sms.retry", "pipeline", "receipts", "maintenance", "inbox", "inbox.retry")),
        (("inbox",), True, False, ("inbox", "inbox.retry", "pipeline", "receipts", "maintenance")),
        (("sms",), False, True, ("sms.retry",)),
    ],
)
def test_a_worker_listens_to(
    channels: tuple[str, ...], *, is_pipeline: bool, only_retries: bool, queues: tuple[str, ...]
) -> None:
    assert queues_of(channels, is_pipeline=is_pipeline, only_retries=only_retries) == queues


def test_flower_beyond_this_machine_needs_a_password() -> None:
    with pytest.raises(ConfigurationError, match="set SENTINEL_FLOWER_BASIC_AUTH=user:password"):
        flower_command(load_settings(flower_host="0.0.0.0"))


def test_flowers_password_is_not_on_its_command_line() -> None:
    settings = load_settings(flower_host="0.0.0.0", flower_basic_auth="ops:secret")

    assert "secret" not in " ".join(flower_command(settings))
    assert flower_secrets(settings) == {"FLOWER_BASIC_AUTH": "ops:secret"}


@pytest.mark.parametrize("command", ["up", "api", "worker", "beat", "flower"])
def test_help_ends_with_an_example(command: str) -> None:
    answer = sentinel(command, "--help")

    assert answer.returncode == 0
    assert answer.stdout.strip().splitlines()[-1].strip().startswith("Example: ")
