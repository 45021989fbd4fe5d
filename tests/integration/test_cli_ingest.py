"""`sentinel ingest`: what is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConfigurationError
from tests.conftest import Configure

REDIS = ("redis", "--stream", "s", "--client", "default")
KAFKA = ("kafka", "--brokers", "127.0.0.1:1", "--topic", "t", "--client", "default")


def ingest(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ingest", *arguments])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("redis", "--stream", "s"), "Missing option '--client'"),
        (("redis", "--stream", "s" * 201, "--client", "default"), "has 201 characters; use a name of at most 200"),
        ((*REDIS, "--batch", "0"), "0 is not in the range 1<=x<=5000"),
        ((*REDIS, "--format", "xml"), "'xml' is not one of 'auto', 'fields', 'protobuf'"),
        ((*KAFKA, "--topic", "t" * 249), "has 249 characters; use a name of at most 200"),
        ((*KAFKA, "--set", "ssl"), "'ssl' is not key=value, for example security.protocol=SSL"),
        ((*KAFKA, "--set", "enable.auto.commit=true"), "enable.auto.commit cannot be set"),
        ((*KAFKA, "--set", "group.id=x"), "group.id cannot be set: it is --brokers, --group"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(arguments: tuple[str, ...], words: str) -> None:
    done = ingest(*arguments)

    assert (done.exit_code, words in " ".join(done.stderr.split())) == (2, True), done.stderr


def test_settings_of_kafka_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("# ours\n\nsession.timeout.ms = 6000\nno.such = 1\n")

    assert "No such configuration property" in str(ingest(*KAFKA, "--config", str(file)).exception)

    file.write_text("sasl.password secret")
    refused = ingest(*KAFKA, "--config", str(file)).stderr
    assert ("'sasl.password' is not key=value" in refused, "secret" in refused) == (True, False)

    file.write_text("enable.auto.offset.store=true")
    assert "enable.auto.offset.store cannot be set" in ingest(*KAFKA, "--config", str(file)).stderr


def test_an_address_that_is_none_is_refused() -> None:
    done = ingest(*REDIS, "--url", "localhost")

    assert isinstance(done.exception, ConfigurationError)
    assert str(done.exception).startswith("--url cannot be used: ")


def test_a_stream_needs_a_server(database: Configure) -> None:
    database(REDIS_URL="")

    done = ingest(*REDIS)

    assert str(done.exception) == "there is no Redis to read from: set REDIS_URL, or give --url"
