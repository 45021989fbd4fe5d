"""`sentinel config show`: values, where they come from, and no secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel.cli import cli
from sentinel.services.watching.effective_settings import url_without_password
from tests.conftest import Configure


def shown() -> dict[str, dict[str, str]]:
    result = CliRunner().invoke(cli, ["config", "show", "--json"], catch_exceptions=False)
    return {each["variable"]: each for each in json.loads(result.stdout)}


def test_each_value_names_its_source(database: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / ".env").write_text("SENTINEL_API_PORT=8001\nSENTINEL_BATCH_SIZE=100\n")
    (state / "sentinel.env").write_text("BROKER_URL='redis://:hidden@127.0.0.1:2/0'\nSENTINEL_API_PORT=8002\n")
    monkeypatch.chdir(tmp_path)
    database(SENTINEL_STATE_DIR=str(state), SENTINEL_BATCH_SIZE="200")

    found = {name: (each["value"], each["source"]) for name, each in shown().items()}

    assert found["SENTINEL_BATCH_SIZE"] == ("200", "environment")
    assert found["SENTINEL_API_PORT"] == ("8001", ".env")
    assert found["BROKER_URL"] == ("redis://:********@127.0.0.1:2/0", "running `sentinel up`")
    assert found["SENTINEL_GATHER_MS"] == ("1000", "default")


def test_no_secret_is_printed_in_either_form(database: Configure) -> None:
    secrets = {
        "TWILIO_AUTH_TOKEN": "hidden-1",
        "SENDGRID_API_KEY": "hidden-2",
        "SMTP_PASSWORD": "hidden-3",
        "SENTINEL_FLOWER_BASIC_AUTH": "admin:hidden-4",
        "BROKER_URL": "amqp://sentinel:hidden-5@127.0.0.1//",
    }
    database(**secrets)

    found = shown()
    table = CliRunner().invoke(cli, ["config", "show"]).stdout

    assert "hidden" not in json.dumps(found)
    assert "hidden" not in table
    assert {found[name]["value"] for name in secrets} == {"********", "amqp://sentinel:********@127.0.0.1//"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("postgresql://db/sentinel", "postgresql://db/sentinel"),
        ("postgresql://me@db/sentinel", "postgresql://me@db/sentinel"),
        ("postgresql://me:p@ss@db:5432/s", "postgresql://me:********@db:5432/s"),
        ("postgresql://db/s?user=me&password=x", "postgresql://db/s?user=me&password=********"),
        ("redis://:x@[::1]:6379/0", "redis://:********@[::1]:6379/0"),
        ("redis://[:x@broken", "********"),
        ("swordfish", "********"),
    ],
)
def test_a_url_keeps_everything_but_its_password(url: str, expected: str) -> None:
    assert url_without_password(url) == expected
