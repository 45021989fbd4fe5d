"""`sentinel tickets`: what is open, and who takes it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import SentinelError
from tests.integration.test_tickets import opened, rows, ticket


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["tickets", *arguments], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


def test_the_list_shows_what_is_not_resolved_newest_first() -> None:
    for each in (ticket(title="first"), ticket(title="second", device_id="dev-2"), ticket(title="third")):
        opened(each)
    first, _, third = (found.id for found in rows())
    run("resolve", str(third))
    run("acknowledge", str(first), "--by", "ann")

    listed = run("list").stdout.splitlines()[2:]

    assert ["second" in listed[0], "first" in listed[1], len(listed)] == [True, True, 2]
    assert "ann" in listed[1]
    assert "third" in run("list", "--status", "resolved").stdout
    assert "first" not in run("list", "--device", "dev-2").stdout


def test_the_list_is_json_for_scripts() -> None:
    opened(ticket(severity="low"), ticket(severity="high"))

    found = json.loads(run("list", "--json", "--severity", "HIGH").stdout)

    assert [(each["severity"], each["client"], each["status"]) for each in found] == [("high", "default", "open")]


def test_more_than_the_limit_is_said() -> None:
    opened(ticket(), ticket())

    assert "more than these 1" in run("list", "--limit", "1").stderr


def test_several_are_taken_at_once_and_who_did_it_is_kept() -> None:
    opened(ticket(), ticket())
    ids = [str(found.id) for found in rows()]

    said = run("acknowledge", *ids, ids[0]).stdout.splitlines()

    assert said == [f"Ticket {each} is acknowledged by operator." for each in ids]
    assert {(found.status, found.acknowledged_by) for found in rows()} == {("acknowledged", "operator")}


def test_if_one_cannot_be_taken_none_is() -> None:
    opened(ticket(), ticket())
    first, second = (str(found.id) for found in rows())
    run("resolve", second, "--by", "bob")

    with pytest.raises(SentinelError, match=f"ticket {second} was resolved by bob at "):
        run("acknowledge", first, second)

    assert [found.status for found in rows()] == ["open", "resolved"]


def test_an_id_that_there_is_not_is_said() -> None:
    with pytest.raises(SentinelError, match="no ticket 4711"):
        run("resolve", "4711")


@pytest.mark.parametrize(
    "arguments",
    [("resolve",), ("resolve", "0"), ("resolve", "x"), ("resolve", "1", "--by", " "), ("list", "--since", "x")],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...]) -> None:
    run(*arguments, exit_code=2)


def test_a_title_cannot_steer_the_terminal() -> None:
    opened(ticket(title="\x1b[31mred"))

    assert "\x1b" not in run("list").stdout


def test_a_note_stays_in_the_timeline() -> None:
    opened(ticket())
    ticket_id = str(rows()[0].id)

    run("resolve", ticket_id, "--note", "disk replaced")

    assert "note disk replaced" in run("timeline", ticket_id).stdout
