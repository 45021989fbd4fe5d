"""`sentinel chaos`: break a copy of everything while it works, and account for every message."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import click
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from sentinel.chaos import run
from sentinel.chaos.report import command_of, facts_of, problems_of, strike_counts, write_page
from sentinel.cli.output import get_console, print_facts, print_table

LARGEST_SEED = 2**32
SHOWN = 20
PREFIX = "sentinel-chaos-"


@click.command(epilog="Example: sentinel chaos --rate 200 --minutes 10 --faults 60 --report chaos.html")
@click.option(
    "--rate", type=click.FloatRange(1, 5000), default=200, show_default=True, help="Notifications offered a second."
)
@click.option("--minutes", type=click.FloatRange(0.1, 1440), default=10, show_default=True, help="How long.")
@click.option("--faults", type=click.IntRange(0, 10_000), default=60, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), help="The same seed makes the same load and faults.")
@click.option("--shipped-times", "has_shipped_times", is_flag=True, help="Leases and waits as shipped, not shortened.")
@click.option(
    "--drain-seconds", type=click.FloatRange(1), default=600, show_default=True, help="Longest wait for all to end."
)
@click.option("--report", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write an HTML page.")
@click.option("--keep", is_flag=True, help="Keep data, logs and ledgers, and say where.")
def chaos(*, report: Path | None, keep: bool, **options: Any) -> None:
    """Kill, cut and empty a private copy of Sentinel under load; then look for every message.

    Starts PostgreSQL, Valkey, API, beat, workers and a stand-in for the providers of its own, on free ports. Nothing of
    an installation on this machine is touched, and nothing leaves the machine. Exit code 1 if a message was lost, left
    without an end, or delivered more often than the tries with an unknown end explain.
    """
    plan = _plan(options)
    click.echo(command_of(plan), err=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # everything that was started is stopped, as with Ctrl-C
    with _folder(is_kept=keep) as folder, _watching(plan) as watch:
        outcome = run.carry_out(plan, folder, watch)
    _tell(outcome)
    if report is not None:
        report.write_text(write_page(outcome), encoding="utf-8")
        click.echo(f"report: {report}", err=True)
    if not outcome.is_kept:
        sys.exit(1)


def _plan(options: dict[str, Any]) -> run.Plan:
    seed = options["seed"]
    return run.Plan(
        seed=random.randrange(LARGEST_SEED) if seed is None else seed,  # noqa: S311 - it is told
        rate=options["rate"],
        seconds=options["minutes"] * 60,
        strikes=options["faults"],
        has_shipped_times=options["has_shipped_times"],
        drain_seconds=options["drain_seconds"],
    )


@contextmanager
def _folder(*, is_kept: bool) -> Iterator[Path]:
    """A directory that servers which root starts as somebody else can pass through."""
    if is_kept:
        folder = Path(mkdtemp(prefix=PREFIX))
        folder.chmod(0o711)
        click.echo(f"kept in {folder}", err=True)
        yield folder
        return
    with TemporaryDirectory(prefix=PREFIX) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def _watching(plan: run.Plan) -> Iterator[run.Watch]:
    words = TextColumn("{task.fields[step]}  faults {task.fields[strikes]}  accepted {task.fields[accepted]}")
    backlog = TextColumn("backlog {task.fields[backlog]}")
    columns = (BarColumn(), TimeElapsedColumn(), words, backlog)
    with Bar(*columns, console=get_console(), transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("chaos", total=plan.seconds, step="starting", strikes=0, accepted=0, backlog=0)

        def show(progress: run.Progress) -> None:
            bar.update(
                task,
                completed=progress.seconds,
                step=progress.step,
                strikes=progress.strikes,
                accepted=progress.accepted,
                backlog="?" if progress.backlog is None else progress.backlog,
            )

        yield show


def _tell(outcome: run.Outcome) -> None:
    print_table(("fault", "times"), strike_counts(outcome.struck))
    print_facts(facts_of(outcome))
    problems = problems_of(outcome)
    for problem in problems[:SHOWN]:
        click.secho(problem, fg="red", err=True)
    if len(problems) > SHOWN:
        click.secho(f"… and {len(problems) - SHOWN} more", fg="red", err=True)
