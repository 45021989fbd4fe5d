"""`sentinel failover-chains`: where messages on a channel go that are not reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from sentinel.channels.masking import masked
from sentinel.channels.registry import CHANNELS
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.services.sending import chains as service
from sentinel.services.sending.failover import Target

COLUMNS = ("channel", "targets", "since")

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")
of_channel = click.argument("channel", type=click.Choice(CHANNELS, case_sensitive=False))


@click.group(epilog="Example: sentinel failover-chains set sms email:oncall@example.com@300 --client shop")
def failover_chains() -> None:
    """Choose where a client's messages on a channel go that are not reached."""


@failover_chains.command("list", epilog="Example: sentinel failover-chains list --client shop")
@of_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str, as_json: bool) -> None:
    """Show the chains that are set. Times are UTC."""
    with operator_work() as uow:
        found = service.overview(uow, client_id(uow.session, client) or 0)
    if as_json:
        print_json([{"channel": each.channel, "targets": each.targets} for each in found])
        return
    print_table(COLUMNS, [(each.channel, ", ".join(map(_shown, each.targets)), each.updated_at) for each in found])


def _shown(target: Mapping[str, Any]) -> str:
    """A target as `set` takes it, its address masked; a name says nothing secret."""
    name = target.get("endpoint")
    place = f"endpoint:{name}" if name else f"{target['channel']}:{masked(target['recipient'])}"
    seconds = target.get("after_seconds")
    return place if seconds is None else f"{place}@{seconds}"


def _targets(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Target, ...]:
    return tuple(_target(option, each) for each in values)


def _target(option: click.Parameter, text: str) -> Target:
    """`email:oncall@example.com@300`: after 300 seconds; `endpoint:phone`: when the one before it has failed."""
    place, at, seconds = text.rpartition("@")
    after = int(seconds) if at and seconds.isdecimal() else None
    kind, colon, recipient = (place if after is not None else text).partition(":")
    if not (kind and colon and recipient):
        message = f"{text!r} is no target; write email:oncall@example.com@300 or endpoint:on-call-phone"
        raise click.BadParameter(message, param=option)
    return Target(after_seconds=after, endpoint=recipient) if kind == "endpoint" else Target(kind, recipient, after)


@failover_chains.command("set", epilog="Example: sentinel failover-chains set sms email:oncall@example.com@300")
@of_channel
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, callback=_targets)
@of_client
def set_command(channel: str, targets: tuple[Target, ...], *, client: str) -> None:
    """Set the other targets of messages on a channel: channel:recipient or endpoint:name, each with @seconds or not."""
    with operator_work() as uow:
        service.put(uow, client_id(uow.session, client) or 0, channel, targets)
    click.echo(f"{client}, {channel}: {len(targets)} other targets, for messages that are accepted from now on.")


@failover_chains.command(epilog="Example: sentinel failover-chains unset sms --client shop")
@of_channel
@of_client
def unset(channel: str, *, client: str) -> None:
    """Remove the chain of a channel."""
    with operator_work() as uow:
        service.unset(uow, client_id(uow.session, client) or 0, channel)
    click.echo(f"{client}, {channel}: no other targets.")
