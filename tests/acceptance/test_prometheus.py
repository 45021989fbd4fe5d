"""Debian's Prometheus with Sentinel in place of its Alertmanager: fires, is silenced, is resolved."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from sentinel.embedded.ports import choose_port
from tests.conftest import Configure
from tests.integration.calls import bearer
from tests.rows import rows
from tests.system import System, eventually, running_system

PROMETHEUS, AMTOOL = shutil.which("prometheus"), shutil.which("amtool")
INSTALL = "needs Prometheus and amtool: apt install prometheus prometheus-alertmanager"

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.xdist_group("workers"),
    pytest.mark.skipif(not (PROMETHEUS and AMTOOL), reason=INSTALL),
]

PHONE = "+14155552671"

CONFIG = Template("""\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- job_name: node
  static_configs: [{targets: ["$target"]}]
alerting:
  alertmanagers:
  - authorization: {credentials: $key}
    static_configs: [{targets: ["$sentinel"]}]
""")
RULES = """\
groups:
- name: disks
  rules:
  - alert: DiskFull
    expr: disk_used_ratio > 0.9
    labels: {severity: high}
    annotations: {summary: "{{ $labels.device }} is full"}
"""


@dataclass
class Disks:
    """What Prometheus watches: a page of metrics, and the receiver of a webhook beside it."""

    server: HTTPServer
    used: dict[str, float] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.expect_request("/metrics").respond_with_handler(self._metrics)
        self.server.expect_request("/hook", method="POST").respond_with_handler(self._hook)

    def _metrics(self, _: Request) -> Response:
        lines = [f'disk_used_ratio{{device="{name}"}} {ratio}\n' for name, ratio in self.used.items()]
        return Response("".join(lines), content_type="text/plain")

    def _hook(self, request: Request) -> Response:
        self.heard.append(request.get_json()["data"])
        return Response()


@pytest.fixture
def disks() -> Iterator[Disks]:
    with HTTPServer(host="127.0.0.1") as server:
        yield Disks(server, {"sda": 0.5, "sdb": 0.5})


@pytest.fixture
def sentinel(database: Configure, tmp_path: Path) -> Iterator[System]:
    """An installation without credentials but for webhooks."""
    live = {"SENTINEL_WEBHOOK_PROVIDER": "webhook", "SENTINEL_WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}
    with running_system(tmp_path, **live) as found:
        for name in ("beat", "pipeline-1", "sms-1", "hooks-1"):
            found.start_program(name)
        found.start_api()
        yield found


@contextmanager
def prometheus(folder: Path, **values: str) -> Iterator[None]:
    """A Prometheus that asks each second."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text(CONFIG.substitute(values))
    (folder / "rules.yml").write_text(RULES)
    options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
    address = f"--web.listen-address=127.0.0.1:{choose_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(PROMETHEUS), *options, address], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def told() -> dict[tuple[str, str], tuple[str, str | None]]:
    """Channel and text → status and silence."""
    return {(row.channel, row.body.partition(" - rule")[0]): (row.status, row.silence_id) for row in rows().values()}


def texts_of(device: str, state: str) -> list[tuple[str, str | None]]:
    """Status and silence of the text messages that said so."""
    return [end for (channel, text), end in told().items() if channel == "sms" and device in text and state in text]


def test_an_alert_of_prometheus_is_told_silenced_and_resolved(sentinel: System, disks: Disks, tmp_path: Path) -> None:
    key = bearer("default")["Authorization"].removeprefix("Bearer ")
    wanted = f'notify("webhook:{disks.server.url_for("/hook")}"), notify("sms:{PHONE}")'
    rule = {"name": "Disks", "rule": f'when event.type == "alert" and severity == "high" then {wanted}'}
    assert sentinel.http.post(f"{sentinel.url}/rules", json=rule, timeout=10).status_code == 201
    address = {"sentinel": f"127.0.0.1:{sentinel.port}", "target": f"{disks.server.host}:{disks.server.port}"}
    (tmp_path / "client.yml").write_text(f"authorization: {{credentials: {key}}}")

    with prometheus(tmp_path / "prometheus", key=key, **address):
        disks.used["sda"] = 0.95
        eventually(
            lambda: texts_of("sda", "FIRING") and disks.heard, seconds=30, message=lambda: f"sda to fire: {told()}"
        )
        command = [str(AMTOOL), "silence", "add", "device=sdb", "--author=ann", "--comment=new"]
        options = [f"--alertmanager.url={sentinel.url}", f"--http.config.file={tmp_path}/client.yml"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=30, check=True)
        disks.used |= {"sda": 0.5, "sdb": 0.95}
        eventually(
            lambda: texts_of("sdb", "FIRING") and texts_of("sda", "RESOLVED") and len(disks.heard) == 2,
            seconds=30,
            message=lambda: f"sdb to fire and sda to be resolved: {told()}",
        )

    assert texts_of("sdb", "FIRING") == [("SUPPRESSED", done.stdout.strip())]
    eventually(
        lambda: texts_of("sda", "FIRING") + texts_of("sda", "RESOLVED") == [("SENT", None)] * 2,
        seconds=20,
        message=lambda: f"texts to be sent: {told()}",
    )
    assert [each["subject"].split(" ")[0] for each in disks.heard] == ["FIRING", "RESOLVED"]
    assert "annotations.summary: sda is full" in disks.heard[0]["body"]
    assert len(rows()) == 6, "two messages of each change, however often Prometheus repeats itself"
