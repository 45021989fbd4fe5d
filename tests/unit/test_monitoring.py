"""Alerts and dashboard: no name that does not exist, no alert that nobody has seen fire."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from sentinel import monitoring
from sentinel.cli import cli
from sentinel.metrics import GAUGES, METRICS
from sentinel.monitoring.dashboard import PANELS, dashboard
from tests.unit.test_cli_reference import commands

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "sentinel" / "monitoring" / "rules.yml"

NOT_NAMES = re.compile(
    r"""\{[^}]*\} | \[[^\]]*\] | \boffset\s+\w+ | \b(?:by|on)\s*\([^)]*\)  # labels, windows, groups
    | \b(?:sum|rate|increase|absent|histogram_quantile|max_over_time)\b | \b(?:and|or|unless|on)\b""",
    re.VERBOSE,
)

SIZES = {"worker_tasks_total", "rules_enabled", "clients_active", "endpoints_enabled"}
"""They tell how much there is, not how it goes."""

GROUPS: list[dict[str, Any]] = yaml.safe_load(monitoring.rules())["groups"]
ENTRIES = [entry for group in GROUPS for entry in group["rules"]]
ALERTS = {entry["alert"]: entry for entry in ENTRIES if "alert" in entry}
RECORDED = {entry["record"] for entry in ENTRIES if "record" in entry}


def names_in(expr: str) -> set[str]:
    """The metrics that an expression asks for."""
    return set(re.findall(r"[a-z_][\w:]*", NOT_NAMES.sub(" ", expr)))


def known_names() -> set[str]:
    """Every name that Prometheus meets in /metrics, or records itself."""
    parts = {
        f"{name}_{part}" for name, metric in METRICS.items() if metric.buckets for part in ("bucket", "count", "sum")
    }
    return {name for name, metric in METRICS.items() if not metric.buckets} | parts | set(GAUGES) | RECORDED


def questions() -> list[str]:
    return [query["expr"] for panel in dashboard()["panels"] for query in panel["targets"]]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = which("promtool")
    if program is None:
        pytest.skip("there is no promtool on this machine (on Debian: apt install prometheus)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    asked = {name for expr in [*questions(), *(entry["expr"] for entry in ENTRIES)] for name in names_in(expr)}

    assert asked - known_names() == set()
    assert len(asked) > 30


def test_labels_that_are_asked_for_exist() -> None:
    known = {label for metric in (*METRICS.values(), *GAUGES.values()) for label in metric.labels} | {"le"}

    for expr in [*questions(), *(entry["expr"] for entry in ENTRIES)]:
        grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expr)
        matched = re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", expr)
        assert {name.strip() for each in grouped for name in each.split(",") if name.strip()} | set(matched) <= known, (
            expr
        )


def test_the_limit_of_being_in_time_is_a_bucket() -> None:
    bounds = {str(bound) for bound in METRICS["delivery_seconds"].buckets}

    assert set(re.findall(r'le="([^"]*)"', monitoring.rules())) == {"10.0"} <= bounds


def test_whatever_is_told_is_on_the_dashboard_or_in_a_rule() -> None:
    asked = {name for expr in [*questions(), *(entry["expr"] for entry in ENTRIES)] for name in names_in(expr)}

    plain = {re.sub("_(bucket|count|sum)$", "", name) for name in asked}
    assert {*METRICS, *GAUGES} - plain == SIZES


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert set(alert["annotations"]) == {"summary", "remedy"}
    known = {command for command, _ in commands(cli)}
    for told in re.findall(r"`(sentinel [a-z -]+?)(?: -|[`{]| …)", alert["annotations"]["remedy"]):
        assert told.strip() in known


def test_prometheus_takes_the_rules() -> None:
    checked = promtool("check", "rules", str(RULES))

    assert checked.returncode == 0, checked.stderr


def test_each_alert_fires_when_it_should_and_not_when_all_is_well() -> None:
    cases = HERE / "monitoring.test.yml"

    tested = promtool("test", "rules", str(cases))

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert set(re.findall(r'alertname="(\w+)"', cases.read_text())) == set(ALERTS)


def test_panels_fill_the_grid_without_covering_each_other() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in dashboard()["panels"]]

    assert len(set(places)) == len(PANELS)
    assert all(x + width <= 24 for x, _, width, _ in places)
