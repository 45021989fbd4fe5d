"""docs/reference/cli.md against the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from sentinel.cli import cli

REFERENCE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md").read_text()


def commands(command: click.Command, name: str = "sentinel") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        found = command.get_command(context, each)
        assert found is not None
        yield from commands(found, f"{name} {each}")


def options_of(command: click.Command) -> set[str]:
    found = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return found - {"--help"}


def test_every_command_and_option_is_in_the_reference() -> None:
    for name, command in commands(cli):
        assert f"`{name}`" in REFERENCE
        assert {option for option in options_of(command) if option not in REFERENCE} == set(), name


def test_every_command_named_in_the_reference_exists() -> None:
    known = {name for name, _ in commands(cli)}

    named = set(re.findall(r"^\| `(sentinel [a-z -]+)`", REFERENCE, re.MULTILINE))

    assert named == known


def test_the_help_of_every_command_ends_with_an_example() -> None:
    for name, command in commands(cli):
        assert (command.epilog or "").startswith("Example: "), name
        assert name in str(command.epilog), name


def test_the_list_of_commands_has_the_first_line_of_each_as_it_is() -> None:
    shown = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    context = click.Context(cli)

    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        first = (command.help or "").partition("\n\n")[0]
        assert f" {name} {' '.join(first.split())}" in shown
