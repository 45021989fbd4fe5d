"""`sentinel integrations`: addresses to which other systems send."""

from __future__ import annotations

from typing import Any

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.keys import short_name
from sentinel.cli.output import print_facts, print_json, print_table
from sentinel.errors import NotFoundError
from sentinel.integrations import KINDS
from sentinel.models import Integration
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.queries.clients import by_name
from sentinel.queries.integrations import Filter
from sentinel.sealing import unseal
from sentinel.services import integrations as service
from sentinel.services.access.clients import Caller
from sentinel.services.integrations import SENDS, Written, address_of
from sentinel.services.unit_of_work import UnitOfWork

COLUMNS = ("id", "client", "kind", "name", "enabled", "created", "address")
USUAL_LIMIT = 200

kind_choice = click.Choice(KINDS, case_sensitive=False)


@click.group(epilog='Example: sentinel integrations add --kind github --name "GitHub of acme" --client shop')
def integrations() -> None:
    """Make, list and remove addresses to which other systems send."""


@integrations.command("list", epilog="Example: sentinel integrations list --client shop --kind sns")
@click.option("--client", help="Only this client's.")
@click.option("--kind", type=kind_choice, help="Only of this kind.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=USUAL_LIMIT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def list_command(*, client: str | None, kind: str | None, limit: int, as_json: bool) -> None:
    """List integrations by name, with their addresses. Who knows an address may send to it. Times are UTC."""
    with operator_work() as uow:
        rows, following = service.page(uow, Filter(client_id(uow.session, client), kind), size=limit)
    if as_json:
        print_json([_facts(row, name) for row, name in rows])
    else:
        print_table(COLUMNS, [tuple(_facts(row, name).values()) for row, name in rows])
    if following is not None:
        click.echo(f"There are more than these {limit}; narrow the list, or raise --limit.", err=True)


@integrations.command(epilog='Example: sentinel integrations add --kind github --name "GitHub of acme" --client shop')
@click.option("--kind", type=kind_choice, required=True, help="The system that is to send.")
@click.option("--name", required=True, callback=short_name, help="Any; of its own for each integration of a client.")
@click.option("--client", default=DEFAULT_CLIENT, show_default=True, help="Whose events they become.")
@click.option("--topic-arn", help="Of sns: only messages of this topic.")
def add(*, kind: str, name: str, client: str, topic_arn: str | None) -> None:
    """Make an integration, and print the address to configure at the other system, and the secret if it has one."""
    with operator_work() as uow:
        row = service.create(uow, _owner(uow, client), Written(kind, name, topic_arn=topic_arn))
        facts: list[tuple[str, Any]] = [("id", row.id), ("address", address_of(row))]
        if row.secret is not None:
            facts.append(("secret (shown only now)", unseal(row.secret)))
    print_facts(facts)


@integrations.command(epilog="Example: sentinel integrations remove 5b0c6f1e-8a53-4f0e-9a0e-0d2f3c4b5a69")
@click.argument("integration_id", metavar="ID")
def remove(integration_id: str) -> None:
    """Remove an integration: from the next request on there is nothing at its address. Its events stay."""
    with operator_work() as uow:
        removed = service.delete(uow, integration_id, client_id=None)
    click.echo(f"Integration {removed.id} ({removed.kind}, {removed.name}) is removed.")


def _owner(uow: UnitOfWork, name: str) -> Caller:
    client = by_name(uow.session, name)
    if client is None:
        raise NotFoundError(f"there is no client {name!r}; `sentinel keys create --client {name}` makes it")
    return Caller(client.id, client.name, frozenset({SENDS}))


def _facts(row: Integration, client: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "client": client,
        "kind": row.kind,
        "name": row.name,
        "is_enabled": row.is_enabled,
        "created_at": row.created_at,
        "address": address_of(row),
    }
