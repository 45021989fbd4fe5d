"""`sentinel silences`: what clients do not want to hear of for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.matchers import read_matchers
from sentinel.cli.notifications import until_moment
from sentinel.cli.output import print_facts, print_json, print_table
from sentinel.durations import parse_seconds
from sentinel.models import Silence
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.models.silence import SilenceState
from sentinel.queries.silences import Filter
from sentinel.rules.matchers import Matcher
from sentinel.schedules.lines import read_lines
from sentinel.services.access.clients import OPERATOR
from sentinel.services.muting import previews
from sentinel.services.muting import silences as service
from sentinel.services.muting.holding import quiet_times
from sentinel.services.muting.matchers import read_all, written
from sentinel.services.muting.previews import LONGEST_HOURS, USUAL_HOURS, Asked, Preview
from sentinel.services.muting.silence_checks import Manners, Wanted, check

COLUMNS = ("id", "state", "quiet now", "client", "matchers", "starts", "ends", "held back", "ended", "by", "comment")
MANNERS = ("ends_when_resolved", "ends_after_quiet_seconds", "remind", "remind_before_seconds")
ALERT_COLUMNS = ("alert", "severity", "since", "name")


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


def _seconds(_: click.Context, option: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_seconds(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write how long: 90s, 5m, 2h, 1d", param=option) from None


def _what(command: Callable[..., None]) -> Callable[..., None]:
    """What a silence matches, and when."""
    options = (
        click.argument("matchers", metavar="MATCHER...", nargs=-1, required=True, callback=read_matchers),
        click.option(
            "--window", "windows", multiple=True, help='Holds only then: "monday:friday 22:00-06:00". May be repeated.'
        ),
        click.option("--zone", default="UTC", show_default=True, help="On whose clocks windows are: Europe/Berlin."),
        click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@silences.command(
    epilog='Example: sentinel silences add alertname=DiskFull \'instance=~"db-.*"\' --until 2h --comment "new disks"'
)
@_what
@click.option("--until", "ends_at", required=True, callback=until_moment, help="2h, 1d, or 2026-11-20T18:00:00Z.")
@click.option("--from", "starts_at", callback=until_moment, help="As --until. Default: now.")
@click.option("--comment", default="", help="Why, for those who read it later.")
@click.option("--by", "created_by", default=OPERATOR, show_default=True, help="Who does it.")
@click.option("--until-resolved", "ends_when_resolved", is_flag=True, help="Ends when all alerts that it matched have.")
@click.option("--until-quiet", "ends_after_quiet_seconds", callback=_seconds, help="Ends when nothing matched for: 1h.")
@click.option("--remind", help="Name of an endpoint that is told before it ends.")
@click.option("--remind-before", "remind_before_seconds", callback=_seconds, help="How long before: 15m.")
@click.option("--dry-run", is_flag=True, help="Only show what it would hold back.")
def add(*, windows: tuple[str, ...], zone: str, client: str, dry_run: bool, **given: Any) -> None:
    """Be quiet about events that all matchers match; tickets still open. Prints the id of the silence.

    What it matches is said as well, on standard error.
    """
    manners = Manners(read_lines(windows, zone, field="window"), **{name: given.pop(name) for name in MANNERS})
    wanted = Wanted(**given, manners=manners)
    with operator_work() as uow:
        owner = client_id(uow.session, client) or 0
        check(wanted, now=uow.now)
        found = previews.preview(uow, owner, Asked(wanted.matchers, manners.windows))
        row = None if dry_run else service.add(uow, owner, wanted)
    if row is None:
        _show(found)
        return
    click.echo(_in_short(found), err=True)
    click.echo(row.id)


@silences.command(epilog="Example: sentinel silences preview alertname=DiskFull --hours 48")
@_what
@click.option(
    "--hours", type=click.IntRange(1, LONGEST_HOURS), default=USUAL_HOURS, show_default=True, help="How far back."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def preview(
    *,
    matchers: tuple[Matcher, ...],
    windows: tuple[str, ...],
    zone: str,
    client: str,
    hours: int,
    as_json: bool,
) -> None:
    """Show what a silence would hold back: alerts that fire now, events and messages of the last hours."""
    asked = Asked(matchers, read_lines(windows, zone, field="window"), hours)
    with operator_work() as uow:
        found = previews.preview(uow, client_id(uow.session, client) or 0, asked)
    if as_json:
        from sentinel.api.silences import preview_view  # noqa: PLC0415 - the other commands need no Flask

        print_json(preview_view(found))
        return
    _show(found)


def _show(found: Preview) -> None:
    cut = "more than these fire; " if found.is_firing_cut else ""
    looked_at = f"{found.looked_at}, the newest of more" if found.is_cut else found.looked_at
    print_facts(
        [
            ("quiet now", "yes" if found.is_quiet_now else "no: no window is open"),
            ("firing", f"{cut}{found.firing} match"),
            ("since", found.since),
            ("events looked at", looked_at),
            ("events that match", found.events),
            ("messages of these", found.messages),
        ]
    )
    if found.alerts:
        names = ((word, word.labels.get("alertname") or word.labels.get("name")) for word in found.alerts)
        print_table(ALERT_COLUMNS, [(word.key, word.severity, word.since, name) for word, name in names])


def _in_short(found: Preview) -> str:
    newest = "the newest " if found.is_cut else ""
    return (
        f"It matches {found.firing} alerts that fire now, and of {newest}{found.looked_at} events of the last "
        f"{USUAL_HOURS} hours {found.events}, of which {found.messages} messages were told."
    )


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
    is_quiet = "yes" if quiet_times(row, now=now).is_quiet_now else "no"
    what = (row.id, row.state(now), is_quiet, owner, written(read_all(row.matchers)))
    return (*what, row.starts_at, row.ends_at, row.matched, row.why_over(now), row.created_by, row.comment)
