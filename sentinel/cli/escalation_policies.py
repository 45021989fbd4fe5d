"""`sentinel escalation-policies`: whom tickets are told to, step by step."""

from __future__ import annotations

from typing import Any

import click

from sentinel.channels.masking import masked_target
from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.durations import parse_seconds, written
from sentinel.models import EscalationPolicy
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries.named import Filter
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.escalating import policies as service
from sentinel.services.escalating.policies import Step, Written
from sentinel.services.unit_of_work import UnitOfWork

COLUMNS = ("client", "name", "steps", "repeat", "acknowledge timeout", "default for", "tells end")
STEP_REMEDY = 'write "WAIT TARGET[,TARGET…]", for example "5m endpoint:ann,rotation:primary"'

of_client = click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose.")


def seconds(_: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """How long an option means: 90s, 5m, 2h, 1d."""
    try:
        return None if value is None else parse_seconds(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write it like 90s, 5m, 2h or 1d", param=option) from None


def _steps(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(map(_step, values))


def _step(text: str) -> Step:
    wait, _, targets = text.strip().partition(" ")
    named = tuple(each.strip() for each in targets.split(",") if each.strip())
    try:
        wait_seconds = parse_seconds(wait)
    except ValueError as error:
        raise click.BadParameter(f"{error}; {STEP_REMEDY}") from None
    if not named:
        raise click.BadParameter(f"{text!r} names nobody; {STEP_REMEDY}")
    return Step(wait_seconds, named)


@click.group("escalation-policies", epilog="Example: sentinel escalation-policies list --client shop")
def escalation_policies() -> None:
    """Write, list and remove policies: whom tickets are told to until somebody takes them."""


@escalation_policies.command("list", epilog="Example: sentinel escalation-policies list --client shop")
@click.option("--client", help="Only this client's. Default: all clients.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, limit: int, as_json: bool) -> None:
    """List policies in the order they were made. Addresses are masked; JSON has them whole."""
    with operator_work() as uow:
        rows, following = service.POLICIES.page(uow, Filter(client_id(uow.session, client)), size=limit)
    if as_json:
        from sentinel.api.escalation_policies import view  # noqa: PLC0415 - the other commands need no Flask

        print_json([view(row, owner) for row, owner in rows])
    else:
        print_table(COLUMNS, [_line(row, owner) for row, owner in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@escalation_policies.command(
    "set",
    epilog="Example: sentinel escalation-policies set primary --step '0s rotation:primary' --step '10m endpoint:boss' "
    "--repeat 2 --default-for critical",
)
@click.argument("name")
@click.option(
    "--step", "steps", multiple=True, required=True, callback=_steps, help="Wait, then whom to tell; in this order."
)
@click.option(
    "--repeat",
    type=click.IntRange(0, service.MOST_REPEATS),
    default=0,
    show_default=True,
    help="How often all steps come again.",
)
@click.option(
    "--repeat-wait",
    "repeat_wait_seconds",
    type=str,
    default="5m",
    show_default=True,
    callback=seconds,
    help="How long after the last step.",
)
@click.option(
    "--acknowledge-timeout",
    "acknowledge_timeout_seconds",
    callback=seconds,
    help="What is acknowledged and not resolved by then is open again. Default: it stays.",
)
@click.option(
    "--default-for",
    multiple=True,
    type=click.Choice(SEVERITIES, case_sensitive=False),
    help="Also of tickets of this severity whose rule names no policy. May be repeated.",
)
@click.option("--tells-end/--hides-end", default=True, show_default=True, help="Tell those who were told of the end.")
@of_client
def set_command(*, client: str, name: str, **wanted: Any) -> None:
    """Make a policy, or replace the one of that name. Tickets under way go on as it was."""
    with operator_work() as uow:
        row = service.put(uow, _owner(uow, client), Written(name, **wanted))
    click.echo(
        f"{client}, {row.name}: {len(row.steps)} steps, version {row.version}. It holds for tickets from now on."
    )


@escalation_policies.command(epilog="Example: sentinel escalation-policies remove primary --client shop")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when enabled rules bind it.")
@of_client
def remove(name: str, *, client: str, force: bool) -> None:
    """Remove a policy. Tickets under way go on as it was."""
    with operator_work() as uow:
        service.delete(uow, _owner(uow, client), name, force=force)
    click.echo(f"{client}, {name}: removed.")


def _owner(uow: UnitOfWork, name: str) -> int:
    return client_id(uow.session, name) or 0  # never 0: a name is found or refused


def _line(row: EscalationPolicy, client: str) -> tuple[object, ...]:
    steps = "; ".join(
        f"{written(step['wait_seconds'])} {', '.join(map(masked_target, step['notify']))}" for step in row.steps
    )
    again = f"{row.repeat}, after {written(row.repeat_wait_seconds)}" if row.repeat else None
    timeout = row.acknowledge_timeout_seconds and written(row.acknowledge_timeout_seconds)
    return (client, row.name, steps, again, timeout, ", ".join(row.default_for), row.tells_end)
