"""`sentinel load jobs`: load tests that were begun on the console, and how far they came."""

from __future__ import annotations

from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_facts, print_json, print_table
from sentinel.models import LoadTest
from sentinel.services.access.clients import OPERATOR
from sentinel.services.loading import jobs as service

COLUMNS = ("id", "label", "client", "status", "answered", "of", "events/s", "begun by", "created")
FACTS = (
    *("id", "label", "kind", "seed", "status", "problem", "started_by", "total", "accepted", "duplicates", "refused"),
    *("failed", "waits", "seconds", "p50_ms", "p99_ms", "created_at", "began_at", "finished_at"),
)
USUAL_LIMIT = 50


@click.command("list", epilog="Example: sentinel load jobs list --client shop")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1, 1000), default=USUAL_LIMIT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool) -> None:
    """List load tests, newest first. Times are UTC."""
    with operator_work() as uow:
        rows, following = service.page(uow, client_id(uow.session, client), before=None, size=limit)
    if as_json:
        print_json([_facts(row, owner) for row, owner in rows])
        return
    print_table(COLUMNS, [_line(row, owner) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; raise --limit.", err=True)


@click.command(epilog="Example: sentinel load jobs show 0198b2f4-5c1e-7d3a-9b1f-2f6f0a6e8c11")
@click.argument("load_test_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def show(load_test_id: str, *, as_json: bool) -> None:
    """Show one load test: its plan, how far it came, and what became of its events."""
    with operator_work() as uow:
        row, client = service.get(uow, load_test_id)
        outcome = service.outcome(uow, row)
    facts = _facts(row, client) | {"events": dict(outcome.events), "messages": dict(outcome.messages)}
    if as_json:
        print_json(facts)
    else:
        print_facts(list(facts.items()))


@click.command(epilog="Example: sentinel load jobs stop 0198b2f4-5c1e-7d3a-9b1f-2f6f0a6e8c11")
@click.argument("load_test_id")
def stop(load_test_id: str) -> None:
    """End a load test: at once if it waits, else within seconds. What was sent stays."""
    with operator_work() as uow:
        service.stop(uow, load_test_id, by=OPERATOR)
    click.echo(f"load test {load_test_id} is being stopped")


def _line(row: LoadTest, client: str) -> tuple[Any, ...]:
    rate = f"{row.answered / row.seconds:.1f}" if row.seconds else None
    return (row.id, row.label, client, row.status, row.answered, row.total, rate, row.started_by, row.created_at)


def _facts(row: LoadTest, client: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FACTS} | {"client": client, "plan": row.plan}


COMMANDS = {"list": list_command, "show": show, "stop": stop}
