"""`sentinel silences`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from tests.integration.calls import stored
from tests.integration.rules import client, endpoint, happen, rule, told


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["silences", *arguments], catch_exceptions=False)


def added(*matchers: str, **options: str) -> str:
    more = [part for name, value in options.items() for part in (f"--{name}", value)]
    result = run("add", *matchers, "--until", "2h", *more)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_what_is_added_is_listed_and_can_be_ended() -> None:
    client("shop")
    known = added("alertname=DiskFull", 'instance=~"db-.*"', client="shop", by="ann", comment="new disks")

    listed = run("list", "--state", "active").stdout
    assert all(each in listed for each in (known, "shop", 'instance=~"db-.*"', "ann", "new disks"))
    assert run("expire", known).stdout == f"Silence {known} is over.\n"

    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["id"], row["state"], row["client"], row["created_by"]) == (known, "expired", "shop", "ann")
    assert run("list", "--state", "active", "--json").stdout == "[]\n"


def test_a_notification_shows_which_silence_held_it_back() -> None:
    rule('when event.type == "alert" then notify("sms:+14155552671")')
    known = added("alertname=DiskFull")
    happen({"type": "alert", "labels": {"alertname": "DiskFull"}})
    (held,) = told()

    shown = CliRunner().invoke(cli, ["notifications", "show", held.id], catch_exceptions=False).stdout

    assert f"reason=silenced, silence_id={known}" in " ".join(shown.split())


def test_a_preview_is_shown_and_nothing_is_stored_by_a_dry_run() -> None:
    rule('when event.type == "alert" then notify("sms:+14155552671")')
    happen({"type": "alert", "status": "firing", "labels": {"alertname": "DiskFull"}}, {"type": "other"})

    shown = " ".join(run("preview", "alertname=DiskFull").stdout.split())
    dry = " ".join(run("add", "alertname=DiskFull", "--until", "2h", "--dry-run").stdout.split())

    assert "firing 1 match" in shown
    assert "events looked at 2 events that match 1 messages of these 1" in shown
    assert "DiskFull" in shown
    assert "events that match 1 messages of these 1" in dry
    assert json.loads(run("preview", "alertname=DiskFull", "--json").stdout)["firing"] == 1
    assert stored("silences") == 0


def test_what_is_added_says_what_it_matches_and_keeps_its_manners() -> None:
    endpoint("sms", "+14155552671", name="ops")
    result = run(
        "add",
        "alertname=DiskFull",
        *("--until", "7d", "--window", "saturday:sunday", "--window", "monday:friday 22:00-06:00"),
        *("--zone", "Europe/Berlin", "--until-resolved", "--until-quiet", "6h", "--remind", "ops"),
        *("--remind-before", "15m"),
    )

    (row,) = json.loads(run("list", "--json").stdout)
    assert result.stdout.strip() == row["id"]
    assert "It matches 0 alerts that fire now" in result.stderr
    assert row["windows"] == {
        "zone": "Europe/Berlin",
        "intervals": [
            {"weekdays": ["saturday:sunday"]},
            {"weekdays": ["monday:friday"], "times": ["22:00-06:00"]},
        ],
    }
    assert (row["ends_when_resolved"], row["ends_after_quiet_seconds"]) == (True, 21600)
    assert (row["remind"], row["remind_before_seconds"]) == ("ops", 900)


def test_more_than_a_page_is_said() -> None:
    added("a=b")
    added("a=c")

    assert "more than these 1" in run("list", "--limit", "1").stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nonsense", "--until", "2h"), "is not a matcher"),
        (("a=b", "--until", "soon"), "is not a time"),
        (("a=b",), "--until"),
        (("a=b", "--until", "2h", "--until-quiet", "soon"), "is no length of time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(arguments: tuple[str, ...], complaint: str) -> None:
    result = run("add", *arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert stored("silences") == 0


def test_what_cannot_be_is_refused() -> None:
    known = added("a=b")
    run("expire", known)

    with pytest.raises(ConflictError, match="has been over since"):
        run("expire", known)
    with pytest.raises(NotFoundError, match="no silence nothing"):
        run("expire", "nothing")
    with pytest.raises(InvalidInputError, match="every event"):
        run("add", "a!=b", "--until", "2h")
    with pytest.raises(InvalidInputError, match=r"window\.intervals\.0\.times\.0"):
        run("add", "a=b", "--until", "2h", "--window", "22-06")
    with pytest.raises(NotFoundError, match="no client"):
        run("add", "a=b", "--until", "2h", "--client", "nobody")
