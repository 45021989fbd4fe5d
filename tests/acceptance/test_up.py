"""`sentinel up` as its user meets it: one command, one terminal, one log."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import requests

from sentinel.embedded.ports import choose_port
from sentinel.embedded.servers import Servers
from tests.system import eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400), pytest.mark.xdist_group("up")]

READY = "Sentinel is ready."
START_SECONDS = 120
STOP_SECONDS = 90


class Up:
    """One `sentinel up` in a directory of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        ports = {"SENTINEL_API_PORT": str(choose_port()), "SENTINEL_FLOWER_PORT": str(choose_port())}
        foreign = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SENTINEL_SECRET_KEYS")
        inherited = {name: value for name, value in os.environ.items() if name not in foreign}
        self.environment = inherited | {"SENTINEL_STATE_DIR": str(folder / "state")} | ports | variables
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything it has written."""
        return (self.folder / "up.log").read_text()

    def start(self) -> None:
        """Run it until it says that it is ready, or ends."""
        with (self.folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sentinel", "up"],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        process = self.process
        eventually(
            lambda: READY in self.log or process.poll() is not None, seconds=START_SECONDS, message=lambda: self.log
        )
        assert READY in self.log, self.log

    def family(self) -> list[psutil.Process]:
        """All processes below it."""
        assert self.process
        family: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return family

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `sentinel` command in another shell."""
        command = [sys.executable, "-m", "sentinel", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )

    def banner_url(self, title: str) -> str:
        """The URL printed behind a title."""
        found = re.search(rf"^  {title} +(http\S+)$", self.log, re.MULTILINE)
        assert found, self.log
        return found[1]

    def worker_pid(self, name: str) -> int | None:
        """Pid of the main process of a named worker."""
        pids = [child.pid for child in self.family() if f"{name}@%h" in child.cmdline()]
        return min(pids, default=None)


@contextmanager
def installation(**variables: str) -> Iterator[Up]:
    with TemporaryDirectory(prefix="sentinel-up-") as directory:
        Path(directory).chmod(0o711)  # as root, servers run as somebody else, who must be able to pass through
        up = Up(Path(directory), **variables)
        try:
            yield up
        finally:
            if up.process and up.process.poll() is None:
                up.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    with installation() as up:
        up.start()
        yield up


def send_as_printed(up: Up) -> requests.Response:
    """Do what the printed curl command says."""
    line = next(line for line in up.log.splitlines() if line.strip().startswith("curl "))
    words = shlex.split(line)
    assert words[:3] == ["curl", "-X", "POST"]
    name, _, value = words[words.index("-H") + 1].partition(": ")
    return requests.post(words[3], headers={name: value}, data=words[words.index("-d") + 1], timeout=10)


def test_the_printed_curl_command_works_and_its_message_is_sent(running: Up) -> None:
    answer = send_as_printed(running)

    assert answer.status_code in {201, 202}, answer.text
    url = f"{running.banner_url('API')}/notifications/{answer.json()['id']}"
    eventually(
        lambda: requests.get(url, timeout=10).json()["status"] in {"SENT", "DELIVERED"},
        seconds=30,
        message="the notification was not sent",
    )


@pytest.mark.parametrize("title", ["Docs", "Flower", "Console"])
def test_each_printed_page_answers(running: Up, title: str) -> None:
    assert requests.get(running.banner_url(title), timeout=10).status_code == 200


def test_flower_knows_every_named_worker(running: Up) -> None:
    page = f"{running.banner_url('Flower')}/workers"
    names = ["pipeline-1@", "sms-1@", "email-1@", "hooks-1@"]

    eventually(
        lambda: all(name in requests.get(page, timeout=10).text for name in names),
        seconds=30,
        message=f"not all of {names} on {page}",
    )


def test_every_line_of_the_log_says_who_wrote_it(running: Up) -> None:
    before_banner = running.log.partition(f"\n{READY}")[0]

    assert all(re.match(r"[a-z0-9-]+ +\| ", line) for line in before_banner.splitlines())


def test_a_second_start_beside_it_is_one_sentence(running: Up) -> None:
    second = running.ask("up")

    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1
    assert "error: Sentinel is already running on" in second.stderr
    assert "set SENTINEL_STATE_DIR to another directory" in second.stderr


def test_another_shell_finds_its_servers(running: Up) -> None:
    answer = running.ask("db", "upgrade")

    assert answer.returncode == 0, answer.stderr


def test_a_killed_worker_comes_back(running: Up) -> None:
    first = running.worker_pid("sms-1")
    assert first

    pool = psutil.Process(first).children()

    os.kill(first, signal.SIGKILL)

    eventually(lambda: "sms-1 ended with signal 9" in running.log, seconds=30, message=lambda: running.log)
    old = {None, first, *(child.pid for child in pool)}
    eventually(lambda: running.worker_pid("sms-1") not in old, seconds=60, message=lambda: running.log)
    assert not psutil.wait_procs(pool, timeout=30)[1]


def test_a_killed_postgres_comes_back_and_messages_are_accepted_again(running: Up) -> None:
    postgres = next(child for child in running.family() if child.name() == "postgres" and "-D" in child.cmdline())

    postgres.kill()

    def is_accepted() -> bool:
        return send_as_printed(running).status_code in {201, 202}

    eventually(is_accepted, seconds=60, message=lambda: running.log[-2000:])


def test_nothing_outlives_a_stop_or_a_kill_but_the_data_and_the_key_that_seals_secrets() -> None:
    with installation() as up:
        up.start()
        notification = send_as_printed(up).json()["id"]
        hook = {"channel": "webhook", "target": "https://example.com/hooks/1"}
        assert requests.post(f"{up.banner_url('API')}/endpoints", json=hook, timeout=10).status_code == 201
        key = up.folder / "state" / "secret-key"
        made = key.read_text()
        family = up.family()

        assert up.end(signal.SIGINT) == 0
        assert not [process for process in family if process.is_running()]
        assert not (up.folder / "state" / "sentinel.env").exists()
        assert up.log.splitlines()[-1].endswith(f"stopped; data stay in {up.folder / 'state'}")

        up.start()
        assert is_kept(up, notification)
        assert (key.read_text(), key.stat().st_mode & 0o777) == (made, 0o600)
        assert up.ask("secrets", "check").stdout.startswith("1 secrets are sealed with the first key, 0 with another")
        family = up.family()

        up.end(signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=60)
        assert not alive

        up.start()
        assert is_kept(up, notification)


def is_kept(up: Up, notification: str) -> bool:
    """Whether the API still knows it."""
    return requests.get(f"{up.banner_url('API')}/notifications/{notification}", timeout=10).ok


def test_given_servers_are_used_and_no_private_ones_started(servers: Servers) -> None:
    with installation(DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url) as up:
        up.start()

        assert send_as_printed(up).status_code in {201, 202}
        assert not [child for child in up.family() if child.name() in {"postgres", "valkey-server"}]


@pytest.mark.parametrize("variable", ["SENTINEL_API_PORT", "SENTINEL_FLOWER_PORT"])
def test_a_busy_port_is_one_sentence_with_its_remedy(variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with installation(**{variable: str(port)}) as up:
            answer = up.ask("up")

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert f"port {port} on 127.0.0.1" in answer.stderr
    assert f"choose another port with {variable}" in answer.stderr


def test_a_database_that_does_not_answer_is_one_sentence_at_the_end() -> None:
    nobody_there = f"postgresql://nobody:nothing@127.0.0.1:{choose_port()}/none"
    with installation(DATABASE_URL=nobody_there) as up:
        answer = up.ask("up")

    assert answer.returncode == 1
    assert "error: migrate ended with exit code 1" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "nothing" not in answer.stderr
