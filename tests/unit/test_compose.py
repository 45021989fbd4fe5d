"""docker-compose.yml and `sentinel up` against celeryconfig: no queue without a worker, no task without a queue."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.channels.registry import CHANNELS
from sentinel.cli import cli, processes
from sentinel.cli.system import api_and_workers
from sentinel.rabbitmq import is_rabbitmq
from sentinel.services.watching.effective_settings import variable_of
from sentinel.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = [channel for channel in CHANNELS if channel != "inbox"]
"""Channels that ask somebody; the inbox is the pipeline worker's."""
SENT_TO_A_CHANNEL = {"tasks.delivery.deliver", "tasks.delivery.reconcile"}
"""Routed by name where it is sent: `sentinel.broker`."""

SHOW_CELERY = """
import json, celeryconfig, tasks
tasks.app.loader.import_default_modules()
print(json.dumps({
    "queues": [queue.name for queue in celeryconfig.task_queues],
    "routes": {pattern: route["queue"] for pattern, route in celeryconfig.task_routes.items()},
    "rung": [entry["task"] for entry in celeryconfig.beat_schedule.values()],
    "tasks": [name for name in tasks.app.tasks if name.startswith("tasks.")],
    "longest_end": max(celeryconfig.task_time_limit, celeryconfig.worker_soft_shutdown_timeout),
}))
"""
"""In a process of its own: Celery reads its settings once, and other tests of this one bring their own broker."""

OURS = ("api", "beat", "pipeline", *OUTSIDE, "flower", "migrate")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """What celeryconfig.py and the tasks say."""
    shown = subprocess.run([sys.executable, "-c", SHOW_CELERY], capture_output=True, check=True, timeout=60)
    return dict(json.loads(shown.stdout))


def workers_of(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose.items() if service.get("command", [""])[0] == "worker"}


def queues_listened_to(command: list[str]) -> set[str]:
    """The queues of `sentinel worker …`, as the command itself understands its options."""
    context = processes.worker.make_context("worker", list(command[1:]))
    options = context.params
    return set(
        processes.queues_of(
            options["channels"], is_pipeline=options["is_pipeline"], only_retries=options["only_retries"]
        )
    )


def seconds(duration: str) -> int:
    amount, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()  # type: ignore[union-attr]
    return int(amount) * {"s": 1, "m": 60}[unit]


def test_every_queue_has_a_worker_in_compose(compose: dict[str, Any], config: dict[str, Any]) -> None:
    listened = [queues_listened_to(service["command"]) for service in workers_of(compose).values()]

    assert set().union(*listened) == set(config["queues"])


def test_every_queue_has_a_worker_in_up(config: dict[str, Any]) -> None:
    specs = api_and_workers(Settings(), {})

    listened = [spec.command[spec.command.index("-Q") + 1].split(",") for spec in specs if "-Q" in spec.command]

    assert set().union(*listened) == set(config["queues"])


def test_every_channel_has_its_own_worker_so_that_a_slow_one_holds_up_no_other(compose: dict[str, Any]) -> None:
    listened = {name: queues_listened_to(service["command"]) for name, service in workers_of(compose).items()}

    for channel in OUTSIDE:
        assert listened[channel] == {channel, f"{channel}.retry"}


def test_every_task_has_a_queue_that_exists(config: dict[str, Any]) -> None:
    assert set(config["tasks"]) >= SENT_TO_A_CHANNEL
    for name in set(config["tasks"]) - SENT_TO_A_CHANNEL:
        matching = [queue for pattern, queue in config["routes"].items() if re.fullmatch(pattern, name)]
        assert len(matching) == 1, name
        assert matching[0] in config["queues"]


def test_beat_rings_only_tasks_that_exist(config: dict[str, Any]) -> None:
    assert set(config["rung"]) <= set(config["tasks"])


def test_a_worker_may_finish_its_task_before_it_is_killed(compose: dict[str, Any], config: dict[str, Any]) -> None:
    for service in workers_of(compose).values():
        assert seconds(service["stop_grace_period"]) > config["longest_end"]


def test_each_of_our_services_runs_one_image_with_a_command_that_exists(compose: dict[str, Any]) -> None:
    assert set(compose) == {*OURS, "postgres", "redis"}
    context = cli.make_context("sentinel", ["--help"], resilient_parsing=True)
    for name in OURS:
        assert compose[name]["image"] == "sentinel:local"
        assert compose[name]["command"][0] in cli.list_commands(context)


def test_everything_of_ours_runs_in_production_after_the_migration(compose: dict[str, Any]) -> None:
    for name in OURS:
        assert compose[name]["environment"]["SENTINEL_ENV"] == "production"
    for name in set(OURS) - {"migrate"}:
        assert compose[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_only_the_api_is_reachable_from_other_machines(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose.items() if "ports" in service}

    assert set(published) == {"api", "flower"}
    assert all(port.startswith("127.0.0.1:") for port in published["flower"])


def test_no_password_is_written_down_and_none_may_be_missing(compose: dict[str, Any]) -> None:
    given = [value for service in compose.values() for value in service.get("environment", {}).items()]
    secrets = [value for name, value in given if re.search("PASSWORD|AUTH|KEYS|(DATABASE|REDIS|BROKER)_URL", name)]
    secrets.append(compose["redis"]["command"][-1])

    assert len(secrets) >= 4
    names = "POSTGRES_PASSWORD|REDIS_PASSWORD|FLOWER_BASIC_AUTH|SENTINEL_SECRET_KEYS"
    assert all(re.search(rf"\$\{{({names}):\?set ", each) for each in secrets)


def test_redis_keeps_its_data_and_evicts_nothing(compose: dict[str, Any]) -> None:
    words = " ".join(compose["redis"]["command"])

    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words


def test_rabbitmq_beside_it_is_the_broker_of_everything_that_lasts(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.rabbitmq.yml").read_text()
    beside = yaml.safe_load(text)["services"]

    server = beside.pop("rabbitmq")
    assert set(beside) == set(OURS) - {"migrate"}
    for service in beside.values():
        assert is_rabbitmq(service["environment"]["BROKER_URL"])
        assert service["depends_on"] == {"rabbitmq": {"condition": "service_healthy"}}
    assert set(re.findall(r"\$\{([^}]+)\}", text)) == {"RABBITMQ_PASSWORD:?set RABBITMQ_PASSWORD in .env"}
    assert "ports" not in server
    assert "healthcheck" in server


def test_each_lasting_service_has_a_healthcheck(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose.items() if "healthcheck" not in service} == {"migrate"}


def test_the_example_environment_knows_only_variables_that_exist(compose: dict[str, Any]) -> None:
    named = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    settings = {variable_of(name, field) for name, field in Settings.model_fields.items()}
    files = "".join(path.read_text() for path in ROOT.glob("docker-compose*.yml"))
    interpolated = set(re.findall(r"\$\{(\w+)", files))

    assert named <= settings | interpolated
    assert named >= interpolated


def test_the_image_installs_only_what_the_lock_file_names() -> None:
    text = (ROOT / "Dockerfile").read_text()

    installs = re.findall(r"pip install (.+)", text)
    assert installs == [
        "--require-hashes --only-binary :all: -r requirements-server.txt",
        "--no-deps --no-build-isolation --no-index .",
    ]
    assert "embedded" not in text
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["', text, re.MULTILINE)
