"""`sentinel doctor`: what is well, what is not, and what to do."""

from __future__ import annotations

import sys
from collections import Counter

import click

from sentinel.cli.db import revisions
from sentinel.cli.output import harmless, print_json
from sentinel.services.watching.diagnosis import Finding, Level, diagnose
from sentinel.settings import get_settings

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.BROKEN: "red"}
SUBJECT_WIDTH = 16


@click.command(epilog="Example: sentinel doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def doctor(*, as_json: bool) -> None:
    """Check settings, database, Redis, broker, workers and backlog. Takes a few seconds; changes nothing.

    Exit code 1 if anything is broken; warnings do not count.
    """
    found = []
    for finding in diagnose(get_settings(), revisions):
        found.append(finding)
        if not as_json:
            click.echo(line(finding))
    count = Counter(finding.level for finding in found)
    if as_json:
        print_json({"is_well": not count[Level.BROKEN], "findings": [finding.as_dict() for finding in found]})
    else:
        click.echo(f"{count[Level.BROKEN]} broken, {count[Level.WARNING]} warnings, {count[Level.OK]} ok")
    sys.exit(1 if count[Level.BROKEN] else 0)


def line(finding: Finding) -> str:
    """A finding for people; the remedy stands below, where the message begins."""
    level = click.style(f"{finding.level.value:<8}", fg=COLOURS[finding.level])
    text = f"{level} {finding.subject:<{SUBJECT_WIDTH}} {harmless(finding.message)}"
    if finding.remedy is None:
        return text
    return f"{text}\n{'':<{9 + SUBJECT_WIDTH}} → {harmless(finding.remedy)}"
