"""`sentinel inhibitions`: which alerts keep messages about others back while they fire."""

from __future__ import annotations

from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.keys import short_name
from sentinel.cli.matchers import read_matchers
from sentinel.cli.output import print_json, print_table
from sentinel.models import Inhibition
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries.inhibitions import Filter
from sentinel.rules.matchers import Matcher
from sentinel.services.muting import inhibitions as service
from sentinel.services.muting.inhibitions import Written
from sentinel.services.muting.matchers import read_all, written

COLUMNS = ("name", "client", "source", "target", "equal", "updated")
USUAL_LIMIT = 200

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")


@click.group(epilog="Example: sentinel inhibitions list --client shop")
def inhibitions() -> None:
    """Set, list and remove inhibitions: while one alert fires, nothing is told of others."""


@inhibitions.command("list", epilog="Example: sentinel inhibitions list --client shop --json")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=USUAL_LIMIT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool) -> None:
    """List inhibitions by name. Times are UTC."""
    with operator_work() as uow:
        rows, following = service.page(uow, Filter(client_id(uow.session, client)), size=limit)
    if as_json:
        from sentinel.api.inhibitions import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner) for row, owner in rows])
    else:
        print_table(COLUMNS, [_line(row, owner) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@inhibitions.command(
    "set",
    epilog="Example: sentinel inhibitions set node-down --source alertname=NodeDown --target severity=warning "
    "--equal instance",
)
@click.argument("name", callback=short_name)
@click.option(
    "--source", multiple=True, required=True, callback=read_matchers, help="A matcher of alerts that inhibit."
)
@click.option("--target", multiple=True, required=True, callback=read_matchers, help="A matcher of what is inhibited.")
@click.option("--equal", multiple=True, help="A label that both must have alike, or both lack.")
@of_client
def set_command(
    *,
    name: str,
    source: tuple[Matcher, ...],
    target: tuple[Matcher, ...],
    equal: tuple[str, ...],
    client: str,
) -> None:
    """Set the inhibition of a name. While an alert fires that all --source match, nothing is told of --target."""
    with operator_work() as uow:
        service.put(uow, client_id(uow.session, client) or 0, Written(name, source, target, equal))
    click.echo(f"{client}, {name}: set. It holds from the next batch of events on.")


@inhibitions.command(epilog="Example: sentinel inhibitions remove node-down")
@click.argument("name")
@of_client
def remove(name: str, *, client: str) -> None:
    """Remove an inhibition. What it held back stays so; what comes now is told."""
    with operator_work() as uow:
        service.remove(uow, client_id(uow.session, client) or 0, name)
    click.echo(f"{client}, {name}: removed.")


def _line(row: Inhibition, owner: str) -> tuple[Any, ...]:
    sides = (written(read_all(row.source)), written(read_all(row.target)))
    return (row.name, owner, *sides, ", ".join(row.equal), row.updated_at)
