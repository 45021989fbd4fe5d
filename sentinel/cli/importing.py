"""`sentinel import`: the configuration of another system, as endpoints and rules of a client."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, TextIO
from urllib.parse import urlsplit

import click

from sentinel.channels.masking import DOTS, masked_target
from sentinel.channels.registry import CHANNELS
from sentinel.cli.database import operator_work
from sentinel.cli.output import harmless, print_json
from sentinel.cli.rules import of_client, operator
from sentinel.errors import SentinelError
from sentinel.importing.configuration import Configuration
from sentinel.importing.plan import Plan
from sentinel.importing.planning import planned
from sentinel.importing.reading import read
from sentinel.importing.remarks import Remark
from sentinel.services import importing as service
from sentinel.services.importing import Change, Outcome

LONGEST_PREFIX = 40
WEB = ("http", "https")
COLOURS = {"+": "green", "-": "red"}


def _prefix(_: click.Context, __: click.Parameter, value: str) -> str:
    if not 0 < len(value) <= LONGEST_PREFIX or not value.isprintable() or value != value.strip():
        raise click.BadParameter(f"use 1 to {LONGEST_PREFIX} printable characters")
    return value


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an import is to be done."""

    dry_run: bool
    partial: bool
    prune: bool
    form: str


@click.command(epilog="Example: sentinel import alertmanager.yml --dry-run")
@click.argument("file", type=click.File(encoding="utf-8"))
@of_client
@click.option("--dry-run", is_flag=True, help="Only say what would change, and what cannot be carried over.")
@click.option("--partial", is_flag=True, help="Import the rest, although something cannot be carried over.")
@click.option("--prune", is_flag=True, help="Remove what an earlier import has made and this file does not have.")
@click.option(
    "--prefix",
    default="alertmanager",
    show_default=True,
    callback=_prefix,
    help="What the names of all that begin with.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def import_command(*, file: TextIO, client: str, prefix: str, **wishes: Any) -> None:
    """Make endpoints and rules of an Alertmanager configuration: all, or none if something cannot be carried over.

    Alerts then reach the same receivers. Imported things are told apart by their names, so that a second import changes
    what differs; everything else of the client stays as it is.
    """
    configuration, wanted = _read(file), Wishes(**wishes)
    with operator_work() as uow:
        caller = operator(uow, client)
        known = service.known_targets(uow, caller, prefix)
        plan = planned(configuration, prefix, now=uow.now, known=known)
        is_refused = bool(plan.losses) and not wanted.partial
        is_done = not (wanted.dry_run or is_refused)
        with nullcontext() if is_done else service.rehearsal(uow):
            outcome = service.carry_out(uow, caller, plan, prune=wanted.prune)
    if wanted.form == "json":
        print_json(_as_view(plan, outcome, is_done=is_done))
    else:
        _print(plan, outcome, is_done=is_done)
    if is_refused and not wanted.dry_run:
        raise SentinelError(
            f"what stands under 'Not carried over' ({len(plan.losses)}) would be lost, so nothing was written; "
            "change the file as is said above, or import the rest with --partial"
        )


def _read(file: TextIO) -> Configuration:
    try:
        return read(file.read(), file.name)
    except UnicodeDecodeError as error:
        raise SentinelError(f"{file.name}: is not UTF-8 text from byte {error.start} on") from None


def _as_view(plan: Plan, outcome: Outcome, *, is_done: bool) -> dict[str, Any]:
    return {
        "is_written": is_done,
        "is_ordered": plan.is_ordered,
        "changes": [_change_view(each) for each in outcome.changes],
        "unchanged": outcome.unchanged,
        "left": outcome.left,
        "kept": outcome.kept,
        "remarks": [asdict(each) for each in plan.remarks],
    }


def _print(plan: Plan, outcome: Outcome, *, is_done: bool) -> None:
    for each in outcome.changes:
        _print_change(each)
    _print_remarks("Not carried over:", plan.losses)
    _print_remarks("Carried over, but different:", [each for each in plan.remarks if not each.is_loss])
    if plan.is_ordered:
        click.echo("\nSome rules are right only after others: leave priorities below 0 to imported rules.")
    if outcome.left:
        click.echo("\nMade by an earlier import, and not in this file (--prune removes it):")
        _print_lines(outcome.left)
    if outcome.kept:
        click.echo("\nNot in this file, and kept:")
        _print_lines(f"{each}; change that, then import with --prune again" for each in outcome.kept)
    click.echo(_summary(outcome, is_done=is_done))


def _change_view(change: Change) -> dict[str, Any]:
    """A change without secrets, as scripts get it."""
    before, after = ([_masked(line) for line in lines] for lines in (change.before, change.after))
    return asdict(change) | {"before": before, "after": after, "is_secret_changed": _differs_in_secret(change)}


def _print_change(change: Change) -> None:
    before, after = (
        [f"{change.kind} {change.name}", *(f"    {_masked(line)}" for line in lines)] if lines else []
        for lines in (change.before, change.after)
    )
    if _differs_in_secret(change):
        after.append("    (its secret part differs)")
    for line in difflib.ndiff(before, after):
        if not line.startswith("?"):
            click.secho(harmless(line), fg=COLOURS.get(line[0]))


def _differs_in_secret(change: Change) -> bool:
    """Whether lines differ that look the same without their secrets."""
    before, after = set(change.before), set(change.after)
    return not {_masked(line) for line in before - after}.isdisjoint(_masked(line) for line in after - before)


def _masked(line: str) -> str:
    """A line without the secrets of an address: of a web page's its host is enough to know it by."""
    channel, _, address = line.partition(":")
    if "://" not in address or channel not in CHANNELS:
        return line
    url = urlsplit(address)
    return f"{channel}:{url.scheme}://{url.hostname}/{DOTS}" if url.scheme in WEB else masked_target(line)


def _print_remarks(title: str, remarks: Sequence[Remark]) -> None:
    if remarks:
        click.echo(f"\n{title}")
        _print_lines(map(str, remarks))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(harmless(f"  {line}"))


def _summary(outcome: Outcome, *, is_done: bool) -> str:
    counts = {
        "new": sum(not each.before for each in outcome.changes),
        "changed": sum(bool(each.before and each.after) for each in outcome.changes),
        "deleted": sum(not each.after for each in outcome.changes),
        "unchanged": outcome.unchanged,
    }
    text = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    return f"\n{text}." if is_done else f"\n{text}. Nothing was written."
