"""The `sentinel` command. Each command lives in a module of its own and is imported only when it is asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.resources
import sys
from keyword import iskeyword
from typing import ClassVar

import click

from sentinel.errors import SentinelError
from sentinel.logs import configure_logs
from sentinel.settings import get_settings


class Commands(click.Group):
    """The list of commands; `--help` prints their first lines without importing Celery or Flask."""

    modules: ClassVar[dict[str, str]] = {
        "up": "sentinel.cli.up",
        "api": "sentinel.cli.processes",
        "worker": "sentinel.cli.processes",
        "beat": "sentinel.cli.processes",
        "flower": "sentinel.cli.processes",
        "ingest": "sentinel.cli.ingest",
        "db": "sentinel.cli.db",
        "keys": "sentinel.cli.keys",
        "users": "sentinel.cli.users",
        "secrets": "sentinel.cli.secrets",
        "notifications": "sentinel.cli.notifications",
        "dead-letters": "sentinel.cli.dead_letters",
        "audit": "sentinel.cli.audit",
        "metrics": "sentinel.cli.metrics",
        "rules": "sentinel.cli.rules",
        "import": "sentinel.cli.importing",
        "tickets": "sentinel.cli.tickets",
        "groups": "sentinel.cli.groups",
        "escalation-policies": "sentinel.cli.escalation_policies",
        "rotations": "sentinel.cli.rotations",
        "silences": "sentinel.cli.silences",
        "inhibitions": "sentinel.cli.inhibitions",
        "suppressions": "sentinel.cli.suppressions",
        "integrations": "sentinel.cli.integrations",
        "heartbeats": "sentinel.cli.heartbeats",
        "drills": "sentinel.cli.drills",
        "providers": "sentinel.cli.providers",
        "policies": "sentinel.cli.policies",
        "failover-chains": "sentinel.cli.chains",
        "demo-data": "sentinel.cli.demo",
        "load": "sentinel.cli.load",
        "chaos": "sentinel.cli.chaos",
        "doctor": "sentinel.cli.doctor",
        "self-test": "sentinel.cli.self_test",
        "config": "sentinel.cli.config",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order an operator meets them."""
        del ctx
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module behind `cmd_name`; its command carries the same name."""
        del ctx
        if cmd_name not in self.modules:
            return None
        command: click.Command = getattr(importlib.import_module(self.modules[cmd_name]), _function(cmd_name))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each name with the first line of its help, read from its source: to import all takes seconds."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_line(module, _function(name))) for name, module in self.modules.items()])


def _function(command: str) -> str:
    return f"{command}_command" if iskeyword(command) else command.replace("-", "_")


def _first_line(module: str, function: str) -> str:
    tree = ast.parse(importlib.resources.files(__name__).joinpath(f"{module.rpartition('.')[2]}.py").read_bytes())
    found = next(each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == function)
    return (ast.get_docstring(found) or "").partition("\n\n")[0]


@click.command(cls=Commands, epilog="Example: sentinel notifications list --status FAILED --since 1h")
@click.version_option(package_name="sentinel", prog_name="sentinel")
def cli() -> None:
    """Sentinel: accept notifications, deliver them once, never silently."""
    configure_logs(get_settings())


def main() -> None:
    """Run the command line; an expected error is one red line and exit code 1."""
    try:
        cli()
    except SentinelError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
