"""The benches can be named, and each says which question it answers."""

from __future__ import annotations

import importlib
import inspect

import pytest

from bench.registry import BENCHES, Bench


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.name)
def test_each_bench_says_its_question_and_gives_figures(bench: Bench) -> None:
    measure = importlib.import_module(f"bench.{bench.name}").run

    assert bench.question.endswith((".", "?"))
    assert inspect.signature(measure).return_annotation == "Figures"
