"""Debian's amtool against Alertmanager's API of Sentinel."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from sentinel.app import create_app
from tests.conftest import Configure
from tests.integration.calls import bearer
from tests.integration.rules import happen, rule, told

AMTOOL = shutil.which("amtool")
INSTALL = "needs amtool: apt install prometheus-alertmanager"

pytestmark = pytest.mark.skipif(AMTOOL is None, reason=INSTALL)


class Amtool:
    """amtool as its users have it: an address, and a file with the API key."""

    def __init__(self, url: str, folder: Path, key: str) -> None:
        self.folder = folder
        self._client = folder / "client.json"
        self._client.write_text(json.dumps({"authorization": {"credentials": key}}))
        self._url = url

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        options = (f"--alertmanager.url={self._url}", f"--http.config.file={self._client}")
        command = [str(AMTOOL), *arguments, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=check, env={"HOME": "/"})

    def ask(self, *arguments: str) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.run(*arguments, "--output=json").stdout)


@pytest.fixture
def amtool(database: Configure, tmp_path: Path) -> Iterator[Amtool]:
    """An API on a port of its own, with a key."""
    database(SENTINEL_OPEN_MODE="false")
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    key = bearer("default")["Authorization"].removeprefix("Bearer ")
    yield Amtool(f"http://127.0.0.1:{server.server_port}", tmp_path, key)
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alert_that_amtool_adds_is_one_it_finds(amtool: Amtool) -> None:
    amtool.run("alert", "add", "DiskFull", "instance=db-1", "severity=high", "--annotation=summary=99 %")

    (found,) = amtool.ask("alert", "query", "DiskFull", "instance=~db-.*")
    assert found["labels"] == {"alertname": "DiskFull", "instance": "db-1", "severity": "high"}
    assert found["annotations"] == {"summary": "99 %"}
    assert found["status"]["state"] == "active"
    assert amtool.ask("alert", "query", "instance!=db-1") == []
    assert "DiskFull" in amtool.run("alert").stdout


def test_a_silence_of_amtool_keeps_messages_back_until_it_is_expired(amtool: Amtool) -> None:
    rule('when event.type == "alert" then notify("sms:+14155552671")')
    quiet = amtool.run(
        "silence",
        "add",
        "alertname=DiskFull",
        "instance=~db-.*",
        "--author=ann",
        "--comment=new disks",
        "--duration=1h",
    ).stdout.strip()

    happen({"type": "alert", "labels": {"alertname": "DiskFull", "instance": "db-1"}})
    (held,) = amtool.ask("silence", "query", "alertname=DiskFull")
    amtool.run("silence", "expire", quiet)
    happen({"type": "alert", "labels": {"alertname": "DiskFull", "instance": "db-1"}})

    assert (held["id"], held["createdBy"], held["comment"]) == (quiet, "ann", "new disks")
    assert sorted((row.status, row.silence_id) for row in told() if row.silence_id) == [("SUPPRESSED", quiet)]
    assert len(told()) == 2
    assert amtool.ask("silence", "query") == []
    assert [each["id"] for each in amtool.ask("silence", "query", "--expired")] == [quiet]


def test_a_silence_is_updated_and_its_alert_shown_as_suppressed(amtool: Amtool) -> None:
    amtool.run("alert", "add", "DiskFull")
    quiet = amtool.run("silence", "add", "DiskFull", "--author=a", "--comment=c").stdout.strip()

    amtool.run("silence", "update", quiet, "--duration=3h", "--comment=longer")

    (held,) = amtool.ask("silence", "query")
    assert (held["id"], held["comment"]) == (quiet, "longer")
    assert amtool.ask("alert", "query") == []
    (found,) = amtool.ask("alert", "query", "--silenced")
    assert found["status"] == {"state": "suppressed", "silencedBy": [quiet], "inhibitedBy": []}


def test_the_configuration_that_is_shown_is_one_of_alertmanager(amtool: Amtool) -> None:
    shown = amtool.folder / "alertmanager.yml"
    shown.write_text(amtool.ask("config", "show")["config"]["original"])

    assert "SUCCESS" in amtool.run("check-config", str(shown)).stdout
    assert "sentinel" in amtool.run("config", "routes").stdout
    assert "disabled" in amtool.run("cluster", "show").stdout


def test_amtool_says_what_was_wrong(amtool: Amtool) -> None:
    refused = amtool.run("silence", "add", "a!=b", "--author=a", "--comment=c", check=False)

    assert refused.returncode == 1
    assert "would silence every event" in refused.stderr
