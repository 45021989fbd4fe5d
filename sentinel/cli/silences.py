"""`sentinel silences`: what clients do not want to hear of for a while."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.notifications import until_moment
from sentinel.cli.output import print_json, print_table
from sentinel.models import Silence
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.silence import SilenceState
from sentinel.queries.silences import Filter
from sentinel.rules.matchers import Matcher, parse
from sentinel.services import silences as service
from sentinel.services.access.clients import OPERATOR
from sentinel.services.silences import MATCHER_REMEDY, Wanted

COLUMNS = ("id", "state", "client", "matchers", "starts", "ends", "by", "comment")


@click.group(epilog="Example: sentinel silences list --state active")
def silences() -> None:
    """List, add and expire silences, of all clients."""


@silences.command("list", epilog="Example: sentinel silences list --state active --client shop")
@click.option("--state", type=click.Choice([state.value for state in SilenceState], case_sensitive=False))
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, state: str | None, client: str | None, limit: int, as_json: bool) -> None:
    """List silences, newest first. Times are UTC."""
    with operator_work() as uow:
        wanted = Filter(client_id(uow.session, client), SilenceState(state) if state else None)
        rows, following = service.page(uow, wanted, size=limit)
    if as_json:
        from sentinel.api.silences import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner, now=uow.now) for row, owner in rows])
        return
    print_table(COLUMNS, [_line(row, owner, now=uow.now) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


def _matchers(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Matcher, ...]:
    try:
        return tuple(map(parse, values))
    except ValueError as error:
        raise click.BadParameter(f"{error}; {MATCHER_REMEDY}") from None


@silences.command(
    epilog='Example: sentinel silences add alertname=DiskFull \'instance=~"db-.*"\' --until 2h --comment "new disks"'
)
@click.argument("matchers", metavar="MATCHER...", nargs=-1, required=True, callback=_matchers)
@click.option("--until", "ends_at", required=True, callback=until_moment, help="2h, 1d, or 2026-11-20T18:00:00Z.")
@click.option("--from", "starts_at", callback=until_moment, help="As --until. Default: now.")
@click.option("--comment", default="", help="Why, for those who read it later.")
@click.option("--by", "created_by", default=OPERATOR, show_default=True, help="Who does it.")
@click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")
def add(*, client: str, **wanted: Any) -> None:
    """Be quiet about events that all matchers match; tickets still open. Prints the id of the silence."""
    with operator_work() as uow:
        owner = client_id(uow.session, client) or 0
        row = service.add(uow, owner, Wanted(**wanted))
    click.echo(row.id)


@silences.command(epilog="Example: sentinel silences expire 0199f0c2-7c1e-7e4b-9d55-0242ac120002")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def expire(*, ids: tuple[str, ...]) -> None:
    """End silences now. All, or none if one cannot be. The history keeps them."""
    with operator_work() as uow:
        for each in dict.fromkeys(ids):
            service.expire(uow, each, client_id=None)
    for each in dict.fromkeys(ids):
        click.echo(f"Silence {each} is over.")


def _line(row: Silence, owner: str, *, now: datetime) -> tuple[Any, ...]:
    matchers = ", ".join(str(service.read(each)) for each in row.matchers)
    return (row.id, row.state(now), owner, matchers, row.starts_at, row.ends_at, row.created_by, row.comment)
