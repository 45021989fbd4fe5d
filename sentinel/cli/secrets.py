"""`sentinel secrets`: the keys that seal secrets in the database."""

from __future__ import annotations

import sys

import click

from sentinel.cli.database import operator_work
from sentinel.sealing import new_secret_key
from sentinel.services.access import secrets as service
from sentinel.services.access.secrets import Standing

SHOWN_IDS = 20


@click.group(epilog="Example: sentinel secrets check")
def secrets() -> None:
    """Make and change the keys that seal secrets of webhooks and integrations."""


@secrets.command("new-key", epilog="Example: SENTINEL_SECRET_KEYS=$(sentinel secrets new-key)")
def new_key() -> None:
    """Print a new key for SENTINEL_SECRET_KEYS. It is stored nowhere: keep it with your other passwords."""
    click.echo(new_secret_key())


@secrets.command(epilog="Example: SENTINEL_SECRET_KEYS=NEW,OLD sentinel secrets rotate")
def rotate() -> None:
    """Seal all secrets with the first key. Safe to repeat, and while everything runs."""
    standing = service.rotate(operator_work)
    click.echo(
        f"{standing.older + standing.clear} secrets are sealed anew with the first key, "
        f"{standing.fresh} were sealed with it before."
    )
    refuse_unreadable(standing)


@secrets.command(epilog="Example: sentinel secrets check && echo well")
def check() -> None:
    """Look whether all secrets can be opened. Changes nothing; exit code 1 if one cannot."""
    with operator_work() as uow:
        standing = service.check(uow)
    click.echo(
        f"{standing.fresh} secrets are sealed with the first key, {standing.older} with another, "
        f"{standing.clear} not at all."
    )
    if standing.older or standing.clear:
        click.echo("Run `sentinel secrets rotate` to seal all of them with the first key.")
    refuse_unreadable(standing)


def refuse_unreadable(standing: Standing) -> None:
    """Name whose secrets no key opens; what is to be signed or checked with them waits."""
    if not standing.unreadable:
        return
    owners = ", ".join(standing.unreadable[:SHOWN_IDS])
    more = "" if len(standing.unreadable) <= SHOWN_IDS else f" and {len(standing.unreadable) - SHOWN_IDS} more"
    click.secho(
        f"{len(standing.unreadable)} secrets cannot be opened: {owners}{more}. Add the key that sealed "
        "them to SENTINEL_SECRET_KEYS, or give them new ones with POST /endpoints/ID/rotate-secret or PATCH "
        "/integrations/ID.",
        fg="red",
        err=True,
    )
    sys.exit(1)
