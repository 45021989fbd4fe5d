"""`sentinel notifications`: find out what happened, and start what failed over."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sentinel.channels.masking import masked
from sentinel.channels.registry import CHANNELS
from sentinel.cli.database import client_id, operator_work, plain_words
from sentinel.cli.output import get_console, print_facts, print_json, print_table, shown
from sentinel.clock import utc_now
from sentinel.durations import parse_since, parse_until
from sentinel.models import Client, LetterReplay, Notification
from sentinel.models.status import RETRYABLE, Status
from sentinel.queries.notifications import Filter
from sentinel.services import notifications as service
from sentinel.services.access.clients import OPERATOR
from sentinel.services.bookkeeping import dead_letters, replays
from sentinel.services.bookkeeping.replays import Step
from sentinel.services.notifications import TimelineItem

COLUMNS = ("id", "created", "client", "channel", "recipient", "status", "reason", "attempts", "next try")
ASK_ABOVE = 100
NOT_QUEUED = 3
"""Exit code: every row is stored as PENDING, but the broker did not take the message about it."""


def moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """The time that `--since` means."""
    try:
        return None if value is None else parse_since(value, now=utc_now())
    except ValueError:
        message = f"{value!r} is not a time; write how long ago (90s, 5m, 1h, 2d) or a time (2026-11-20T18:00:00Z)"
        raise click.BadParameter(message, param_hint="--since") from None


def until_moment(_: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """The time to come that an option means."""
    try:
        return None if value is None else parse_until(value, now=utc_now())
    except ValueError as error:
        message = f"{error}; write how long from now (90s, 5m, 2h, 1d) or a time (2026-11-20T18:00:00Z)"
        raise click.BadParameter(message, param=option) from None


def narrowing(statuses: Iterable[Status], *, default: Sequence[Status], limit: int | None) -> Callable[..., Any]:
    """The options that both `list` and `retry` are narrowed with."""
    choice = click.Choice([status.value for status in statuses], case_sensitive=False)
    more: dict[str, Any] = {"default": [each.value for each in default], "show_default": True} if default else {}
    options = (
        click.option("--status", "statuses", multiple=True, type=choice, help="May be repeated.", **more),
        click.option("--channel", type=click.Choice(CHANNELS, case_sensitive=False)),
        click.option("--since", callback=moment, help="Accepted since: 90s, 5m, 1h, 2d, or 2026-11-20T18:00:00Z."),
        click.option("--reason", help="As the list shows it, for example not_configured."),
        click.option("--provider", help="As the list shows it, for example twilio."),
        click.option("--client", help="Only this client's. Default: all clients."),
        click.option("--limit", type=click.IntRange(1), default=limit, show_default=True, help="At most so many."),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def wanted_of(options: dict[str, Any]) -> Filter:
    """The filter that the options of `narrowing` ask for."""
    with operator_work() as uow:
        owner = client_id(uow.session, options["client"])
    names = ("statuses", "channel", "reason", "since", "provider")
    return Filter(client_id=owner, **{name: options[name] for name in names})


@click.group(epilog="Example: sentinel notifications retry --channel sms --since 1h --dry-run")
def notifications() -> None:
    """List, explain and retry notifications, of all clients."""


@notifications.command("list", epilog="Example: sentinel notifications list --status FAILED --since 1h")
@narrowing(Status, default=(), limit=50)
@click.option("--show-recipients", is_flag=True, help="Print addresses in full.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, show_recipients: bool, as_json: bool, **options: Any) -> None:
    """List notifications, newest first. Times are UTC."""
    wanted, size = wanted_of(options), options["limit"]
    with operator_work() as uow:
        rows, following = service.page(uow, wanted, size=size)
    if as_json:
        print_json([as_view(row, client, is_masked=not show_recipients) for row, client in rows])
        return
    print_table(COLUMNS, [_line(row, client, is_masked=not show_recipients) for row, client in rows])
    if following is not None:
        click.echo(f"There are more than these {size}; narrow the list, or raise --limit.", err=True)


@notifications.command(epilog="Example: sentinel notifications show 0199f0c2-7c1e-7e4b-9d55-0242ac120002")
@click.argument("notification_id", metavar="ID")
@click.option("--show-recipients", is_flag=True, help="Print addresses in full.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def show(notification_id: str, *, show_recipients: bool, as_json: bool) -> None:
    """Show everything about one notification, and why it was (not) sent. Times are UTC."""
    with operator_work() as uow:
        row = service.get(uow, notification_id, client_id=None)
        owner = uow.session.get_one(Client, row.client_id).name
        items = service.timeline(uow, notification_id, client_id=None)
    is_masked = not show_recipients
    facts = as_view(row, owner, is_masked=is_masked)
    known = dead_letters.recipients_of(row, items)
    story = [(item.at, item.event, _detail(item, known, is_masked=is_masked)) for item in items]
    if as_json:
        names = ("at", "event", "detail")
        print_json(facts | {"timeline": [dict(zip(names, each, strict=True)) for each in story]})
        return
    print_facts(facts.items())
    click.echo()
    print_table(("at", "event", "detail"), [(at, event, _facts_line(detail)) for at, event, detail in story])


def pacing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that start many over."""
    rate = click.IntRange(1, 100_000)
    command = click.option("--yes", is_flag=True, help=f"Do not ask, though there are more than {ASK_ABOVE}.")(command)
    command = click.option("--dry-run", is_flag=True, help="Only count what would be retried.")(command)
    return click.option("--rate", type=rate, default=500, show_default=True, help="At most so many a second.")(command)


@notifications.command(epilog="Example: sentinel notifications retry --channel sms --since 1h --rate 50")
@narrowing([each for each in Status if each in RETRYABLE], default=(Status.FAILED,), limit=None)
@pacing
def retry(**options: Any) -> None:
    """Start failed notifications over, each with a fresh allowance of tries.

    Exit code 0: all were queued, or have their turn written down. 3: all are stored as PENDING, but the broker cannot
    be reached; the sweeper queues them when it is back, nothing is left to do here.
    """
    start_over(**options)


def start_over(*, rate: int, dry_run: bool, yes: bool, **options: Any) -> None:
    """Count, ask, and start what the options name over."""
    wanted = wanted_of(options)
    total = _count(wanted, limit=options["limit"])
    if dry_run or not total:
        click.echo(f"{total} would be retried." if dry_run else "Nothing to retry: queued 0.")
        return
    if total > ASK_ABOVE and not yes:
        click.confirm(f"Retry {total} notifications?", abort=True)
    # Once for each slice would be too often: the last line says it.
    logging.getLogger("sentinel.broker").setLevel(logging.ERROR)
    with operator_work() as uow:
        begun = replays.begin(uow, wanted, total=total, rate=rate, by=OPERATOR)
    done = _drive(begun)
    if done.unqueued:
        sys.exit(NOT_QUEUED)


def _count(wanted: Filter, *, limit: int | None) -> int:
    with operator_work() as uow:
        causes = dead_letters.causes(uow, wanted)
        total = dead_letters.count(uow, wanted)
    if causes:
        counts: Counter[tuple[str | None, ...]] = Counter()
        for group in (each.group for each in causes):
            counts[group.channel, group.reason, group.provider] += group.count
        rows = [(*cause, count) for cause, count in counts.most_common()]
        print_table(("channel", "reason", "provider", "count"), rows)
    return total if limit is None else min(total, limit)


def _drive(begun: LetterReplay) -> Step:
    """Take up what has its turn soon; after Ctrl-C no more is taken up, and what was done stays done."""
    columns = (TextColumn("retrying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    done = Step()
    bars = Progress(*columns, console=get_console(), transient=True, disable=not sys.stdout.isatty())
    try:
        with plain_words(), bars as progress:
            bar = progress.add_task("retrying", total=begun.total)
            for part in replays.drive(begun.id):
                done += part
                progress.update(bar, completed=done.seen)
    except KeyboardInterrupt:
        with operator_work() as uow:
            replays.stop(uow, begun.id, client_id=None, by=OPERATOR)
        raise
    finally:
        click.echo(_summary(done, begun))
    return done


def _summary(done: Step, begun: LetterReplay) -> str:
    parts = []
    total, rate = begun.total, begun.rate
    if done.seen > done.replayed:
        parts.append(f"{done.seen - done.replayed} could no longer be retried when their turn came.")
    if done.unqueued:
        parts.append(
            f"The broker cannot be reached: {done.unqueued} are stored as PENDING, "
            "the sweeper queues them when it is back; nothing is left to do here."
        )
    later = total - (done.seen - done.replayed) - done.at_once
    if total > rate and later > 0:
        last_at = begun.began_at + dead_letters.duration(total, rate)
        parts.append(f"{later} follow at {rate} a second, the last at {shown(last_at)}; nothing has to stay running.")
        parts.append(
            f"`sentinel dead-letters replays` shows how far it is, `sentinel dead-letters stop {begun.id}` ends it."
        )
    parts.append(f"Queued {done.at_once - done.unqueued} of {total}.")
    return "\n".join(parts)


def as_view(row: Notification, client: str, *, is_masked: bool) -> dict[str, Any]:
    """A notification as the API shows it, the recipient masked if asked."""
    from sentinel.api.notifications import view  # noqa: PLC0415 - `retry` needs no Flask

    facts = view(row, client)
    return facts | {"recipient": masked(row.recipient)} if is_masked else facts


def _line(row: Notification, client: str, *, is_masked: bool) -> tuple[Any, ...]:
    recipient = masked(row.recipient) if is_masked else row.recipient
    tries = f"{row.attempts}/{row.attempt_limit}"
    facts = (row.id, row.created_at, client, row.channel, recipient)
    return (*facts, row.status, row.reason, tries, row.next_attempt_at)


def _detail(item: TimelineItem, recipients: Sequence[str], *, is_masked: bool) -> dict[str, Any]:
    """Providers repeat the recipient in their own words: mask it there as well."""
    if not is_masked:
        return item.detail
    return {name: _masked_in(value, recipients) for name, value in item.detail.items()}


def _masked_in(value: Any, recipients: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {name: _masked_in(each, recipients) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked_in(each, recipients) for each in value]
    if isinstance(value, str):
        for each in recipients:
            value = value.replace(each, masked(each))
    return value


def _facts_line(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in detail.items())
