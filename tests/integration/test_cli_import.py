"""`sentinel import` as an operator meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from sentinel.cli import cli
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.errors import InvalidInputError, NotFoundError, SentinelError
from sentinel.models import Endpoint, Inhibition, MessageGroup, Rule
from sentinel.rules.matchers import Matcher
from sentinel.services import endpoints
from sentinel.services.muting import matchers
from sentinel.services.unit_of_work import unit_of_work
from tests.integration import rules as rows
from tests.integration.calls import stored
from tests.integration.rules import happen, told

FILE = """\
global:
  resolve_timeout: 5m
route:
  receiver: mails
  group_by: [alertname]
  routes:
  - matchers: ['team="db"']
    receiver: db
    mute_time_intervals: [nights]
  - match: {severity: none}
    receiver: nobody
receivers:
- name: mails
  email_configs:
  - to: ops@example.com
- name: db
  webhook_configs:
  - url: https://example.com/hook?token=secret
  slack_configs:
  - channel: '#db'
    send_resolved: true
    text: '{{ .CommonAnnotations.summary }}'
- name: nobody
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: '22:00', end_time: '24:00'}]
    location: Europe/Berlin
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yml"
    path.write_text(FILE)
    return path


def run(*arguments: Any, **options: Any) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)], **options)


def done(*arguments: Any) -> str:
    """What a command that succeeds prints."""
    result = run(*arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def known(model: Any) -> dict[str, Any]:
    """All rules or endpoints by name."""
    with Session(get_engine()) as session:
        return {each.name: each for each in session.scalars(select(model).order_by(model.id))}


def _all_months_but_next() -> list[int]:
    """Quiet now, and with an end."""
    next_one = utc_now().month % 12 + 1
    return [month for month in range(1, 13) if month != next_one]


def alert(**labels: str) -> dict[str, Any]:
    return {"type": "alert", "status": "firing", "labels": labels}


def test_a_file_becomes_endpoints_and_rules(file: Path) -> None:
    said = done(file)

    assert "6 new, 0 changed, 0 deleted, 0 unchanged." in said
    endpoints = known(Endpoint)
    assert {name: (each.channel, each.target) for name, each in endpoints.items()} == {
        "alertmanager: mails/email": ("email", "ops@example.com"),
        "alertmanager: db/webhook (not nights)": ("webhook", "https://example.com/hook?token=secret"),
        "alertmanager: db/slack (not nights)": ("slack", "#db"),
    }
    assert endpoints["alertmanager: db/slack (not nights)"].quiet_hours == {
        "windows": {"zone": "Europe/Berlin", "intervals": [{"times": ["22:00-24:00"]}]},
        "mode": "drop",
        "passes_from": None,
    }
    assert list(known(Rule)) == [
        'alertmanager: {}/{team="db"}',
        'alertmanager: {}/{severity="none"}',
        "alertmanager: {}",
    ]


def test_alerts_then_go_where_alertmanager_would_send_them(file: Path) -> None:
    file.write_text(f"{FILE}    years: ['1999']\n")  # whatever the hour: no night mutes it
    done(file)

    happen(alert(team="web"), alert(team="db"), alert(team="web", severity="none"))

    assert sorted((each.channel, each.recipient) for each in told()) == [
        ("email", "ops@example.com"),
        ("slack", "#db"),
        ("webhook", "https://example.com/hook?token=secret"),
    ]
    assert {each.group_id is not None for each in told()} == {True}


def test_the_same_file_again_changes_nothing(file: Path) -> None:
    done(file)

    assert done(file).endswith("0 new, 0 changed, 0 deleted, 6 unchanged.\n")
    assert {each.version for each in (*known(Rule).values(), *known(Endpoint).values())} == {1}


def test_what_changed_is_changed_and_what_people_have_added_stays(file: Path) -> None:
    done(file)
    rows.rule('when type == "order" then notify("endpoint:alertmanager: mails/email")', "Mine")
    mails = known(Endpoint)["alertmanager: mails/email"]
    with unit_of_work() as uow:
        kept = replace(endpoints.as_written(mails), is_enabled=False)
        endpoints.change(uow, mails.client_id, mails.id, kept, version=1)
    file.write_text(FILE.replace("ops@example.com", "all@example.com").replace("22:00", "21:00"))

    said = done(file)

    changed = known(Endpoint)["alertmanager: mails/email"]
    assert (changed.id, changed.target, changed.is_enabled) == (mails.id, "all@example.com", False)
    assert "-     email:ops@example.com\n+     email:all@example.com\n" in said
    assert "0 new, 3 changed, 0 deleted, 3 unchanged." in said
    assert "Mine" in known(Rule)


def test_what_an_earlier_import_made_is_listed_and_removed_only_if_that_is_wanted(file: Path) -> None:
    done(file)
    rows.rule('when type == "order" then suppress()', "Mine")
    file.write_text(FILE.replace("- matchers: ['team=\"db\"']", "- matchers: ['team=\"cache\"']"))

    said = done(file)
    assert '  alertmanager: {}/{team="db"}\n' in said
    assert 'alertmanager: {}/{team="db"}' in known(Rule)

    assert "0 new, 0 changed, 1 deleted, 6 unchanged." in done(file, "--prune")
    assert 'alertmanager: {}/{team="db"}' not in known(Rule)
    assert "Mine" in known(Rule)


def test_an_endpoint_that_another_rule_names_is_not_pruned(file: Path) -> None:
    done(file)
    rows.rule('when type == "order" then notify("endpoint:alertmanager: mails/email")', "Mine")
    file.write_text(FILE.replace("receiver: mails", "receiver: nobody"))

    said = done(file, "--prune")

    assert "  alertmanager: mails/email is named by Mine; change that, then import with --prune again\n" in said
    assert " 0 deleted" in said
    assert "alertmanager: mails/email" in known(Endpoint)
    assert "alertmanager: {}" in known(Rule)


def test_a_target_keeps_its_endpoint_when_one_before_it_goes(file: Path) -> None:
    hooks = "  - url: https://example.com/hook?token=secret\n"
    file.write_text(FILE.replace(hooks, f"  - url: https://example.com/first\n{hooks}"))
    done(file)
    before = known(Endpoint)["alertmanager: db/webhook 2 (not nights)"]

    file.write_text(FILE)
    said = done(file, "--prune")

    after = {name: each for name, each in known(Endpoint).items() if "webhook" in name}
    assert "1 deleted" in said
    assert list(after) == [before.name]
    assert (after[before.name].id, after[before.name].version) == (before.id, 1)


def test_a_dry_run_shows_all_and_writes_nothing(file: Path) -> None:
    said = done(file, "--dry-run")

    assert "+ endpoint alertmanager: db/webhook (not nights)\n+     webhook:https://example.com/•••\n" in said
    assert "=secret" not in said
    assert "receivers.db.slack_configs.0: text is not carried over" in said
    assert said.endswith("6 new, 0 changed, 0 deleted, 0 unchanged. Nothing was written.\n")
    assert known(Rule) == {}
    assert known(Endpoint) == {}


def test_the_plan_is_json_for_scripts(file: Path) -> None:
    found = json.loads(done(file, "--dry-run", "--format", "json"))

    assert (found["is_written"], found["is_ordered"], found["unchanged"], found["left"]) == (False, False, 0, [])
    assert {each["kind"] for each in found["changes"]} == {"endpoint", "rule"}
    assert {each["is_loss"] for each in found["remarks"]} == {False}


PUSHOVER = """\
  pushover_configs: [{user_key: uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu, token: tttttttttttttttttttttttttttttt}]
"""


def test_no_secret_is_printed_in_any_form(file: Path) -> None:
    file.write_text(FILE.replace("- name: nobody\n", f"{PUSHOVER}- name: nobody\n"))

    for form in ("text", "json"):
        said = done(file, "--dry-run", "--format", form)
        assert "push:pover://•••" in said
        assert "https://example.com/•••" in said
        assert not [each for each in ("=secret", "tttt", "uuuu") if each in said]


def test_a_change_of_the_secret_alone_is_seen(file: Path) -> None:
    done(file)
    file.write_text(FILE.replace("token=secret", "token=other"))

    assert json.loads(done(file, "--dry-run", "--format", "json"))["changes"][0]["is_secret_changed"] is True
    said = done(file)
    assert "  endpoint alertmanager: db/webhook (not nights)\n" in said
    assert "+     (its secret part differs)\n" in said
    assert "other" not in said.replace("another", "")


def test_routes_to_one_address_are_told_as_the_more_eager_of_them_wants(file: Path) -> None:
    config = yaml.safe_load(FILE)
    config["receivers"][1] = {"name": "db", "email_configs": [{"to": "ops@example.com", "send_resolved": True}]}
    config["route"]["routes"] = [
        {"receiver": "mails", "matchers": ['team="db"'], "continue": True, "mute_time_intervals": ["nights"]},
        {"receiver": "db", "matchers": ['severity="critical"']},
    ]
    always = {"name": "nights", "time_intervals": [{"months": [f"{month}" for month in _all_months_but_next()]}]}
    file.write_text(yaml.safe_dump(config | {"time_intervals": [always]}))
    done(file)

    happen(alert(team="db", severity="critical"))

    (found,) = told()
    assert (found.status, found.reason) == ("PENDING", None)
    with Session(get_engine()) as session:
        (group,) = session.scalars(select(MessageGroup))
    assert group.says_resolved


def test_what_cannot_be_carried_over_stops_the_import_unless_the_rest_is_wanted(file: Path) -> None:
    lost = "  pagerduty_configs: [{routing_key: abc}]\n- name: nobody\n"
    file.write_text(FILE.replace("- name: nobody\n", lost))

    refused = run(file)
    assert isinstance(refused.exception, SentinelError)
    assert "1 things cannot" not in str(refused.exception)
    assert (
        "Not carried over:\n  receivers.db.pagerduty_configs.0: Sentinel has no channel for pagerduty" in refused.stdout
    )
    assert known(Rule) == {}

    assert "6 new" in done(file, "--partial")


def test_two_files_live_side_by_side_under_names_of_their_own(file: Path) -> None:
    done(file)

    assert "6 new, 0 changed, 0 deleted, 0 unchanged." in done(file, "--prefix", "other site", "--prune")
    assert "other site: {}" in known(Rule)
    assert "alertmanager: {}" in known(Rule)


INHIBITIONS = """\
inhibit_rules:
- source_matchers: [severity="critical"]
  target_match: {severity: warning}
  equal: [cluster]
"""


def test_inhibit_rules_become_inhibitions(file: Path) -> None:
    file.write_text(FILE + INHIBITIONS)

    said = done(file)
    with Session(get_engine()) as session:
        (found,) = session.scalars(select(Inhibition))
    assert (found.name, found.equal) == ("alertmanager: 1", ["cluster"])
    assert matchers.read_all(found.source) == (Matcher("severity", "critical"),)
    assert matchers.read_all(found.target) == (Matcher("severity", "warning"),)
    assert '+ inhibition alertmanager: 1\n+     source severity="critical"\n+     target severity="warning"\n' in said

    assert "0 new, 0 changed, 0 deleted, 7 unchanged." in done(file)
    file.write_text(FILE + INHIBITIONS.replace("cluster", "site"))
    assert "-     equal cluster\n+     equal site\n" in done(file)
    file.write_text(FILE)
    assert "  alertmanager: 1\n" in done(file)
    assert "1 deleted" in done(file, "--prune")
    assert stored("inhibitions") == 0


def test_an_inhibition_that_asks_for_nothing_is_a_loss(file: Path) -> None:
    file.write_text(FILE + INHIBITIONS.replace('source_matchers: [severity="critical"]', "source_matchers: []"))

    assert "inhibit_rules.0: an inhibition needs matchers" in done(file, "--dry-run")


def test_another_client_gets_its_own(file: Path) -> None:
    shop = rows.client("shop")

    done(file, "--client", "shop")

    assert {each.client_id for each in (*known(Rule).values(), *known(Endpoint).values())} == {shop}
    with pytest.raises(NotFoundError, match="no client"):
        run(file, "--client", "nobody", catch_exceptions=False)


def test_a_file_that_cannot_be_read_changes_nothing(file: Path) -> None:
    file.write_text(FILE.replace("receiver: db", "receiver: dba"))

    with pytest.raises(InvalidInputError, match=r"route.routes.0.receiver: is not defined in this file"):
        run(file, catch_exceptions=False)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SentinelError, match="is not UTF-8"):
        run(file, catch_exceptions=False)
    assert known(Endpoint) == {}
