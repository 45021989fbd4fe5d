"""`sentinel self-test`: an event goes the whole way, now, and each stage is told with its time."""

from __future__ import annotations

import sys
from datetime import datetime
from time import sleep

import click

from sentinel.cli.database import operator_work
from sentinel.cli.output import print_json, print_table
from sentinel.errors import ConflictError
from sentinel.models import SelfTest
from sentinel.queries import self_tests as queries
from sentinel.services.proving import self_tests as service
from sentinel.services.proving.verdicts import PASSED

LOOK_SECONDS = 0.1
COLUMNS = ("stage", "after")


@click.command(epilog="Example: sentinel self-test")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def self_test(*, as_json: bool) -> None:
    """Prove that Sentinel works: an event is stored, matched by a rule, and its message sent to an inbox.

    It leaves this installation nowhere, and calls no dead man's switch. Exit code 1 if it fails.
    """
    with operator_work() as uow:
        begun = service.begin(uow, service.OPERATOR)
    if begun is None:
        raise ConflictError("a self-test is under way; repeat this in a minute")
    ended = _wait(begun)
    if as_json:
        print_json({"status": ended.status, "reason": ended.reason, "stages": ended.stages})
    else:
        print_table(COLUMNS, [(each["stage"], _after(ended, each["at"])) for each in ended.stages])
        click.secho(f"{ended.status}{f': {ended.reason}' if ended.reason else ''}", fg=_colour(ended))
    sys.exit(0 if ended.status == PASSED else 1)


def _wait(self_test_id: str) -> SelfTest:
    """Look until it has ended: by its deadline it does, whoever judges it."""
    while True:
        with operator_work() as uow:
            service.judge(uow)
            found = queries.get(uow.session, self_test_id)
        if found is None:
            raise ConflictError("the self-test's row is gone; repeat this")
        if found.finished_at is not None:
            return found
        sleep(LOOK_SECONDS)


def _after(ended: SelfTest, at: str) -> str:
    return f"{(datetime.fromisoformat(at) - ended.started_at).total_seconds() * 1000:.0f} ms"


def _colour(ended: SelfTest) -> str:
    return "green" if ended.status == PASSED else "red"
