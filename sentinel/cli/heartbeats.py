"""`sentinel heartbeats`: signals that others should send again and again."""

from __future__ import annotations

from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.json_options import json_value
from sentinel.cli.output import print_facts, print_json, print_table
from sentinel.durations import parse_seconds
from sentinel.models import Heartbeat
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.heartbeat import HeartbeatState
from sentinel.queries.heartbeats import Filter, Signal
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.access import clients
from sentinel.services.proving import heartbeats as service
from sentinel.services.proving import signals
from sentinel.services.proving.heartbeats import USUAL_GRACE, Written

COLUMNS = ("name", "client", "state", "last seen", "next expected", "every", "grace", "severity", "message")
USUAL_LIMIT = 200

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")


class Length(click.ParamType[int]):
    """A length of time, of so many seconds at least: 90s, 5m, 1h, or a number of seconds."""

    name = "length of time"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        text = str(value)
        try:
            seconds = parse_seconds(f"{text}s" if text.isdecimal() else text)
        except ValueError as error:
            self.fail(f"{error}; write it like 90s, 5m, 1h or 1d", param, ctx)
        if seconds < self.least:
            self.fail(f"{text!r} is shorter than {self.least}s", param, ctx)
        return seconds


@click.group(epilog="Example: sentinel heartbeats set nightly-backup --every 1d --grace 1h --client shop")
def heartbeats() -> None:
    """Define heartbeats, see how they stand, signal one by hand."""


@heartbeats.command("list", epilog="Example: sentinel heartbeats list --state down")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--state", type=click.Choice([each.value for each in HeartbeatState], case_sensitive=False))
@click.option("--limit", type=click.IntRange(1, 10_000), default=USUAL_LIMIT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List heartbeats by name. Times are UTC."""
    with operator_work() as uow:
        wanted = Filter(client_id(uow.session, client), HeartbeatState(state) if state else None)
        rows, following = service.page(uow, wanted, size=limit)
    if as_json:
        from sentinel.api.heartbeats import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner, now=uow.now, is_sender=True) for row, owner in rows])
        return
    print_table(COLUMNS, [(row.name, owner, row.state(uow.now), *_facts(row)) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


def _facts(row: Heartbeat) -> tuple[Any, ...]:
    return (
        row.last_seen_at,
        row.expected_at,
        row.every_seconds or "in windows",
        row.grace_seconds,
        row.severity,
        row.last_message,
    )


def _labels(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in values]
    if not all(name and sign for name, sign, _ in pairs):
        raise click.BadParameter("write it like team=payments", param=option)
    return {name: text for name, _, text in pairs}


@heartbeats.command("set", epilog="Example: sentinel heartbeats set nightly-backup --every 1d --grace 1h")
@click.argument("name")
@of_client
@click.option(
    "--every", "every_seconds", type=Length(5), metavar="TIME", help="From one signal to the next: 90s, 1h, 1d."
)
@click.option(
    "--schedule",
    callback=json_value,
    help='Windows, as JSON: {"zone": "Europe/Berlin", "intervals": [{"times": ["02:00-04:00"]}]}.',
)
@click.option("--grace", "grace_seconds", type=Length(0), metavar="TIME", default=f"{USUAL_GRACE}s", show_default=True)
@click.option("--severity", type=click.Choice(SEVERITIES), default="high", show_default=True)
@click.option("--label", "labels", multiple=True, callback=_labels, help="team=payments; any number of times.")
def set_command(name: str, *, client: str, **wanted: Any) -> None:
    """Define a heartbeat, and print the address to which a sender without a key signals."""
    with operator_work() as uow:
        found = service.put(uow, client_id(uow.session, client) or 0, name, Written(**wanted))
        facts = [("name", found.name), ("expected", found.expected_at), ("address", service.address_of(found.id))]
    print_facts(facts)


@heartbeats.command("signal", epilog='Example: sentinel heartbeats signal nightly-backup --fail "disk full"')
@click.argument("name")
@of_client
@click.option("--fail", "failure", help="What went wrong.")
def signal_command(name: str, *, client: str, failure: str | None) -> None:
    """Signal that a heartbeat's sender is well, or that it failed."""
    said = Signal(failure is not None, signals.message_of(failure))
    with operator_work() as uow:
        heard = signals.take(uow, client_id(uow.session, client) or 0, name, said)
    click.echo(f"{name} is {heard.state}.")


@heartbeats.command(epilog="Example: sentinel heartbeats pause nightly-backup --client shop")
@click.argument("name")
@of_client
def pause(name: str, *, client: str) -> None:
    """Wait for a heartbeat no longer. One that is down is resolved."""
    with operator_work() as uow:
        service.pause(uow, clients.active_caller(uow, client), name, is_paused=True)
    click.echo(f"{name} is paused; `sentinel heartbeats resume {name}` waits for it again.")


@heartbeats.command(epilog="Example: sentinel heartbeats resume nightly-backup --client shop")
@click.argument("name")
@of_client
def resume(name: str, *, client: str) -> None:
    """Wait for a heartbeat again, from now on."""
    with operator_work() as uow:
        found = service.pause(uow, clients.active_caller(uow, client), name, is_paused=False)
    click.echo(f"{name} is expected by {found.expected_at:%Y-%m-%d %H:%M:%SZ}." if found.expected_at else name)


@heartbeats.command(epilog="Example: sentinel heartbeats remove nightly-backup --client shop")
@click.argument("name")
@of_client
def remove(name: str, *, client: str) -> None:
    """Remove a heartbeat. One that is down is resolved."""
    with operator_work() as uow:
        service.delete(uow, clients.active_caller(uow, client), name)
    click.echo(f"{name} is removed.")
