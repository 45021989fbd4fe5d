"""`sentinel escalation-policies`, `sentinel rotations`, and what `sentinel tickets` says of escalations."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConflictError, InvalidInputError
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching.diagnosis.flow import check_flow
from tests.conftest import Configure
from tests.integration.escalating import open_ticket, policy, sweep_until_quiet
from tests.integration.rules import endpoint


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


STEPS = ("--step", "0s rotation:primary", "--step", "10m endpoint:ann,sms:+14155552671")
MEMBERS = ("--member", "ann", "--every", "1w", "--starts-on", "2026-11-30")


def test_what_is_set_is_listed_and_removed() -> None:
    endpoint("sms", "+14155552671", name="ann")
    done("rotations", "set", "primary", *MEMBERS, "--zone", "Europe/Berlin")
    done("escalation-policies", "set", "primary", *STEPS, "--repeat", "2", "--default-for", "critical")
    done("escalation-policies", "set", "primary", *STEPS, "--acknowledge-timeout", "1h")

    (found,) = json.loads(done("escalation-policies", "list", "--json"))
    assert (found["version"], found["repeat"], found["acknowledge_timeout_seconds"]) == (2, 0, 3600)
    assert [step["wait_seconds"] for step in found["steps"]] == [0, 600]
    (turns,) = json.loads(done("rotations", "list", "--json"))
    assert (turns["zone"], turns["handover"], turns["shift_days"]) == ("Europe/Berlin", "09:00", 7)
    assert "0s rotation:primary; 10m endpoint:ann, sms:+1415•••2671" in " ".join(
        done("escalation-policies", "list").split()
    ).replace("- ", "-")

    with pytest.raises(ConflictError, match="told by the escalation policies primary"):
        run("rotations", "remove", "primary")
    assert done("escalation-policies", "remove", "primary") == "default, primary: removed.\n"
    assert done("rotations", "remove", "primary") == "default, primary: removed.\n"


def test_a_list_of_policies_shows_no_tokens() -> None:
    endpoint("sms", "+14155552671", name="ann")
    done("escalation-policies", "set", "p", "--step", f"0s push:pover://{'u' * 30}@{'t' * 30},endpoint:ann")

    listed = done("escalation-policies", "list")

    assert "push:pover://•••, endpoint:ann" in " ".join(listed.split())
    assert "tttt" not in listed


def test_who_is_on_call_and_who_stands_in() -> None:
    endpoint("sms", "+14155552671", name="ann")
    endpoint("email", "bob@example.com", name="bob")
    done("rotations", "set", "primary", *MEMBERS)

    said = done("rotations", "override", "primary", "--member", "bob", "--until", "8h", "--by", "eve")
    known = said.partition("override ")[2].partition(":")[0]
    assert said.startswith(f"default, primary: override {known}: bob stands in from ")
    assert f"take it back with `sentinel rotations remove-override primary {known}`" in said

    assert json.loads(done("rotations", "on-call", "primary", "--json"))["member"] == "bob"
    assert json.loads(done("rotations", "on-call", "primary", "--at", "1d", "--json"))["member"] == "ann"
    assert "eve" in done("rotations", "overrides", "primary")
    done("rotations", "remove-override", "primary", known)
    assert "ann" in done("rotations", "on-call", "primary")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("escalation-policies", "set", "p", "--step", "soon endpoint:ann"), "is no length of time"),
        (("escalation-policies", "set", "p", "--step", "5m"), "names nobody"),
        (("escalation-policies", "set", "p", "--step", "5m sms:+14155552671", "--repeat-wait", "x"), "like 90s, 5m"),
        (("rotations", "set", "p", "--member", "ann", "--starts-on", "2026-11-30", "--every", "5m"), "days or weeks"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(arguments: tuple[str, ...], complaint: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_what_is_too_much_is_refused_as_by_the_api() -> None:
    with pytest.raises(InvalidInputError, match=r"steps\.0\.wait_seconds: is out of bounds"):
        run("escalation-policies", "set", "p", "--step", "9d sms:+14155552671")


def test_a_ticket_is_snoozed_and_tells_its_story() -> None:
    ticket_id = str(open_ticket())
    sweep_until_quiet()

    assert "is snoozed until" in done("tickets", "snooze", ticket_id, "--for", "2h", "--by", "ann")
    done("tickets", "acknowledge", ticket_id, "--by", "ann")

    assert "primary: acknowledged" in " ".join(done("tickets", "list").split())
    story = done("tickets", "timeline", ticket_id)
    assert all(
        word in story for word in ("opened", "step_told", "sms:+14155552671 CANCELLED", "snoozed", "acknowledged")
    )
    events = [each["event"] for each in json.loads(done("tickets", "timeline", ticket_id, "--json"))]
    assert events == ["opened", "escalation_began", "step_told", "snoozed", "acknowledged"]


@pytest.mark.parametrize(("base", "warnings"), [("", 1), ("https://sentinel.example.com", 0)])
def test_doctor_says_that_messages_carry_no_link(base: str, warnings: int, database: Configure) -> None:
    settings = database(PUBLIC_BASE_URL=base)
    policy((0, ["sms:+14155552671"]))

    with unit_of_work() as uow:
        found = [each for each in check_flow(uow, settings) if each.subject == "escalations"]

    assert len(found) == warnings
