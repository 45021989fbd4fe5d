"""`sentinel keys`: API keys of clients."""

from __future__ import annotations

from datetime import datetime

import click

from sentinel.cli.database import client_id, operator_work
from sentinel.cli.output import print_table
from sentinel.clock import utc_now
from sentinel.durations import parse_until
from sentinel.errors import FieldError, InvalidInputError
from sentinel.models import ApiKey
from sentinel.queries import clients as client_queries
from sentinel.services.access import clients
from sentinel.services.access.clients import OWN_SCOPES, SCOPES

LONGEST_NAME = 100
COLUMNS = ("id", "client", "name", "prefix", "scopes", "created", "expires", "state")


def short_name(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """A name that fits its column and a line of a table."""
    name = value.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        message = f"{value[:LONGEST_NAME]!r} cannot be a name; use 1 to {LONGEST_NAME} printable characters"
        raise click.BadParameter(message, param_hint=parameter.opts[0])
    return name


@click.group(epilog='Example: sentinel keys create --client shop --name "CI" --expires 90d')
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command(epilog='Example: KEY=$(sentinel keys create --client shop --name "CI" --scope notifications:write)')
@click.option("--client", required=True, callback=short_name, help="Whom the key speaks for; made if it is new.")
@click.option("--name", required=True, callback=short_name, help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="May be repeated. Default: all but keys:…, events:broadcast and admin.",
)
@click.option("--expires", help="When it stops working: 90d, 12h, or 2027-01-31T00:00:00Z. Default: never.")
def create(client: str, name: str, scopes: tuple[str, ...], expires: str | None) -> None:
    """Make a key. The key alone goes to standard output, what to know about it to standard error."""
    with operator_work() as uow:
        is_new = client_queries.by_name(uow.session, client) is None
        expires_at = None if expires is None else expiry(expires, now=uow.now)
        row, key = clients.create_key(uow, client, name, scopes=scopes, expires_at=expires_at)
    if is_new:
        click.echo(f"Client {client} is new.", err=True)
    click.echo(f"Key {row.id} of client {client} ({_scopes(row)}). It is shown only now:", err=True)
    click.echo(key)
    click.echo(f"Send it with each request as\n  Authorization: Bearer {key}", err=True)


@keys.command("list", epilog="Example: sentinel keys list --client shop")
@click.option("--client", help="Only this client's.")
def list_command(client: str | None) -> None:
    """List keys; the keys themselves are not stored."""
    with operator_work() as uow:
        client_id(uow.session, client)  # a misspelt client is an error, not an empty list
        found = client_queries.keys(uow.session, client)
    if not found:
        click.echo("There is no API key yet; make one with `sentinel keys create`.")
        return
    print_table(COLUMNS, [_row(key, owner) for key, owner in found])


@keys.command(epilog="Example: sentinel keys revoke 7")
@click.argument("key_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
def revoke(key_id: int) -> None:
    """Revoke a key: the next request with it is refused."""
    with operator_work() as uow:
        clients.revoke_key(uow, key_id)
    click.echo(f"Key {key_id} is revoked.")


def expiry(text: str, *, now: datetime) -> datetime:
    """The moment `--expires` means, which must lie ahead."""
    remedy = "write how long from now (12h, 90d) or a time to come with its offset (2027-01-31T00:00:00Z)"
    try:
        moment = parse_until(text, now=now)
    except ValueError:
        raise InvalidInputError(FieldError("--expires", text, f'"{text}" is not a time', remedy)) from None
    if moment <= now:
        raise InvalidInputError(FieldError("--expires", text, f'"{text}" is over already', remedy))
    return moment


def _row(key: ApiKey, owner: str) -> tuple[object, ...]:
    return (key.id, owner, key.name, f"{key.prefix}…", _scopes(key), key.created_at, key.expires_at, _state(key))


def _scopes(key: ApiKey) -> str:
    more = [scope for scope in key.scopes if scope not in OWN_SCOPES]
    has_all_own = set(OWN_SCOPES) <= set(key.scopes)
    return ", ".join(["all of its own", *more] if has_all_own else key.scopes)


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= utc_now() else "works"
