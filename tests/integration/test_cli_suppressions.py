"""`sentinel suppressions`: list, add, lift, and files in and out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError, SentinelError
from tests.integration.calls import execute, stored


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["suppressions", *arguments], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


def listed(*arguments: str) -> list[tuple[str, str, str]]:
    found = json.loads(run("list", "--json", "--show-recipients", *arguments).stdout)
    return [(each["channel"], each["recipient"], each["reason"]) for each in found]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "suppressed.csv"


def test_addresses_are_added_in_their_one_spelling_and_listed_newest_first() -> None:
    said = run("add", "--channel", "sms", "+1 415 555 2671", "+14155552672", "--note", "asked").stdout

    assert said == "Suppressed 2; 0 were already.\n"
    assert run("add", "--channel", "sms", "+14155552671").stdout == "Suppressed 0; 1 were already.\n"
    assert listed() == [("sms", "+14155552672", "manual"), ("sms", "+14155552671", "manual")]
    assert listed("--recipient", "+1 (415) 555-2672", "--channel", "sms") == [("sms", "+14155552672", "manual")]
    assert listed("--reason", "bounced") == []


def test_if_one_address_is_wrong_none_is_added() -> None:
    with pytest.raises(InvalidInputError, match="is not a phone number"):
        run("add", "--channel", "sms", "+14155552671", "nonsense")

    assert stored("suppressions") == 0


def test_addresses_are_masked_unless_asked_for() -> None:
    run("add", "--channel", "email", "ann@example.com", "--note", "by \x1b[31mphone")

    shown = run("list").stdout
    assert "a•••@example.com" in shown
    assert "ann@example.com" not in shown
    assert "\x1b" not in shown
    assert "ann@example.com" in run("list", "--show-recipients").stdout


def test_a_lifted_one_is_out_of_the_list_and_in_the_history_with_a_word_about_the_provider() -> None:
    run("add", "--channel", "sms", "+14155552671", "--reason", "opted_out")
    (found,) = json.loads(run("list", "--json").stdout)

    said = run("lift", str(found["id"]), "--by", "ann").stdout

    assert f"Suppression {found['id']} is lifted." in said
    assert "START" in said
    assert listed() == []
    assert listed("--lifted") == [("sms", "+14155552671", "opted_out")]
    with pytest.raises(ConflictError, match="was lifted by ann at"):
        run("lift", str(found["id"]))


def test_a_file_is_imported_and_its_bad_lines_are_named(file: Path) -> None:
    file.write_text(
        "channel,recipient,reason,note\n"
        "sms,+14155552671,opted_out,\n"
        "email,nonsense,,\n"
        '\nEmail,Ann@EXAMPLE.com,,"asked,\nby telephone"\n'
        "sms,+14155552672,because,\n"
        "pigeon,coop,,\n"
        "sms,+14155552671,bounced,\n",
        encoding="utf-8-sig",
    )

    result = run("import", str(file), exit_code=1)

    assert result.stdout == "Suppressed 2; 1 were already; 3 lines were refused.\n"
    assert [line.split(": ")[0].removeprefix(str(file)) for line in result.stderr.splitlines()] == [":3", ":7", ":8"]
    assert sorted(listed()) == [("email", "Ann@example.com", "manual"), ("sms", "+14155552671", "opted_out")]


def test_bytes_that_are_no_text_spoil_their_own_line_only(file: Path) -> None:
    file.write_bytes(b"channel,recipient\ninbox,J\xfcrgen\nsms,+1415\x005552671\ninbox,alice\n")

    result = run("import", str(file), exit_code=1)

    assert [line.split(": ")[0].removeprefix(str(file)) for line in result.stderr.splitlines()] == [":2", ":3"]
    assert listed() == [("inbox", "alice", "manual")]


def test_an_export_is_a_file_that_an_import_reads(file: Path) -> None:
    run("add", "--channel", "sms", *[f"+1415555{number:04}" for number in range(2500)])
    run("add", "--channel", "email", "ann@example.com", "--note", 'said "no",\nfor good')
    execute("UPDATE suppressions SET lifted_at = now() WHERE recipient = '+14155550007'")
    before = listed("--limit", "5000")

    file.write_text(run("list", "--csv", "--lifted").stdout)
    execute("DELETE FROM suppressions")
    assert run("import", str(file)).stdout == "Suppressed 2500; 0 were already; 0 lines were refused.\n"

    assert sorted(listed("--limit", "5000")) == sorted(before)
    assert stored("suppressions WHERE note LIKE 'said \"no\",%'") == 1


@pytest.mark.parametrize(
    ("header", "message"),
    [("", "no column channel"), ("channel;recipient", "no column channel"), ("channel,recipient,colour", "'colour'")],
)
def test_a_file_without_the_right_columns_says_which_are_missing(header: str, message: str, file: Path) -> None:
    file.write_text(f"{header}\nsms,+14155552671\n")

    with pytest.raises(SentinelError, match=message):
        run("import", str(file))


def test_an_unknown_client_is_said() -> None:
    with pytest.raises(NotFoundError, match="no client 'shop'"):
        run("add", "--channel", "sms", "+14155552671", "--client", "shop")


def test_the_list_says_that_there_are_more() -> None:
    run("add", "--channel", "sms", "+14155552671", "+14155552672")

    assert "more than these 1" in run("list", "--limit", "1").stderr
