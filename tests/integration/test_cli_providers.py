"""`sentinel providers`."""

from __future__ import annotations

import json

from click.testing import CliRunner

from sentinel.cli import cli
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.conftest import Accept, RunPipeline


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["providers", *arguments], catch_exceptions=False).output


def test_an_account_that_stopped_is_listed_with_its_remedy_and_resumed(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    provider.script(refused(401, 20003))
    run_pipeline([accept()])

    shown = run("list")

    assert "twilio" in shown
    assert "open" in shown
    assert "twilio: " in shown
    assert run("resume", "twilio") == "twilio is used again; 1 messages that wait for an account go out.\n"
    (listed,) = [each for each in json.loads(run("list", "--json")) if each["name"] == "twilio"]
    assert (listed["state"], listed["parked"]) == ("closed", 1)


def test_an_account_that_is_held_says_how_to_resume_it(provider: ProviderStandIn) -> None:
    assert run("hold", "sendgrid", "--reason", "key is being changed") == (
        "sendgrid is left alone until `sentinel providers resume sendgrid`.\n"
    )
    assert "when it is resumed" in run("list")
