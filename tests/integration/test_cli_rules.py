"""`sentinel rules` as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from sentinel.cli import cli
from sentinel.db import get_engine
from sentinel.errors import SentinelError
from sentinel.models import Rule
from tests.integration import rules as rows
from tests.integration.calls import stored

FILE = """\
rules:
- name: Big orders
  rule: when type == "order" and amount > 500 then notify("email:ops@example.com")
- name: Off
  rule: |
    # kept for later
    when type == "refund"
    then notify("endpoint:*")
  is_enabled: false
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(FILE)
    return path


def run(*arguments: Any, **options: Any) -> Result:
    return CliRunner().invoke(cli, ["rules", *map(str, arguments)], **options)


def done(*arguments: Any, **options: Any) -> str:
    """What a command that succeeds prints."""
    result = run(*arguments, **options)
    assert result.exit_code == 0, result.output
    return result.stdout


def known() -> dict[str, Rule]:
    """All rules by name."""
    with Session(get_engine()) as session:
        return {each.name: each for each in session.scalars(select(Rule).order_by(Rule.name))}


def test_a_file_becomes_the_rules(file: Path) -> None:
    said = done("apply", "-f", file)

    found = known()
    assert said == "2 new, 0 changed, 0 deleted, 0 unchanged.\n"
    assert found["Big orders"].is_enabled
    assert not found["Off"].is_enabled
    assert found["Off"].text == '# kept for later\nwhen type == "refund"\nthen notify("endpoint:*")'


def test_the_same_file_again_changes_nothing(file: Path) -> None:
    done("apply", "-f", file)

    assert done("apply", "-f", file) == "0 new, 0 changed, 0 deleted, 2 unchanged.\n"
    assert {each.version for each in known().values()} == {1}


def test_what_changed_is_changed_and_the_rest_is_left_alone(file: Path) -> None:
    rows.rule("when a == 1 then suppress()", "Mine")
    done("apply", "-f", file)
    file.write_text(FILE.replace("500", "900").replace("is_enabled: false", "is_enabled: true"))

    assert done("apply", "-f", file) == "0 new, 2 changed, 0 deleted, 0 unchanged.\n"
    assert set(known()) == {"Big orders", "Mine", "Off"}
    assert known()["Big orders"].version == 2
    history = json.loads(done("show", "Off", "--json"))
    assert (history["version"], history["is_enabled"]) == (2, True)


def test_the_history_names_the_operator_and_what_was_done(file: Path) -> None:
    done("apply", "-f", file)
    done("enable", "Off")
    said = done("show", "Off")

    assert "created" in said
    assert "enabled" in said
    assert said.count("operator") == 2


def test_prune_deletes_what_is_not_in_the_file(file: Path) -> None:
    rows.rule("when a == 1 then suppress()", "Mine")
    rows.rule("when a == 1 then suppress()", "Theirs", of="shop")

    assert done("apply", "-f", file, "--prune") == "2 new, 0 changed, 1 deleted, 0 unchanged.\n"
    assert set(known()) == {"Big orders", "Off", "Theirs"}


def test_a_dry_run_writes_nothing_and_a_diff_shows_each_line(file: Path) -> None:
    done("apply", "-f", file)
    rows.rule("when a == 1 then suppress()", "Mine")
    file.write_text(FILE.replace("500", "900") + "- {name: New, rule: when b == 1 then suppress()}\n")

    said = done("apply", "-f", file, "--dry-run", "--diff", "--prune")

    assert '-     when type == "order" and amount > 500' in said
    assert '+     when type == "order" and amount > 900' in said
    assert "+ New" in said
    assert "- Mine" in said
    assert "Off" not in said
    assert said.endswith("1 new, 1 changed, 1 deleted, 1 unchanged. Nothing was written (--dry-run).\n")
    assert set(known()) == {"Big orders", "Mine", "Off"}


def test_one_bad_rule_refuses_all_and_each_is_named_with_its_place(file: Path) -> None:
    bad = FILE + (
        "- name: No quotes\n  rule: when type == order then suppress()\n"
        "- name: Block\n  rule: |\n    when a == 1\n    then notify(email)\n"
        "- name: Off\n  rule: when a == 1 then suppress()\n"
        '- name: Nobody\n  rule: when a == 1 then notify("endpoint:nobody")\n'
    )
    file.write_text(bad)

    result = run("apply", "-f", file)

    assert stored("rules") == 0
    assert "4 of 6 rules were refused; nothing was changed" in str(result.exception)
    assert f"{file}:11: No quotes: line 1, column 14: expected a value" in result.stderr
    assert "             ^^^^^" in result.stderr
    assert f"{file}:15: Block: line 2, column 18:" in result.stderr
    assert f"{file}:17: Off: name: stands in the file twice" in result.stderr
    assert f"{file}:19: Nobody: line 1, column 35: there is no endpoint 'nobody'" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "line 2, column 1"),
        ("hello", "is no file of rules"),
        ("rules: []\nmore: 1", "is no file of rules"),
        ("rules: {a: 1}", ":1: `rules:` holds no list"),
        ("rules:\n- just text", ":2: is no rule"),
        ("rules:\n- name: x", ":2: the rule needs a rule, as text"),
        ("rules:\n- rule: x", ":2: the rule needs a name, as text"),
        ("rules:\n- name: x\n  rule: y\n  enabled: true", ":4: unknown key 'enabled'"),
        ("rules:\n- name: x\n  rule: y\n  is_enabled: perhaps", ":4: is_enabled is true or false"),
        ("rules:\n- name: x\n  name: y\n  rule: z", ":2: is no rule"),
        ("rules:\n- name: [x]\n  rule: y", ":2: the rule needs a name"),
    ],
)
def test_a_file_that_is_none_of_rules_is_refused_with_the_line(text: str, message: str, file: Path) -> None:
    file.write_text(text)

    result = run("apply", "-f", file)

    assert isinstance(result.exception, SentinelError)
    assert message in str(result.exception)


def test_an_empty_list_is_no_rules(file: Path) -> None:
    rows.rule("when a == 1 then suppress()", "Mine")
    file.write_text("rules:\n")

    assert done("apply", "-f", file).startswith("0 new")
    assert done("apply", "-f", file, "--prune") == "0 new, 0 changed, 1 deleted, 0 unchanged.\n"


@pytest.mark.parametrize(
    "text",
    [
        'when type == "order" then suppress()',
        '# why\nwhen type == "order"\n\n  and a == 1\nthen suppress()',
        "when type == \"größe \U0001f600: #1 'x'\" then suppress()",
        'when type == "tab\t" \nthen suppress()',
        'when type == "a" \r\nthen suppress()',
        '"' + "no rule at all, but text",
        "'quoted'",
        "when " + " and ".join(f'field_{number} == "{number}"' for number in range(100)) + " then suppress()",
    ],
)
def test_what_is_exported_comes_back_unchanged(text: str, file: Path, tmp_path: Path) -> None:
    rows.rule("when a == 1 then suppress()", "yes: no # really", is_enabled=False)
    rows.rule("when a == 1 then suppress()", "text")
    with Session(get_engine()) as session, session.begin():
        session.scalars(select(Rule).where(Rule.name == "text")).one().text = text

    out = tmp_path / "out.yaml"
    done("export", "-o", out)

    assert done("apply", "-f", out) == "0 new, 0 changed, 0 deleted, 2 unchanged.\n"


def test_an_export_goes_to_standard_output_and_an_apply_comes_from_standard_input(file: Path) -> None:
    done("apply", "-f", file)
    rows.client("shop")

    exported = done("export")

    assert done("apply", "-f", "-", "--client", "shop", input=exported).startswith("2 new")
    assert done("export", "--client", "shop") == exported


def test_the_list_shows_what_is_asked_for(file: Path) -> None:
    done("apply", "-f", file)

    assert "indexed on type" in done("list")
    assert "Off" not in done("list", "--enabled")
    assert "Big orders" not in done("list", "--part", "OFF")
    assert "raise --limit" in run("list", "--limit", 1).stderr
    assert [each["name"] for each in json.loads(done("list", "--json", "--disabled"))] == ["Off"]


def test_a_rule_is_switched_by_its_name_or_id(file: Path) -> None:
    done("apply", "-f", file)
    known_id = known()["Big orders"].id

    assert done("disable", known_id) == f"Rule {known_id} is disabled: Big orders\n"
    assert not known()["Big orders"].is_enabled
    done("enable", "Big orders")
    assert known()["Big orders"].is_enabled
    assert "has no rule 'Small orders'" in str(run("enable", "Small orders").exception)


def test_a_rule_is_tried_on_an_event(file: Path, tmp_path: Path) -> None:
    done("apply", "-f", file)
    event = tmp_path / "event.json"
    event.write_text('{"type": "order", "amount": 750}')

    matching = done("test", "--id", known()["Big orders"].id, "--event", f"@{event}")
    failing = done("test", "--rule", "when amount > 500 then suppress()", "--event", "-", input='{"amount": "750"}')

    assert matching.startswith("matches")
    assert "email:ops@example.com" in matching
    assert failing.startswith("does not match")
    assert "type" in failing
    assert json.loads(done("test", "--rule", "when a == 1 then suppress()", "--event", '{"a": 1}', "--json"))["matched"]


def test_a_bad_rule_to_try_shows_the_place() -> None:
    result = run("test", "--rule", "when type == order then suppress()", "--event", "{}")

    assert "             ^^^^^" in result.stderr
    assert "column 14" in str(result.exception)


@pytest.mark.parametrize("event", ["[1]", "{bad", "7"])
def test_an_event_that_is_no_object_is_refused(event: str) -> None:
    assert "--event" in str(run("test", "--rule", "when a == 1 then suppress()", "--event", event).exception)


def test_one_rule_is_tried_at_a_time() -> None:
    assert run("test", "--event", "{}").exit_code == 2
    assert run("test", "--id", 1, "--rule", "x", "--event", "{}").exit_code == 2


def test_a_replay_is_drawn_by_hour(file: Path) -> None:
    done("apply", "-f", file)
    rows.post(*[{"type": "order", "amount": 750}] * 3, {"type": "order", "amount": 1})

    said = done("replay", "Big orders", "--hours", 2)

    assert "█ 3 of 3" in said
    assert "4 events: matched 3, spoke 3." in said
    assert "ops@example.com" in said
    assert json.loads(done("replay", "Big orders", "--json"))["fired"] == 3


def test_shipped_rules_are_installed_once(api: FlaskClient) -> None:
    assert done("install", "device_health").count("new ") == 4
    assert done("install", "device_health").count("kept ") == 4


def test_an_unknown_client_is_an_error(file: Path) -> None:
    assert "there is no client 'shpo'" in str(run("apply", "-f", file, "--client", "shpo").exception)


def test_control_characters_in_a_rule_do_not_reach_the_terminal() -> None:
    rows.rule('when a == "\x1b[31m" then suppress()', "red \x1b[31m")

    assert "\x1b" not in done("list") + done("show", known()["red \x1b[31m"].id)


def test_too_many_rules_that_every_event_asks_are_refused_together(file: Path) -> None:
    entries = "".join(f"- {{name: s{number}, rule: when a != 1 then suppress()}}\n" for number in range(51))
    file.write_text("rules:\n" + entries)

    assert "every event asks" in str(run("apply", "-f", file).exception)
    assert stored("rules") == 0
