"""`python -m bench [NAMES…] [--seconds N] [--quick]`: measure, print, and keep the figures in bench/results."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from bench.context import Context
from bench.machine import describe
from bench.registry import BENCHES, Bench
from bench.reports import Report, Section
from sentinel.embedded.servers import running_servers
from sentinel.errors import SentinelError

RESULTS = Path(__file__).parent / "results"
SECONDS = 10.0
QUICK_SECONDS = 2.0
FOREIGN = ("SENTINEL_", "DATABASE_", "REDIS_", "BROKER_", "TWILIO_", "SENDGRID_", "SMTP_", "PUBLIC_")


@dataclass(frozen=True, slots=True)
class Screen:
    """What is going on, on standard error: the report alone goes to standard output."""

    console: Console

    @contextmanager
    def watching(self, name: str) -> Iterator[Screen]:
        """Show that `name` is under way, and how long it took."""
        begin = time.monotonic()
        with self.console.status(name):
            yield self
        self.console.print(f"{name} took {time.monotonic() - begin:.0f} s")

    def say(self, step: str) -> None:
        """Show one step."""
        self.console.print(f"  {step}")


@click.command(epilog=f"Benches: {', '.join(bench.name for bench in BENCHES)}")
@click.argument("names", nargs=-1, type=click.Choice([bench.name for bench in BENCHES]))
@click.option("--seconds", type=click.FloatRange(1, 300), help=f"Of one measurement. Default: {SECONDS:g}.")
@click.option("--quick", is_flag=True, help=f"Measure for {QUICK_SECONDS:g} s each: a first look.")
def bench(names: tuple[str, ...], seconds: float | None, *, quick: bool) -> None:
    """Measure this machine: all usual benches, or those named."""
    if quick and seconds is not None:
        raise click.UsageError("--quick and --seconds exclude each other")
    wanted = [each for each in BENCHES if (each.name in names if names else each.is_usual)]
    own_environment()
    screen = Screen(Console(stderr=True))
    report = measure(wanted, seconds or (QUICK_SECONDS if quick else SECONDS), screen)
    markdown, data = report.write(RESULTS)
    click.echo(report.markdown())
    screen.say(f"kept as {markdown} and {data}")


def own_environment() -> None:
    """Keep the developer's settings out, and let SIGTERM stop what was started, as Ctrl-C does."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def measure(wanted: list[Bench], seconds: float, screen: Screen) -> Report:
    """Run the benches one after another on servers of their own, with fsync as in production."""
    date = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with TemporaryDirectory(prefix="sentinel-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # servers that root starts run as somebody else, who must be able to pass through
        with running_servers(folder / "state", is_durable=True) as servers:
            machine = describe(servers, folder)
            context = Context(seconds, servers, folder, screen.say)
            sections = tuple(run_one(each, context, screen) for each in wanted)
    command = " ".join(["python -m bench", *(each.name for each in wanted), f"--seconds {seconds:g}"])
    return Report(date, command, machine, sections)


def run_one(wanted: Bench, context: Context, screen: Screen) -> Section:
    """Run one bench and note under which conditions."""
    load_average, begin = os.getloadavg()[0], time.monotonic()
    with screen.watching(wanted.name):
        figures = wanted.run(context)
    return Section(wanted.name, wanted.question, figures, load_average, time.monotonic() - begin)


if __name__ == "__main__":
    try:
        bench()
    except SentinelError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
