"""`python -m bench [NAMES…] [--list] [--seconds N] [--quick]`: measure, print, keep the figures in bench/results."""

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
from bench.figures import Table
from bench.machine import describe
from bench.registry import BENCHES, Bench
from bench.reports import Report, Section, table_lines
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
    def watching(self, name: str, left: str) -> Iterator[None]:
        """Show that `name` is under way and what comes behind it, then how long it took."""
        begin = time.monotonic()
        self.console.print(f"{name} ({left})")
        with self.console.status(name):
            yield
        self.console.print(f"{name} took {time.monotonic() - begin:.0f} s")

    def say(self, step: str) -> None:
        """Show one step."""
        self.console.print(f"  {datetime.now(UTC):%H:%M:%S} {step}")


def listed(_context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:  # noqa: FBT001 # click's own call
    """Print what there is, and end."""
    if is_wanted:
        rows = tuple((each.name, ", ".join(each.goals), each.question) for each in BENCHES)
        table = Table("Benches", ("name", "goal", "question"), rows, "Those with a goal run when none is named.")
        click.echo("\n".join(table_lines(table)).lstrip())
        sys.exit()


@click.command(epilog="Example: python -m bench events --seconds 5")
@click.argument("names", nargs=-1, type=click.Choice([bench.name for bench in BENCHES]), metavar="[NAMES]...")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=listed, help="Name all benches.")
@click.option("--seconds", type=click.FloatRange(1, 300), help=f"Of one measurement. Default: {SECONDS:g}.")
@click.option("--quick", is_flag=True, help=f"Measure for {QUICK_SECONDS:g} s each: a first look.")
def bench(names: tuple[str, ...], seconds: float | None, *, quick: bool) -> None:
    """Measure this machine: all goals, or what is named."""
    if quick and seconds is not None:
        raise click.UsageError("--quick and --seconds exclude each other")
    wanted = [each for each in BENCHES if (each.name in names if names else each.is_usual)]
    own_environment()
    screen = Screen(Console(stderr=True, highlight=False))
    report = measure(wanted, seconds or (QUICK_SECONDS if quick else SECONDS), screen)
    markdown, data = report.write(RESULTS)
    click.echo(report.markdown())
    screen.say(f"kept as {markdown} and {data}")
    if report.failures:
        sys.exit(1)


def own_environment() -> None:
    """Keep the developer's settings out, and let SIGTERM stop what was started, as Ctrl-C does."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def measure(wanted: list[Bench], seconds: float, screen: Screen) -> Report:
    """Run the benches one after another on servers of their own, with fsync as in production."""
    date = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    sections: list[Section] = []
    failures: dict[str, str] = {}
    with TemporaryDirectory(prefix="sentinel-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # servers that root starts run as somebody else, who must be able to pass through
        with running_servers(folder / "state", is_durable=True) as servers:
            machine = describe(servers, folder)
            context = Context(seconds, servers, folder, screen.say)
            for index, each in enumerate(wanted):
                with screen.watching(each.name, what_is_left(wanted[index:], len(wanted), seconds)):
                    try:
                        sections.append(run_one(each, context))
                    except Exception as error:  # noqa: BLE001 - the others still have something to tell
                        failures[each.name] = f"{type(error).__name__}: {error}"
                        screen.console.print_exception()
    command = " ".join(["python -m bench", *(each.name for each in wanted), f"--seconds {seconds:g}"])
    return Report(date, command, machine, tuple(sections), failures)


def what_is_left(left: list[Bench], count: int, seconds: float) -> str:
    """How far the run is, and roughly for how long it still goes on; starting and stopping takes its time anyhow."""
    minutes = sum(each.usual_seconds for each in left) * (0.4 + 0.6 * seconds / SECONDS) / 60
    estimate = f", about {minutes:.0f} minutes to go" if all(each.usual_seconds for each in left) else ""
    return f"{count - len(left) + 1} of {count}{estimate}"


def run_one(wanted: Bench, context: Context) -> Section:
    """Run one bench and note under which conditions."""
    load_average, begin = os.getloadavg()[0], time.monotonic()
    figures = wanted.run(context)
    return Section(wanted.name, wanted.question, figures, load_average, time.monotonic() - begin)


if __name__ == "__main__":
    try:
        bench()
    except SentinelError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
