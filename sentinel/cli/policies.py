"""`sentinel policies`: what is done with sends whose end is unknown."""

from __future__ import annotations

from dataclasses import asdict

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.services.sending import policies as service
from sentinel.services.sending.policies import EVERY_CHANNEL, POLICIES, POLICY_CHANNELS
from sentinel.services.unit_of_work import UnitOfWork

COLUMNS = ("channel", "policy", "set by", "since")

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")
of_channel = click.option(
    "--channel",
    type=click.Choice(POLICY_CHANNELS, case_sensitive=False),
    default=EVERY_CHANNEL,
    show_default=True,
    help="* holds for all channels that have none of their own.",
)


@click.group(epilog="Example: sentinel policies set at_most_once --client shop --channel sms")
def policies() -> None:
    """Choose what is done with sends whose end is unknown: again, or not."""


@policies.command("list", epilog="Example: sentinel policies list --client shop")
@of_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str, as_json: bool) -> None:
    """Show what holds for each channel, and where that is set. Times are UTC."""
    with operator_work() as uow:
        found = service.overview(uow, _client(uow, client))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    print_table(COLUMNS, [(each.channel, each.ambiguous_policy, each.set_by, each.updated_at) for each in found])


@policies.command("set", epilog="Example: sentinel policies set at_most_once --client shop --channel sms")
@click.argument("policy", type=click.Choice(POLICIES))
@of_client
@of_channel
def set_command(policy: str, *, client: str, channel: str) -> None:
    """Set what is done: at_least_once sends again, at_most_once ends as FAILED."""
    with operator_work() as uow:
        service.put(uow, _client(uow, client), channel, policy)
    click.echo(f"{client}, {channel}: {policy}. It holds from the next decision on.")


@policies.command(epilog="Example: sentinel policies unset --client shop --channel sms")
@of_client
@of_channel
def unset(*, client: str, channel: str) -> None:
    """Unset it: then that for * holds, or SENTINEL_AMBIGUOUS_POLICY."""
    with operator_work() as uow:
        service.unset(uow, _client(uow, client), channel)
    click.echo(f"{client}, {channel}: unset.")


def _client(uow: UnitOfWork, name: str) -> int:
    return client_id(uow.session, name) or 0  # never 0: a name is found or refused
