"""`sentinel users`: people who log in to the console."""

from __future__ import annotations

import sys

import click

from sentinel.cli.database import operator_work
from sentinel.cli.output import print_table
from sentinel.errors import SentinelError
from sentinel.models import User
from sentinel.services.access import users as service
from sentinel.services.access.users import ROLES

COLUMNS = ("id", "name", "role", "state", "created", "last login")


@click.group(epilog="Example: sentinel users create alice --role admin")
def users() -> None:
    """Make, list and disable users of the console."""


@users.command(epilog="Example: sentinel users create alice --role admin")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="viewer",
    show_default=True,
    help="A viewer looks, an operator acts, an admin changes what is set up.",
)
def create(name: str, role: str) -> None:
    """Make a user. Asks for the password; from a script it is the first line of standard input."""
    service.checked_name(name)  # before anybody is asked for a password
    password = asked_password()
    with operator_work() as uow:
        made = service.create(uow, name, password, role=role)
    click.echo(f"User {made.name} ({made.role}) may log in.")


@users.command("list", epilog="Example: sentinel users list")
def list_command() -> None:
    """List users."""
    with operator_work() as uow:
        found = service.everybody(uow)
    if not found:
        click.echo("There is no user yet; make one with `sentinel users create NAME --role admin`.")
        return
    print_table(COLUMNS, [_row(user) for user in found])


@users.command(epilog="Example: sentinel users passwd alice")
@click.argument("name")
def passwd(name: str) -> None:
    """Give a user a new password and end the user's sessions."""
    password = asked_password()
    with operator_work() as uow:
        service.set_password(uow, name, password)
    click.echo(f"The password of {service.own_spelling(name)} is changed; older sessions have ended.")


@users.command(epilog="Example: sentinel users role alice viewer")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
def role(name: str, role: str) -> None:
    """Give a user another role, from the next click on."""
    with operator_work() as uow:
        service.set_role(uow, name, role)
    click.echo(f"User {service.own_spelling(name)} is of role {role}.")


@users.command(epilog="Example: sentinel users disable alice")
@click.argument("name")
def disable(name: str) -> None:
    """Refuse a user's logins and end the sessions there are."""
    with operator_work() as uow:
        service.disable(uow, name)
    click.echo(f"User {service.own_spelling(name)} is disabled; all sessions have ended.")


@users.command(epilog="Example: sentinel users enable alice")
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled user log in again."""
    with operator_work() as uow:
        service.enable(uow, name)
    click.echo(f"User {service.own_spelling(name)} may log in.")


def asked_password() -> str:
    """A password as it is typed, twice and unseen, or the first line of standard input; never an argument."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        message = "no password came; type it, or send it as the first line of standard input"
        raise SentinelError(message)
    return line


def _row(user: User) -> tuple[object, ...]:
    state = "may log in" if user.is_active else "disabled"
    return (user.id, user.name, user.role, state, user.created_at, user.last_login_at)
