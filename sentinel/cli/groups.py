"""`sentinel groups`: messages that wait to be told together."""

from __future__ import annotations

from typing import Any

import click

from sentinel.channels.masking import masked
from sentinel.channels.registry import CHANNELS
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.models.group import GroupKind
from sentinel.queries.group_lists import Filter
from sentinel.services.holding import groups as service
from sentinel.services.holding.groups import SeenGroup

COLUMNS = ("id", "kind", "client", "target", "labels", "firing", "held", "next", "told")


@click.group(epilog="Example: sentinel groups list --client shop")
def groups() -> None:
    """List groups of messages, tell them before their time, or forget them."""


@groups.command("list", epilog="Example: sentinel groups list --client shop --channel slack")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--kind", type=click.Choice([kind.value for kind in GroupKind], case_sensitive=False))
@click.option("--channel", type=click.Choice(CHANNELS, case_sensitive=False))
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool, **wanted: Any) -> None:
    """List the groups that have something to say, or may have it again, newest first. Times are UTC.

    Recipients are masked; JSON has them whole.
    """
    with operator_work() as uow:
        rows, following = service.page(uow, Filter(client_id(uow.session, client), **wanted), size=limit)
    if as_json:
        from sentinel.api.groups import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(each) for each in rows])
        return
    print_table(COLUMNS, [_line(each) for each in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@groups.command(epilog="Example: sentinel groups flush 0199f0c2-7c1e-7e4b-9d55-0242ac120002")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def flush(*, ids: tuple[str, ...]) -> None:
    """Tell groups now, whatever they wait for. All, or none if one is not there."""
    with operator_work() as uow:
        told = {each: service.flush_now(uow, each, client_id=None) for each in dict.fromkeys(ids)}
    for group_id, notification_id in told.items():
        said = f"is told by {notification_id}" if notification_id else "had nothing to say"
        click.echo(f"Group {group_id} {said}.")


@groups.command(epilog="Example: sentinel groups drop 0199f0c2-7c1e-7e4b-9d55-0242ac120002")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def drop(*, ids: tuple[str, ...]) -> None:
    """Forget groups: what they hold is cancelled, and nothing is repeated. All, or none if one is not there."""
    with operator_work() as uow:
        cancelled = {each: service.drop(uow, each, client_id=None) for each in dict.fromkeys(ids)}
    for group_id, number in cancelled.items():
        click.echo(f"Group {group_id} is forgotten; messages cancelled: {number}.")


def _line(seen: SeenGroup) -> tuple[Any, ...]:
    group = seen.group
    labels = ", ".join(f"{name}={value}" for name, value in group.labels.items())
    target = f"{group.channel}:{masked(group.recipient)}"
    times = (group.next_flush_at, group.last_told_at)
    return (group.id, group.kind, seen.client, target, labels, seen.counts.firing, seen.counts.held, *times)
