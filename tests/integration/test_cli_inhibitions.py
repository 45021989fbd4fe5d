"""`sentinel inhibitions`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import NotFoundError
from tests.integration.calls import stored
from tests.integration.rules import client

SIDES = ("--source", "alertname=NodeDown", "--target", "severity=~warning|info")
SET = ("set", "node-down", *SIDES, "--equal", "instance")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["inhibitions", *arguments], catch_exceptions=False)


def test_what_is_set_is_listed_replaced_and_removed() -> None:
    client("shop")
    assert run(*SET, "--client", "shop").stdout == "shop, node-down: set. It holds from the next batch of events on.\n"

    listed = run("list").stdout
    assert all(each in listed for each in ("node-down", "shop", 'severity=~"warning|info"', "instance"))
    run(*SET, "--equal", "cluster", "--client", "shop")
    (row,) = json.loads(run("list", "--client", "shop", "--json").stdout)
    assert (row["name"], row["equal"]) == ("node-down", ["instance", "cluster"])

    assert run("remove", "node-down", "--client", "shop").stdout == "shop, node-down: removed.\n"
    assert stored("inhibitions") == 0


def test_what_cannot_be_read_or_found_is_refused_with_a_remedy() -> None:
    result = run("set", "x", "--source", "nonsense", "--target", "a=b")

    assert result.exit_code == 2
    assert "is not a matcher" in result.stderr
    with pytest.raises(NotFoundError, match="sentinel inhibitions list"):
        run("remove", "nothing")


def test_more_than_a_page_is_said() -> None:
    run("set", "a", *SET[2:])
    run("set", "b", *SET[2:])

    assert "more than these 1" in run("list", "--limit", "1").stderr
