"""`sentinel tickets`: what is open, who takes it, and what happened to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.notifications import moment, until_moment
from sentinel.cli.output import print_json, print_table
from sentinel.models.ticket import SOURCES, TicketStatus
from sentinel.queries.tickets import Shown, TicketFilter
from sentinel.rules.syntax import SEVERITIES
from sentinel.services import tickets as service
from sentinel.services.access.clients import OPERATOR
from sentinel.services.tickets import By

COLUMNS = ("id", "opened", "client", "severity", "title", "device", "events", "status", "by", "escalation")
UNRESOLVED = tuple(status.value for status in SOURCES[TicketStatus.RESOLVED])
LONGEST_BY = 100
HOW = "command line"


@click.group(epilog="Example: sentinel tickets list --severity critical")
def tickets() -> None:
    """List, acknowledge, snooze and resolve tickets, of all clients."""


@tickets.command("list", epilog="Example: sentinel tickets list --severity critical --since 1d")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in TicketStatus], case_sensitive=False),
    default=sorted(UNRESOLVED, reverse=True),
    show_default=True,
    help="May be repeated.",
)
@click.option("--severity", type=click.Choice(SEVERITIES, case_sensitive=False))
@click.option("--device", "device_id", help="Only this device's.")
@click.option("--since", callback=moment, help="Opened since: 90s, 5m, 1h, 2d, or 2026-11-20T18:00:00Z.")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool, since: datetime | None, **narrowed: Any) -> None:
    """List tickets, newest first. Times are UTC."""
    with operator_work() as uow:
        wanted = TicketFilter(client_id=client_id(uow.session, client), since=since, **narrowed)
        rows, following = service.page(uow, wanted, size=limit)
    if as_json:
        from sentinel.api.tickets import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row) for row in rows])
        return
    print_table(COLUMNS, [_line(row) for row in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


def taking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the options of `acknowledge`, `snooze` and `resolve`."""
    by = click.option("--by", default=OPERATOR, show_default=True, callback=_who, help="Who does it.")
    note = click.option("--note", help="Why, for those who read the timeline later.")
    ids = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1, service.LARGEST_ID))
    return ids(by(note(command)))


def _who(_: click.Context, __: click.Parameter, value: str) -> str:
    who = value.strip()
    if not who or len(who) > LONGEST_BY or not who.isprintable():
        message = f"{value[:LONGEST_BY]!r} cannot be a name; use 1 to {LONGEST_BY} printable characters"
        raise click.BadParameter(message, param_hint="--by")
    return who


@tickets.command(epilog="Example: sentinel tickets acknowledge 7 8 --by ann")
@taking
def acknowledge(ids: tuple[int, ...], by: str, note: str | None) -> None:
    """Acknowledge open tickets: somebody looks after them. All, or none if one cannot be."""
    _move(ids, TicketStatus.ACKNOWLEDGED, By(by, HOW, note))


@tickets.command(epilog="Example: sentinel tickets resolve 7 8 --by ann")
@taking
def resolve(ids: tuple[int, ...], by: str, note: str | None) -> None:
    """Resolve tickets: the next event opens a new one. All, or none if one cannot be."""
    _move(ids, TicketStatus.RESOLVED, By(by, HOW, note))


@tickets.command(epilog="Example: sentinel tickets snooze 7 8 --for 2h --by ann")
@click.option("--for", "until", required=True, callback=until_moment, help="30m, 2h, 1d, or 2026-11-20T18:00:00Z.")
@taking
def snooze(ids: tuple[int, ...], by: str, note: str | None, until: datetime) -> None:
    """Let the escalation of open tickets rest; then it goes on. All, or none if one cannot be."""
    wanted = dict.fromkeys(ids)
    with operator_work() as uow:
        for ticket_id in wanted:
            service.snooze(uow, ticket_id, until, client_id=None, by=By(by, HOW, note))
    for ticket_id in wanted:
        click.echo(f"Ticket {ticket_id} is snoozed until {until:%Y-%m-%d %H:%M:%SZ} by {by}.")


@tickets.command(epilog="Example: sentinel tickets timeline 7")
@click.argument("ticket_id", metavar="ID", type=click.IntRange(1, service.LARGEST_ID))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def timeline(ticket_id: int, *, as_json: bool) -> None:
    """Tell what happened to a ticket: whom each step told, who took it, what ended it. Times are UTC."""
    with operator_work() as uow:
        items = service.timeline(uow, ticket_id, client_id=None)
    if as_json:
        print_json([asdict(each) for each in items])
        return
    print_table(("at", "event", "detail"), [(each.at, each.event, _in_words(each.detail)) for each in items])


def _in_words(detail: dict[str, Any]) -> str:
    """One line: `step 1, round 1: ann SENT; nobody behind endpoint:bob (no_endpoint)`."""
    told = [f"{each['who']} {each.get('status') or 'deleted'}" for each in detail.get("told", ())]
    told += [f"nobody behind {each['target']} ({each['reason']})" for each in detail.get("missing", ())]
    plain = [f"{name} {value}" for name, value in detail.items() if name not in ("told", "missing")]
    return ": ".join(part for part in (", ".join(plain), "; ".join(told)) if part)


def _move(ids: tuple[int, ...], status: TicketStatus, by: By) -> None:
    wanted = dict.fromkeys(ids)
    with operator_work() as uow:
        for ticket_id in wanted:
            service.move(uow, ticket_id, status, client_id=None, by=by)
    for ticket_id in wanted:
        click.echo(f"Ticket {ticket_id} is {status} by {by.who}.")


def _line(shown: Shown) -> tuple[Any, ...]:
    row, escalation = shown.ticket, shown.escalation
    who = row.resolved_by or row.acknowledged_by
    how_far = escalation and f"{escalation.policy}: {escalation.state}"
    facts = (row.id, row.created_at, shown.client, row.severity, row.title, row.device_id, row.events, row.status, who)
    return (*facts, how_far)
