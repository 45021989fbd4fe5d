"""`sentinel rotations`: who is on call, and who stands in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.notifications import until_moment
from sentinel.cli.output import print_facts, print_json, print_table, shown
from sentinel.durations import parse_seconds
from sentinel.models import Rotation
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries.named import Filter
from sentinel.schedules.rotation import Override
from sentinel.services.access.clients import OPERATOR
from sentinel.services.escalating import rotations as service
from sentinel.services.escalating.rotations import Written
from sentinel.services.unit_of_work import UnitOfWork

COLUMNS = ("client", "name", "members", "zone", "starts on", "handover", "shift days")
DAY_SECONDS = 24 * 3600
CLOCK = click.DateTime(["%H:%M"])
DAY = click.DateTime(["%Y-%m-%d"])

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")


def _days(_: click.Context, option: click.Parameter, value: str) -> int:
    try:
        days, rest = divmod(parse_seconds(value), DAY_SECONDS)
    except ValueError:
        days, rest = 0, 0
    if rest or not 0 < days <= service.LONGEST_SHIFT_DAYS:
        message = f"{value!r} is no number of days or weeks; write it like 1d or 2w"
        raise click.BadParameter(message, param=option)
    return days


@click.group(epilog="Example: sentinel rotations on-call primary")
def rotations() -> None:
    """Write, list and remove rotations, say who is on call, and let others stand in."""


@rotations.command("list", epilog="Example: sentinel rotations list --client shop")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool) -> None:
    """List rotations in the order they were made."""
    with operator_work() as uow:
        rows, following = service.ROTATIONS.page(uow, Filter(client_id(uow.session, client)), size=limit)
    if as_json:
        from sentinel.api.rotations import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner) for row, owner in rows])
    else:
        print_table(COLUMNS, [_line(row, owner) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@rotations.command(
    "set",
    epilog="Example: sentinel rotations set primary --member ann --member bob --zone Europe/Berlin --every 1w "
    "--starts-on 2026-11-30",
)
@click.argument("name")
@click.option("--member", "members", multiple=True, required=True, help="An endpoint's name; in the order of turns.")
@click.option("--zone", default="UTC", show_default=True, help="Whose clocks and calendar.")
@click.option("--every", "shift_days", default="1w", show_default=True, callback=_days, help="A turn: 1d, 2w.")
@click.option("--starts-on", required=True, type=DAY, help="The day on which the first member begins.")
@click.option("--handover", default="09:00", show_default=True, type=CLOCK, help="At what time of that place.")
@of_client
def set_command(*, client: str, name: str, starts_on: datetime, handover: datetime, **wanted: Any) -> None:
    """Make a rotation, or replace the one of that name. It holds from the next step on."""
    written = Written(name, starts_on=starts_on.date(), handover=handover.hour * 60 + handover.minute, **wanted)
    with operator_work() as uow:
        row = service.put(uow, _owner(uow, client), written)
    click.echo(f"{client}, {row.name}: {', '.join(row.members)}, version {row.version}.")


@rotations.command(epilog="Example: sentinel rotations remove primary --client shop")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when escalation policies tell it.")
@of_client
def remove(name: str, *, client: str, force: bool) -> None:
    """Remove a rotation, and who stands in."""
    with operator_work() as uow:
        service.delete(uow, _owner(uow, client), name, force=force)
    click.echo(f"{client}, {name}: removed.")


@rotations.command("on-call", epilog="Example: sentinel rotations on-call primary --at 2026-12-24T18:00:00Z")
@click.argument("name")
@click.option("--at", callback=until_moment, help="2d from now, or 2026-12-24T18:00:00Z. Default: now.")
@of_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def on_call(name: str, *, client: str, at: datetime | None, as_json: bool) -> None:
    """Say who is on call. Times are UTC."""
    with operator_work() as uow:
        duty = service.on_call(uow, _owner(uow, client), name, at or uow.now)
    if as_json:
        print_json(asdict(duty))
    else:
        print_facts(list(asdict(duty).items()))


@rotations.command(epilog="Example: sentinel rotations override primary --member bob --until 8h")
@click.argument("name")
@click.option("--member", required=True, help="Who stands in: an endpoint's name.")
@click.option("--from", "starts_at", callback=until_moment, help="As --until. Default: now.")
@click.option("--until", "ends_at", required=True, callback=until_moment, help="8h from now, or a time.")
@click.option("--by", default=OPERATOR, show_default=True, help="Who does it.")
@of_client
def override(name: str, *, client: str, member: str, starts_at: datetime | None, ends_at: datetime, by: str) -> None:
    """Let somebody stand in. Of several who do at once, the one named last counts."""
    with operator_work() as uow:
        wanted = Override(member, starts_at or uow.now, ends_at)
        row = service.override(uow, _owner(uow, client), name, wanted, by=by)
    back = (
        f"sentinel rotations remove-override {name} {row.id}{'' if client == DEFAULT_CLIENT else f' --client {client}'}"
    )
    times = f"from {shown(row.starts_at)} until {shown(row.ends_at)}"
    click.echo(f"{client}, {name}: override {row.id}: {row.member} stands in {times}; take it back with `{back}`.")


@rotations.command(epilog="Example: sentinel rotations overrides primary")
@click.argument("name")
@of_client
def overrides(name: str, *, client: str) -> None:
    """List who stands in, now or later. Times are UTC."""
    with operator_work() as uow:
        rows = service.overrides(uow, _owner(uow, client), name)
    print_table(
        ("id", "member", "starts", "ends", "by"),
        [
            (row.id, row.member, row.starts_at.astimezone(UTC), row.ends_at.astimezone(UTC), row.created_by)
            for row in rows
        ],
    )


@rotations.command("remove-override", epilog="Example: sentinel rotations remove-override primary 7")
@click.argument("name")
@click.argument("override_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@of_client
def remove_override(name: str, override_id: int, *, client: str) -> None:
    """Take back that somebody stands in."""
    with operator_work() as uow:
        service.delete_override(uow, _owner(uow, client), name, override_id)
    click.echo(f"{client}, {name}: override {override_id} is removed.")


def _owner(uow: UnitOfWork, name: str) -> int:
    return client_id(uow.session, name) or 0  # never 0: a name is found or refused


def _line(row: Rotation, client: str) -> tuple[object, ...]:
    handover = f"{row.handover // 60:02}:{row.handover % 60:02}"
    return (client, row.name, ", ".join(row.members), row.zone, row.starts_on, handover, row.shift_days)
