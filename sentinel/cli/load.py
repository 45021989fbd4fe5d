"""`sentinel load`: offer made-up events to a running Sentinel, and see how it takes them."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import click
import orjson
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sentinel.cli.output import get_console, print_facts
from sentinel.embedded.ports import url_of
from sentinel.errors import FieldError, InvalidInputError
from sentinel.load import made_up
from sentinel.load.made_up import LARGEST_SEED, AlertMix, fresh_label
from sentinel.load.plan import LARGEST_BATCH, PATIENCE_SECONDS, Plan, fitting_batch
from sentinel.load.sender import Target, offer
from sentinel.load.shares import Shares, read_shares
from sentinel.load.tally import PERCENTILES, Tally, percentile
from sentinel.settings import get_settings, is_loopback

SECONDS = 10.0
"""How long a load lasts when neither --duration nor --count says so."""

REDRAW_SECONDS = 0.2
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def _shares(name: str) -> Callable[..., Shares | None]:
    def read(_: click.Context, __: click.Parameter, value: str | None) -> Shares | None:
        return None if value is None else read_shares(name, value)

    return read


OPTIONS = (
    click.option("--rate", type=click.FloatRange(0), default=100, show_default=True, help="Events a second; 0: all."),
    click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds. Default: 10, if no --count."),
    click.option("--count", type=click.IntRange(1), help="At most so many events."),
    click.option("--burst", type=click.IntRange(1), default=1, show_default=True, help="So many fall due together."),
    click.option("--batch", type=click.IntRange(1, LARGEST_BATCH), help="Most events in a request. Default: by rate."),
    click.option("--connections", type=click.IntRange(1, 256), default=8, show_default=True, help="Requests at once."),
    click.option("--seed", type=click.IntRange(0, LARGEST_SEED), help="The same seed makes the same events."),
    click.option("--fresh-ids", is_flag=True, help="New ids, so that nothing is a duplicate of an earlier run."),
    click.option("--url", help="Where the API is. Default: the one of the settings."),
    click.option("--key", help="API key; none in open mode."),
    click.option("--dry-run", is_flag=True, help="Print the events, one a line, and send nothing."),
    click.option("--yes", is_flag=True, help="Send load to another machine."),
)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


class _Jobs(click.Group):
    """Commands of a module of its own: those that make load know no database."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        del ctx
        return ["list", "show", "stop"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import them."""
        from sentinel.cli.load_jobs import COMMANDS  # noqa: PLC0415

        del ctx
        return COMMANDS.get(cmd_name)


@click.group(epilog="Example: sentinel load alerts --rate 200 --duration 30 --seed 7")
def load() -> None:
    """Offer made-up events to a running Sentinel."""


@load.command(
    epilog="Example: sentinel load alerts --rate 200 --burst 10 --severity HIGH:70,LOW:30 --source api:50,db:50"
)
@click.option("--severity", callback=_shares("--severity"), help="Percentages that add up to 100, as HIGH:70,LOW:30.")
@click.option("--source", callback=_shares("--source"), help="As --severity. Default: eight sources, all alike.")
@click.option("--name", callback=_shares("--name"), help="As --severity. Default: nine names, all alike.")
@_with_options
def alerts(severity: Shares | None, source: Shares | None, name: Shares | None, **options: Any) -> None:
    """Send alerts: alert_id, severity, source, name, context."""
    mix = AlertMix(
        severity=severity or made_up.SEVERITIES, source=source or made_up.SOURCES, name=name or made_up.NAMES
    )
    _carry_out("alert", lambda seed, label: made_up.alerts(seed, label, mix), options)


@load.command(epilog="Example: sentinel load devices --rate 500 --count 10000 --seed 1")
@_with_options
def devices(**options: Any) -> None:
    """Send reports of devices: device_id, status, temperature, region.

    By the rules of the pack device_health about 20 % are critical, 23 % high, 31 % medium, 26 % nothing.
    """
    _carry_out("device", made_up.devices, options)


@load.command(epilog="Example: sentinel load resume 0198b2f4-… --lease 9c1d…")
@click.argument("load_test_id")
@click.option("--lease", "lease_id", required=True, help="The lease that the sweep has written into its row.")
def resume(load_test_id: str, lease_id: str) -> None:
    """Carry out a load test of the console; the sweep of load tests starts this."""
    from sentinel.queries.load_tests import Turn  # noqa: PLC0415 - the others know no database
    from sentinel.services.loading import running  # noqa: PLC0415

    running.resume(Turn(load_test_id, lease_id))


@load.group(cls=_Jobs, epilog="Example: sentinel load jobs list --client shop")
def jobs() -> None:
    """See and stop the load tests that were begun on the console."""


def _carry_out(kind: str, make: Callable[[int, str], Iterable[dict[str, Any]]], options: dict[str, Any]) -> None:
    seed = random.randrange(LARGEST_SEED) if options["seed"] is None else options["seed"]  # noqa: S311
    label = fresh_label(kind, seed) if options["fresh_ids"] else f"{kind}-{seed}"
    events, plan = make(seed, label), _plan(options)
    if options["dry_run"]:
        _print_events(events, plan)
        return
    target = _target(options)
    click.echo(f"seed {seed}, to {target.url}", err=True)
    _send(events, plan, target)


def _plan(options: dict[str, Any]) -> Plan:
    rate, count, seconds = options["rate"] or None, options["count"], options["duration"]
    return Plan(
        rate=rate,
        seconds=SECONDS if seconds is None and count is None else seconds,
        count=count,
        burst=options["burst"],
        batch=options["batch"] or fitting_batch(rate),
        connections=options["connections"],
        patience_seconds=PATIENCE_SECONDS,
    )


def _target(options: dict[str, Any]) -> Target:
    settings = get_settings()
    url = (options["url"] or url_of(settings.api_host, settings.api_port)).rstrip("/")
    host = urlsplit(url).hostname
    if not host or not url.startswith(("http://", "https://")):
        raise InvalidInputError(
            FieldError("--url", url, f'"{url}" is no address', "http://127.0.0.1:8000, for example")
        )
    if not is_loopback(host) and not options["yes"]:
        remedy = "add --yes if that machine is yours to burden"
        raise InvalidInputError(FieldError("--url", url, f"{host} is another machine", remedy))
    return Target(url, options["key"])


def _print_events(events: Iterable[dict[str, Any]], plan: Plan) -> None:
    if plan.total is None:
        raise InvalidInputError(FieldError("--count", None, "is missing", "say how many events are to be printed"))
    for each in islice(events, plan.total):
        click.echo(orjson.dumps(each).decode())


def _send(events: Iterable[dict[str, Any]], plan: Plan, target: Target) -> None:
    tally = Tally()
    is_interrupted = False
    try:
        asyncio.run(_watched(events, plan, target, tally))
    except KeyboardInterrupt:
        is_interrupted = True
    finally:
        if tally.answered:
            _print_summary(tally)
    if is_interrupted:
        sys.exit(INTERRUPTED)
    if tally.problem is not None:
        click.secho(f"error: {tally.problem}", fg="red", err=True)
        sys.exit(1)


async def _watched(events: Iterable[dict[str, Any]], plan: Plan, target: Target, tally: Tally) -> None:
    words = TextColumn(
        "{task.fields[rate]:.0f}/s  accepted {task.fields[accepted]}  duplicates {task.fields[duplicates]}"
    )
    errors = TextColumn("errors {task.fields[errors]}")
    columns = (BarColumn(), TextColumn("{task.completed}"), TimeElapsedColumn(), words, errors)
    with Progress(*columns, console=get_console(), transient=True, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("load", total=plan.total, **_fields(tally))
        drawing = asyncio.create_task(_redraw(progress, bar, tally))
        try:
            await offer(events, plan, target, tally)
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing


async def _redraw(progress: Progress, bar: TaskID, tally: Tally) -> None:
    while True:
        progress.update(bar, completed=tally.answered, **_fields(tally))
        await asyncio.sleep(REDRAW_SECONDS)


def _fields(tally: Tally) -> dict[str, Any]:
    errors = tally.refused + tally.failed
    return {"rate": tally.rate, "accepted": tally.accepted, "duplicates": tally.duplicates, "errors": errors}


def _print_summary(tally: Tally) -> None:
    times = sorted(tally.answer_ms)
    latencies = [(f"answer p{each} ms", _ms(percentile(times, each))) for each in PERCENTILES]
    facts: list[tuple[str, Any]] = [
        ("seconds", f"{tally.seconds:.1f}"),
        ("events/s", f"{tally.rate:.1f}"),
        ("accepted", tally.accepted),
        ("duplicates", tally.duplicates),
        ("refused", tally.refused),
        ("failed", tally.failed),
        ("put off", tally.waits),
        *latencies,
    ]
    print_facts(facts)


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"
