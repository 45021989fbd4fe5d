"""`sentinel drills`: whether people are reached, tried before the incident."""

from __future__ import annotations

from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.json_options import json_value
from sentinel.cli.output import print_json, print_table
from sentinel.durations import written
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.access import clients
from sentinel.services.proving import drill_runs
from sentinel.services.proving import drills as service
from sentinel.services.proving.drills import USUAL_WITHIN, Written

COLUMNS = ("name", "client", "targets", "next", "within", "failing")
RUN_COLUMNS = ("started", "by", "status", "reached", "not reached")
USUAL_LIMIT = 200

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@click.group(epilog="Example: sentinel drills run monday --client shop")
def drills() -> None:
    """Define drills, hold one now, see who was reached."""


@drills.command("list", epilog="Example: sentinel drills list --client shop")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=USUAL_LIMIT, show_default=True)
@as_json_option
def list_command(*, client: str | None, limit: int, as_json: bool) -> None:
    """List drills by name. Times are UTC."""
    with operator_work() as uow:
        rows, following = service.page(uow, client_id(uow.session, client), after=None, size=limit)
    if as_json:
        from sentinel.api.drills import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner) for row, owner in rows])
        return
    lines = [
        (row.name, owner, ", ".join(row.targets), row.next_at, written(row.within_seconds), row.is_failing)
        for row, owner in rows
    ]
    print_table(COLUMNS, lines)
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@drills.command("set", epilog="Example: sentinel drills set monday on-call boss --within 600")
@click.argument("name")
@click.argument("targets", metavar="ENDPOINT...", nargs=-1, required=True)
@of_client
@click.option(
    "--schedule",
    callback=json_value,
    help='When, as JSON: {"zone": "Europe/Berlin", "intervals": [{"weekdays": ["monday"], "times": ["10:00-11:00"]}]}.',
)
@click.option("--text", help="What its messages say.")
@click.option("--within", "within_seconds", type=click.IntRange(1), default=USUAL_WITHIN, show_default=True)
@click.option("--severity", type=click.Choice(SEVERITIES), default="high", show_default=True)
def set_command(name: str, *, client: str, **wanted: Any) -> None:
    """Define a drill: who is to be reached, and when that is tried."""
    with operator_work() as uow:
        found = service.put(uow, client_id(uow.session, client) or 0, name, Written(**wanted))
    when = f"{found.next_at:%Y-%m-%d %H:%M:%SZ}" if found.next_at else f"when you say `sentinel drills run {name}`"
    click.echo(f"{name} is held next: {when}.")


@drills.command(epilog="Example: sentinel drills run monday --client shop")
@click.argument("name")
@of_client
def run(name: str, *, client: str) -> None:
    """Hold a drill now."""
    with operator_work() as uow:
        begun = drill_runs.run_now(uow, clients.active_caller(uow, client), name)
        due_at, count = begun.due_at, len(begun.results)
    click.echo(f"{count} targets are told; it is judged at {due_at:%H:%M:%SZ}: `sentinel drills history {name}`.")


@drills.command(epilog="Example: sentinel drills history monday --client shop")
@click.argument("name")
@of_client
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@as_json_option
def history(name: str, *, client: str, limit: int, as_json: bool) -> None:
    """Show the runs of a drill, newest first. Times are UTC."""
    with operator_work() as uow:
        rows, _ = drill_runs.history(uow, client_id(uow.session, client) or 0, name, before=None, size=limit)
    if as_json:
        from sentinel.api.drills import run_view  # noqa: PLC0415 - the other commands need no Flask

        print_json([run_view(row, name, client) for row in rows])
        return
    print_table(RUN_COLUMNS, [_line(row) for row in rows])


def _line(run: Any) -> tuple[Any, ...]:
    reached = [each["target"] for each in run.results if each["is_reached"]]
    others = [
        f"{each['target']} ({each['reason'] or each['status']})" for each in run.results if not each["is_reached"]
    ]
    told = ", ".join(others) if run.finished_at else "under way"
    return (run.started_at, run.started_by, run.status, ", ".join(reached), told)


@drills.command(epilog="Example: sentinel drills remove monday --client shop")
@click.argument("name")
@of_client
def remove(name: str, *, client: str) -> None:
    """Remove a drill with its history."""
    with operator_work() as uow:
        service.delete(uow, client_id(uow.session, client) or 0, name)
    click.echo(f"{name} is removed.")
