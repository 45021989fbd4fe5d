"""`sentinel chaos` in small: everything of its own, a dozen faults, and the promises held."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel.cli.chaos import chaos

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos"), pytest.mark.timeout(300)]

SEED = "28"
"""Kills of the API, PostgreSQL, Valkey with its data, and workers; silence, resets and a redelivery."""


def test_a_dozen_faults_under_load_lose_nothing_and_double_nothing_uncounted(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    command = ["--rate", "60", "--minutes", "0.6", "--faults", "12", "--seed", SEED, "--report", str(report)]

    done = CliRunner().invoke(chaos, command)

    told = done.output
    assert done.exit_code == 0, told
    figures = {name: int(count) for name, count in re.findall(r"^(\w[^\d\n]*?) +(\d+) *$", told, re.MULTILINE)}
    assert figures["accepted"] >= 0.6 * 60 * 60 * 0.9
    assert figures["faults"] == 12
    assert (figures["lost"], figures["copies that nothing explains"], figures["without an end"]) == (0, 0, 0)
    assert "promises kept" in report.read_text()
