"""`sentinel silences`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError
from tests.integration.calls import stored
from tests.integration.rules import client, happen, rule, told


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
    with pytest.raises(NotFoundError, match="no client"):
        run("add", "a=b", "--until", "2h", "--client", "nobody")
