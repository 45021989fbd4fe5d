"""Imported rules beside Alertmanager's walk: whoever hears of an alert there hears of it here."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from bench.route_samples import SAMPLES
from bench.routes import NOBODY, Imported, Labels, Node, hear, labels_for, made_up, tree, usual_labels, wide, written
from sentinel.importing.reading import read
from sentinel.rules import limits

TREES = 16
LABEL_SETS = 450


def differences(imported: Imported, root: Node, labels: Callable[[], Labels], count: int = LABEL_SETS) -> list[str]:
    found = []
    for _ in range(count):
        given = labels()
        expected = set(hear(root, given)) - {NOBODY, "null"}
        if (heard := imported.hear(given) - {NOBODY, "null"}) != expected:
            found.append(f"{given}: {sorted(heard)}, not {sorted(expected)}")
    return found


@pytest.mark.parametrize("seed", range(TREES))
def test_made_up_trees_lead_to_the_same_receivers(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - made-up data
    root = made_up(random)
    imported = Imported(written(root, random))

    assert not imported.plan.is_ordered
    assert imported.plan.losses == []
    assert differences(imported, root, lambda: labels_for(random, root)) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_configurations_as_people_have_them_lead_to_the_same_receivers(name: str) -> None:
    random = Random(name)  # noqa: S311 - made-up data
    imported = Imported(SAMPLES[name])
    root = tree(read(SAMPLES[name], name).route)

    assert differences(imported, root, lambda: usual_labels(random), 1000) == []


def test_a_last_route_with_too_many_before_it_is_asked_after_them() -> None:
    random = Random(7)  # noqa: S311 - made-up data
    root = wide(random, teams=170)

    imported = Imported(written(root, random))

    assert imported.plan.is_ordered
    assert imported.plan.losses == []
    assert differences(imported, root, lambda: labels_for(random, root)) == []


@pytest.mark.parametrize("seed", [1, 6, 19, 20, 22, 23, 29, 31, 33, 36])
def test_trees_whose_rules_are_asked_in_order_lead_to_the_same_receivers(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TERMS", 7)
    random = Random(f"ordered {seed}")  # noqa: S311 - made-up data
    root = made_up(random, depth=2, width=5)

    imported = Imported(written(root, random))

    assert imported.plan.is_ordered
    assert imported.plan.losses == []
    assert differences(imported, root, lambda: labels_for(random, root)) == []


def test_what_no_rule_can_say_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEXT_CHARACTERS", 60)

    plan = Imported(SAMPLES["company"]).plan

    assert plan.losses[0].what.startswith("no rule can say when alerts reach team-x-pager by it: line 1")
