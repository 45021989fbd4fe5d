"""`sentinel dead-letters`: what ended badly, by cause, and how it starts over."""

from __future__ import annotations

import sys
from typing import Any

import click

from sentinel.channels.masking import masked
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.notifications import NOT_QUEUED, as_view, narrowing, pacing, start_over, wanted_of
from sentinel.cli.output import print_json, print_table
from sentinel.models.status import RETRYABLE
from sentinel.services.access.clients import OPERATOR
from sentinel.services.bookkeeping import dead_letters as service
from sentinel.services.bookkeeping import replays
from sentinel.services.bookkeeping.dead_letters import EDITABLE, Cause, Letter
from sentinel.services.bookkeeping.replays import Progress

BADLY = sorted(RETRYABLE)
GROUP_COLUMNS = ("count", "client", "channel", "status", "reason", "provider", "oldest", "newest", "example", "hint")
LETTER_COLUMNS = ("id", "created", "client", "channel", "recipient", "status", "reason", "tries", "code", "last words")
REPLAY_COLUMNS = ("replay", "began", "by", "client", "status", "done", "waiting", "through", "failed", "held back")


@click.group(epilog="Example: sentinel dead-letters list --since 1d")
def dead_letters() -> None:
    """See what FAILED or is UNDELIVERED by its cause, and start it over, of all clients.

    What another target took over for is left out.
    """


@dead_letters.command("list", epilog="Example: sentinel dead-letters list --since 1d")
@narrowing(BADLY, default=(), limit=50)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, as_json: bool, limit: int, **options: Any) -> None:
    """Count letters by cause, the most frequent first. Times are UTC."""
    wanted = wanted_of(options)
    with operator_work() as uow:
        causes = service.causes(uow, wanted)[:limit]
    if as_json:
        from sentinel.api.dead_letters import group_view  # noqa: PLC0415 - the other commands need no Flask

        print_json([group_view(each) for each in causes])
        return
    print_table(GROUP_COLUMNS, [_group_line(each) for each in causes])


@dead_letters.command(epilog="Example: sentinel dead-letters show --channel sms --reason attempts_exhausted")
@narrowing(BADLY, default=(), limit=50)
@click.option("--show-recipients", is_flag=True, help="Print addresses in full.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def show(*, show_recipients: bool, as_json: bool, **options: Any) -> None:
    """List letters one by one, newest first, with the last words of their provider. Times are UTC."""
    wanted = wanted_of(options)
    with operator_work() as uow:
        letters, following = service.page(uow, wanted, size=options["limit"])
    is_masked = not show_recipients
    if as_json:
        print_json([_letter_view(each, is_masked=is_masked) for each in letters])
        return
    print_table(LETTER_COLUMNS, [_letter_line(each, is_masked=is_masked) for each in letters])
    if following is not None:
        click.echo(f"There are more than these {options['limit']}; narrow the list, or raise --limit.", err=True)


@dead_letters.command(
    epilog="Example: sentinel dead-letters replay --channel sms --reason attempts_exhausted --rate 50"
)
@narrowing(BADLY, default=(), limit=None)
@pacing
def replay(**options: Any) -> None:
    """Start letters over, newest first, each with a fresh allowance of tries.

    It is carried on in the background: nothing has to stay running. Exit code 3: stored, but the broker cannot be
    reached; the sweeper queues them when it is back.
    """
    start_over(**options)


@dead_letters.command("replays", epilog="Example: sentinel dead-letters replays --json")
@click.option("--client", help="Only those of this client's letters. Default: of all.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_replays(*, client: str | None, limit: int, as_json: bool) -> None:
    """Show how far bulk replays are, newest first, and how their letters ended. Times are UTC."""
    with operator_work() as uow:
        found, _ = replays.page(uow, client_id=client_id(uow.session, client), before=None, size=limit)
    if as_json:
        from sentinel.api.dead_letters import replay_view  # noqa: PLC0415 - the other commands need no Flask

        print_json([replay_view(each) for each in found])
        return
    print_table(REPLAY_COLUMNS, [_replay_line(each) for each in found])


@dead_letters.command(epilog="Example: sentinel dead-letters stop 7")
@click.argument("replay_id", metavar="REPLAY", type=click.IntRange(1))
def stop(replay_id: int) -> None:
    """Stop a bulk replay: letters whose turn does not come within seconds stay dead letters."""
    with operator_work() as uow:
        found = replays.stop(uow, replay_id, client_id=None, by=OPERATOR)
    click.echo(f"Stopped replay {replay_id}: {found.left} of {found.replay.total} letters stay as they are.")


@dead_letters.command(
    epilog="Example: sentinel dead-letters edit 0199f0c2-7c1e-7e4b-9d55-0242ac120002 --recipient +14155552671"
)
@click.argument("notification_id", metavar="ID")
@click.option("--recipient", help="Send it there instead.")
@click.option("--subject", help="With this subject.")
@click.option("--body", help="With this text.")
def edit(notification_id: str, **given: str | None) -> None:
    """Mend one letter and start it over; what is not given stays as it is.

    It is checked like a new notification. Its timeline keeps the old recipient and subject.
    """
    changes = {name: given[name] for name in EDITABLE if given[name] is not None}
    if not changes:
        raise click.UsageError("name what is to be changed: --recipient, --subject or --body; or use `replay`")
    with operator_work() as uow:
        found = service.edit_and_replay(uow, notification_id, changes, client_id=None, by=OPERATOR)
    if uow.unqueued:
        click.echo(f"{found.id} is stored as PENDING; the broker cannot be reached, the sweeper queues it.")
        sys.exit(NOT_QUEUED)
    click.echo(f"Queued {found.id}.")


def _group_line(cause: Cause) -> tuple[Any, ...]:
    group = cause.group
    facts = (group.count, group.client, group.channel, group.status, group.reason, group.provider)
    return (*facts, group.oldest, group.newest, group.example_id, cause.hint)


def _replay_line(progress: Progress) -> tuple[Any, ...]:
    row = progress.replay
    facts = (row.id, row.began_at, row.requested_by, progress.client or "all", row.status, f"{row.seen}/{row.total}")
    return (*facts, progress.waiting, progress.through, progress.failed, progress.held_back)


def _letter_line(letter: Letter, *, is_masked: bool) -> tuple[Any, ...]:
    row, last = letter.notification, letter.last_try
    recipient = masked(row.recipient) if is_masked else row.recipient
    words = None if last is None or last.detail is None else last.detail.replace(row.recipient, recipient)
    facts = (row.id, row.created_at, letter.client, row.channel, recipient, row.status, row.reason, row.attempts)
    return (*facts, None if last is None else last.provider_code, words)


def _letter_view(letter: Letter, *, is_masked: bool) -> dict[str, Any]:
    row, last = letter.notification, letter.last_try
    recipient = masked(row.recipient) if is_masked else row.recipient
    told = (
        {}
        if last is None
        else {
            name: value.replace(row.recipient, recipient) if isinstance(value, str) else value
            for name in ("outcome", "reason", "http_status", "provider_code", "detail", "hint")
            if (value := getattr(last, name)) is not None
        }
    )
    return as_view(row, letter.client, is_masked=is_masked) | {"last_try": told or None}
