"""`sentinel audit`: nothing accepted is missing, and no row contradicts itself; if so, which."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sentinel.cli.database import client_id, operator_work, plain_words
from sentinel.cli.notifications import moment
from sentinel.cli.output import get_console, print_json, print_table
from sentinel.services.bookkeeping import audit as service
from sentinel.services.bookkeeping import audit_report
from sentinel.services.bookkeeping.audit_report import KINDS, Report

COLUMNS = (
    *("day", "channel", "accepted", "delivered", "suppressed", "failed", "cancelled", "in flight", "deleted"),
    "balance",
)


@click.command(epilog="Example: sentinel audit --since 7d")
@click.option(
    "--since",
    default="7d",
    show_default=True,
    callback=moment,
    help="Accepted on this day (UTC) or later: 90s, 5m, 1h, 2d, or 2026-11-20T18:00:00Z.",
)
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts, with the balance of each client.")
@click.option("--settle", is_flag=True, help="Make the books follow the rows where they differ.")
@click.option("--yes", is_flag=True, help="Settle without asking.")
def audit(*, since: datetime, client: str | None, as_json: bool, settle: bool, yes: bool) -> None:
    """Check that each accepted notification is where the books say, and that no row contradicts itself.

    accepted = delivered + suppressed + failed + cancelled + in flight + deleted after retention. Exit code 1 if there
    is a discrepancy; each is listed by id. It only reads, unless --settle is given.
    """
    with operator_work() as uow:
        owner = client_id(uow.session, client)
    report = _audit(since, owner)
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report)
    left = report.discrepancies
    if settle and report.counts["unbalanced"]:
        left -= _settle(report, is_asked=yes)
    sys.exit(1 if left else 0)


def _audit(since: datetime, owner: int | None) -> Report:
    columns = (TextColumn("auditing hours"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        plain_words(),
        Progress(*columns, console=get_console(), transient=True, disable=not sys.stdout.isatty()) as progress,
    ):
        bar = progress.add_task("auditing")
        return service.audit(
            since=since,
            client_id=owner,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _print(report: Report) -> None:
    views = [audit_report.balance_view(lines) for lines in audit_report.by_day_and_channel(report.lines)]
    print_table(COLUMNS, [_line(view) for view in views])
    reasons = [(end, reason, count) for end in ("suppressed", "failed") for reason, count in _reasons(views, end)]
    if reasons:
        click.echo()
        print_table(("end", "reason", "count"), reasons)
    click.echo()
    if report.found:
        rows = [(each.kind, each.id, report.name_of(each.client_id), each.detail) for each in report.found]
        print_table(("discrepancy", "id", "client", "what is there"), rows)
        click.echo()
    for kind, count in report.counts.most_common():
        click.echo(f"{kind} ({count}): {KINDS[kind].meaning}\n  → {KINDS[kind].remedy}")
    click.echo(f"{report.checked} notifications since {report.since:%Y-%m-%d}: {_verdict(report)}")


def _verdict(report: Report) -> str:
    if not report.discrepancies:
        return "the books balance."
    return f"{report.discrepancies} discrepancies."


def _line(view: dict[str, Any]) -> tuple[Any, ...]:
    counts = (view["delivered"], sum(view["suppressed"].values()), sum(view["failed"].values()), view["cancelled"])
    apart = sum(counts) + view["in_flight"] + view["pruned"] - view["accepted"]
    balance = "ok" if view["is_balanced"] else f"{apart:+d}"
    return (view["day"], view["channel"], view["accepted"], *counts, view["in_flight"], view["pruned"], balance)


def _reasons(views: Iterable[dict[str, Any]], end: str) -> list[tuple[str, int]]:
    totals: Counter[str] = Counter()
    for view in views:
        totals.update(view[end])
    return totals.most_common()


def _as_json(report: Report) -> dict[str, Any]:
    """All that was found, and the balance of each client."""
    by_client = [
        {"client": report.name_of(line.client_id)} | audit_report.balance_view([line])
        for lines in audit_report.by_day_and_channel(report.lines)
        for line in lines
    ]
    return audit_report.as_json(report, most=audit_report.MOST_LISTED) | {
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "checked": report.checked,
        "discrepancies": report.discrepancies,
        "balance": by_client,
    }


def _settle(report: Report, *, is_asked: bool) -> int:
    if not is_asked:
        question = f"Take what is there for what was accepted, in {report.counts['unbalanced']} cases?"
        click.confirm(question, abort=True, err=True)
    with plain_words():
        count = service.settle(report)
    click.echo(f"Settled {count}.", err=True)
    return count
