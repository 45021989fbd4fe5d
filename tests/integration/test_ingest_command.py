"""`sentinel ingest`: names of topics and lines of a file that cannot be meant."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from sentinel.cli import cli


def kafka(*arguments: str) -> Result:
    command = ["ingest", "kafka", "--brokers", "127.0.0.1:1", "--client", "default", *arguments]
    return CliRunner().invoke(cli, command)


def test_a_topic_is_a_name_and_no_pattern() -> None:
    done = kafka("--topic", "^orders.*")

    assert (done.exit_code, "'^orders.*' would be a pattern of topics" in done.stderr) == (2, True), done.stderr


def test_a_prefix_counts_with_the_name_that_it_stands_before() -> None:
    done = kafka("--topic", "t" * 150, "--prefix", "p" * 51)

    assert (done.exit_code, "has 201 characters" in done.stderr) == (2, True), done.stderr


def test_a_comment_of_a_file_may_be_indented(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("  # ours\nno.such = 1\n")

    assert "No such configuration property" in str(kafka("--topic", "t", "--config", str(file)).exception)
