"""`sentinel demo-data`: clients, rules and endpoints to try and measure with."""

from __future__ import annotations

import click
from rich.progress import track

from sentinel.cli.database import operator_work
from sentinel.cli.output import get_console
from sentinel.errors import ConflictError
from sentinel.services import demo

EPILOG = """Example: sentinel demo-data --clients 100

\b
Then tell them all, and see who was told:
  curl -X POST http://127.0.0.1:8000/events -H 'Content-Type: application/json' \\
    -d '{"alert_id":"a-1","severity":"HIGH","source":"api","name":"timeout"}'
  sentinel notifications list --client demo-001
"""


@click.command("demo-data", epilog=EPILOG)
@click.option("--clients", "count", type=click.IntRange(1, 999), default=100, show_default=True, help="How many.")
@click.option("--webhooks", "has_webhooks", is_flag=True, help="Switch on each rule's webhook beside its e-mail.")
@click.option("--yes", "is_sure", is_flag=True, help="Replace the demo rules that are there.")
def demo_data(count: int, *, has_webhooks: bool, is_sure: bool) -> None:
    """Make demo clients, each with 288 rules and an e-mail and a webhook per rule.

    Rules are every severity (LOW to CRITICAL) with every of 8 sources and 9 names. Messages go to the sandbox: where
    a real provider serves e-mail or webhooks the command refuses.
    """
    demo.check_harmless()
    rules = demo.rule_rows()
    with operator_work() as uow:
        found = demo.existing(uow)
        if found and not is_sure:
            message = f"there are rules of {found} demo clients; --yes replaces them"
            raise ConflictError(message)
        demo.delete(uow)
        making = demo.make(uow, count, rules=rules, has_webhooks=has_webhooks)
        for _ in track(making, description="Making clients", total=count, console=get_console()):
            pass
    total = count * demo.RULES_EACH
    click.echo(f"{count} clients, {total:,} rules, {2 * total:,} endpoints.")
