"""Imported rules beside Debian's amtool: the same receivers. `python -m bench importer` asks for 10,000 label sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.importer import AMTOOL, Case, cases, judge

CASES = list(cases(made_up_trees=4))
LABEL_SETS = 40

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="needs amtool: apt install prometheus-alertmanager")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_amtool_names_the_receivers_that_imported_rules_lead_to(case: Case, tmp_path: Path) -> None:
    judged = judge(case, tmp_path, LABEL_SETS)

    assert judged.others == ()
    assert judged.same == LABEL_SETS
