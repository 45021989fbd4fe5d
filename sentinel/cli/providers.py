"""`sentinel providers`: provider accounts and their circuit breakers."""

from __future__ import annotations

from dataclasses import asdict

import click

from sentinel.cli.database import operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.services.sending import breaker
from sentinel.services.sending.breaker import Account

COLUMNS = ("provider", "channels", "state", "reason", "since", "tried again", "waiting")


@click.group(epilog="Example: sentinel providers resume twilio")
def providers() -> None:
    """List provider accounts; resume or hold one by hand."""


@providers.command("list", epilog="Example: sentinel providers list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, as_json: bool) -> None:
    """List provider accounts: which work, which rest and why, and how many messages wait. Times are UTC."""
    with operator_work() as uow:
        found = breaker.overview(uow)
    if as_json:
        print_json(
            [
                asdict(each.standing) | {"name": each.name, "channels": each.channels, "parked": each.parked}
                for each in found
            ]
        )
        return
    print_table(COLUMNS, [_line(each) for each in found])
    for each in found:
        if each.standing.hint:
            click.echo(f"{each.name}: {each.standing.hint}")


def _line(account: Account) -> tuple[object, ...]:
    standing = account.standing
    again = "when it is resumed" if standing.is_held else standing.paused_until
    channels = ", ".join(account.channels)
    return (account.name, channels, standing.state, standing.reason, standing.opened_at, again, account.parked)


@providers.command(epilog="Example: sentinel providers resume twilio")
@click.argument("name")
def resume(name: str) -> None:
    """Use an account again, whatever stopped it; the messages that wait for it go out within seconds."""
    with operator_work() as uow:
        found = breaker.resume(uow, name)
    click.echo(f"{name} is used again; {found.parked} messages that wait for an account go out.")


@providers.command(epilog='Example: sentinel providers hold twilio --reason "number is being moved"')
@click.argument("name")
@click.option("--reason", help="Why, for others to read.")
def hold(name: str, reason: str | None) -> None:
    """Leave an account alone until it is resumed: its messages take another provider, or wait."""
    with operator_work() as uow:
        breaker.hold(uow, name, reason=reason)
    click.echo(f"{name} is left alone until `sentinel providers resume {name}`.")
