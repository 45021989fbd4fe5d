"""`sentinel suppressions`: addresses that are not written to, from and to files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, TextIO

import click

from sentinel.channels.masking import masked
from sentinel.channels.registry import CHANNELS
from sentinel.cli import suppression_files
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import harmless, print_json, print_table
from sentinel.cli.suppression_files import Line
from sentinel.models import Suppression
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.suppression import SuppressionReason
from sentinel.queries.suppressions import Filter
from sentinel.services import suppressions as service
from sentinel.services.access.clients import OPERATOR
from sentinel.services.editing import LARGEST_ID
from sentinel.services.suppressions import NewSuppression, Written

COLUMNS = ("id", "since", "client", "channel", "recipient", "reason", "by", "note", "lifted")
USUAL_LIMIT = 50
PART = 1000
"""Rows that are read or written at once."""

channel_choice = click.Choice(CHANNELS, case_sensitive=False)
reason_choice = click.Choice([reason.value for reason in SuppressionReason], case_sensitive=False)
of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")


@click.group(epilog="Example: sentinel suppressions list --reason opted_out")
def suppressions() -> None:
    """List, add, import and lift suppressed addresses, of all clients."""


@suppressions.command("list", epilog="Example: sentinel suppressions list --channel email --csv > suppressed.csv")
@click.option("--channel", type=channel_choice)
@click.option("--recipient", help="Exactly this one; with --channel, in any spelling.")
@click.option("--reason", type=reason_choice)
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--lifted", "has_lifted", is_flag=True, help="Also those that were lifted.")
@click.option("--limit", type=click.IntRange(1), help=f"At most so many. Default: {USUAL_LIMIT}; with --csv, all.")
@click.option("--show-recipients", is_flag=True, help="Print addresses in full.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--csv", "as_csv", is_flag=True, help="Write a file that `import` reads; addresses in full.")
def list_command(*, limit: int | None, show_recipients: bool, as_json: bool, as_csv: bool, **narrowed: Any) -> None:
    """List suppressions, newest first. Times are UTC."""
    wanted = _filter(**narrowed)
    if as_csv:
        suppression_files.write_names(sys.stdout)
        suppression_files.write(islice(_all(wanted), limit), sys.stdout)
        return
    size = limit or USUAL_LIMIT
    with operator_work() as uow:
        rows, following = service.page(uow, wanted, size=size)
    is_masked = not show_recipients
    if as_json:
        print_json([as_view(row, client, is_masked=is_masked) for row, client in rows])
        return
    print_table(COLUMNS, [_line(row, client, is_masked=is_masked) for row, client in rows])
    if following is not None:
        click.echo(f"There are more than these {size}; narrow the list, or raise --limit.", err=True)


@suppressions.command(
    epilog='Example: sentinel suppressions add --channel sms +14155552671 --note "asked by telephone"'
)
@click.argument("recipients", metavar="RECIPIENT...", nargs=-1, required=True)
@click.option("--channel", type=channel_choice, required=True)
@click.option("--reason", type=reason_choice, default=SuppressionReason.MANUAL.value, show_default=True)
@click.option("--note", help="Why, for those who read it later.")
@of_client
def add(*, recipients: tuple[str, ...], channel: str, reason: str, note: str | None, client: str) -> None:
    """Suppress addresses: all, or none if one cannot be."""
    wanted = [service.check(Written(channel, each, SuppressionReason(reason), note)) for each in recipients]
    new = _suppress(wanted, client)
    click.echo(f"Suppressed {new}; {len(wanted) - new} were already.")


@suppressions.command("import", epilog="Example: sentinel suppressions import suppressed.csv --client shop")
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"))
@of_client
def import_command(*, file: TextIO, client: str) -> None:
    """Suppress the addresses of a CSV file with the columns channel, recipient and, if you like, reason and note.

    Bad lines are named by their numbers, and all others are stored: then the exit code is 1, and the file may be
    imported again once it is mended. - is standard input.
    """
    done = new = refused = 0
    for part in _parts(suppression_files.read(file)):
        for line in part:
            if line.wanted is None:
                refused += 1
                click.echo(f"{file.name}:{line.number}: {harmless(line.problem)}", err=True)
        wanted = [line.wanted for line in part if line.wanted is not None]
        new += _suppress(wanted, client)
        done += len(wanted)
    click.echo(f"Suppressed {new}; {done - new} were already; {refused} lines were refused.")
    sys.exit(1 if refused else 0)


@suppressions.command(epilog="Example: sentinel suppressions lift 7 8 --by ann")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1, LARGEST_ID))
@click.option("--by", default=OPERATOR, show_default=True, help="Who does it.")
def lift(*, ids: tuple[int, ...], by: str) -> None:
    """Write to addresses again. All, or none if one cannot be. The history keeps them."""
    with operator_work() as uow:
        lifted = [service.lift(uow, each, client_id=None, by=by)[0] for each in dict.fromkeys(ids)]
    for row in lifted:
        click.echo(f"Suppression {row.id} is lifted.")
    for hint in dict.fromkeys(hint for row in lifted if (hint := service.hint_of(row))):
        click.echo(f"note: {hint}")


def _filter(*, client: str | None, recipient: str | None, channel: str | None, **exact: Any) -> Filter:
    if recipient is not None and channel is not None:
        recipient = service.check(Written(channel, recipient)).recipient
    with operator_work() as uow:
        return Filter(client_id(uow.session, client), channel, recipient, **exact)


def _all(wanted: Filter) -> Iterator[tuple[Suppression, str]]:
    following = None
    while True:
        with operator_work() as uow:
            rows, following = service.page(uow, replace(wanted, before=following), size=PART)
        yield from rows
        if following is None:
            return


def _suppress(wanted: Iterable[Written], client: str) -> int:
    with operator_work() as uow:
        owner = client_id(uow.session, client) or 0
        return service.suppress_many(
            uow,
            [
                NewSuppression(owner, each.channel, each.recipient, each.reason, OPERATOR, note=each.note)
                for each in wanted
            ],
        )


def _parts(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while part := list(islice(lines, PART)):
        yield part


def as_view(row: Suppression, client: str, *, is_masked: bool) -> dict[str, Any]:
    """A suppression as the API shows it, the recipient masked if asked."""
    from sentinel.api.suppressions import view  # noqa: PLC0415 - the other commands need no Flask

    facts = view(row, client)
    return facts | {"recipient": masked(row.recipient)} if is_masked else facts


def _line(row: Suppression, client: str, *, is_masked: bool) -> tuple[Any, ...]:
    recipient = masked(row.recipient) if is_masked else row.recipient
    facts = (row.id, row.created_at, client, row.channel, recipient, row.reason)
    return (*facts, row.source, row.note, row.lifted_at)
