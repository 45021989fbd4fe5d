"""`sentinel config`: every setting, its value, where it came from and what it means."""

from __future__ import annotations

from dataclasses import asdict

import click

from sentinel.cli.output import print_json, print_table
from sentinel.services.watching.effective_settings import described
from sentinel.settings import load_settings

COLUMNS = ("variable", "value", "from", "meaning")


@click.group(epilog="Example: sentinel config show --json")
def config() -> None:
    """See what Sentinel reads from its environment."""


@config.command(epilog="Example: sentinel config show")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def show(*, as_json: bool) -> None:
    """Show every setting. Secrets, and passwords inside URLs, are printed as stars."""
    found = list(described(load_settings()))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    print_table(COLUMNS, [(each.variable, each.value, each.source, each.meaning) for each in found])
