"""Whether imported rules lead to the receivers that `amtool config routes test` names, over 10,000 label sets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.context import BenchFailedError, Context
from bench.figures import Figures, Table
from bench.route_samples import SAMPLES
from bench.routes import NOBODY, Imported, Labels, hear, labels_for, made_up, quoted, tree, usual_labels, wide, written
from sentinel.importing.reading import read

AMTOOL = shutil.which("amtool")
PROCESSES = 2
LABEL_SETS = 10_000
MADE_UP = 21
WIDE = 170
SECONDS = 30
NOBODIES = {NOBODY, "null"}


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration, and how labels for it are made up."""

    name: str
    text: str
    labels: Callable[[], Labels]


@dataclass(frozen=True, slots=True)
class Judged:
    """How often all three agreed: amtool, our rules, and the walk as our tests have it."""

    name: str
    same: int
    others: tuple[str, ...]


def run(context: Context) -> Figures:
    """Ask all three."""
    found = []
    every = list(cases())
    for each in every:
        context.say(each.name)
        found.append(judge(each, context.folder, LABEL_SETS // len(every) + 1))
    rows = tuple((each.name, each.same, len(each.others)) for each in found)
    total = ("together", sum(each.same for each in found), sum(len(each.others) for each in found))
    note = "; ".join(other for each in found for other in each.others[:2]) or "amtool, the rules and the walk agree"
    return Figures((Table("Receivers of label sets", ("configuration", "same", "other"), (*rows, total), note),))


def cases(*, made_up_trees: int = MADE_UP) -> Iterator[Case]:
    """Configurations as people have them, made-up ones, and one with more routes than a rule can deny."""
    for name, text in SAMPLES.items():
        random = Random(name)
        yield Case(name, text, lambda random=random: usual_labels(random))  # type: ignore[misc] # bound at once
    for seed in range(made_up_trees):
        random = Random(f"tree {seed}")
        root = wide(random, teams=WIDE) if seed == made_up_trees - 1 else made_up(random)
        labels = lambda random=random, root=root: labels_for(random, root)  # noqa: E731
        yield Case(f"made up {seed}", written(root, random), labels)


def judge(case: Case, folder: Path, count: int) -> Judged:
    """Compare the answers for so many label sets."""
    file = folder / "alertmanager.yml"
    file.write_text(case.text)
    imported, root = Imported(case.text), tree(read(case.text, case.name).route)
    given = [case.labels() for _ in range(count)]
    with ThreadPoolExecutor(PROCESSES) as pool:
        answers = list(pool.map(lambda labels: ask(file, labels), given))
    others = [
        f"{case.name}, {labels}: amtool {sorted(answer)}, rules {sorted(imported.hear(labels))}"
        for labels, answer in zip(given, answers, strict=True)
        if not answer - NOBODIES == imported.hear(labels) - NOBODIES == set(hear(root, labels)) - NOBODIES
    ]
    return Judged(case.name, count - len(others), tuple(others))


def ask(file: Path, labels: Labels) -> set[str]:
    """The receivers that amtool names."""
    if AMTOOL is None:
        raise BenchFailedError("there is no amtool; install prometheus-alertmanager")
    given = [f"{name}={quoted(text)}" for name, text in labels.items()]
    command = [AMTOOL, "config", "routes", "test", f"--config.file={file}", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, env={"HOME": "/"})
    return set(done.stdout.strip().split(","))
