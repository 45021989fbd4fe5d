"""Whose turn it is: load tests that wait, and those whose process is gone, get a process."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from sentinel.logs import get_logger
from sentinel.queries import clients, sweeping
from sentinel.queries import load_tests as queries
from sentinel.queries.load_tests import Turn
from sentinel.services.loading.jobs import REFUSED
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

START_SECONDS = 30
"""A process that has not said anything after this long is taken for gone."""

MOST_STARTS = 5
HOPELESS = f"its process was started {MOST_STARTS} times and nothing came of it; the workers' log says more"

_children: list[subprocess.Popen[bytes]] = []
"""Processes of this worker; asked how they ended, or they would stay in the table of processes."""


def sweep() -> int:
    """End what is to stop and runs nowhere, and start what may run; returns how many of both."""
    with unit_of_work() as uow:
        ended, turns = 0, []
        if queries.is_my_turn(uow.session):
            ended = _end(uow)
            until = uow.now + timedelta(seconds=START_SECONDS)
            at_once = get_settings().load_tests_at_once
            turns = queries.take_turns(uow.session, at_once=at_once, lease_until=until, now=uow.now)
        sweeping.record_run(uow.session, "sweep_load_tests", ended + len(turns), now=uow.now)
    for turn in turns:
        start(turn)
    _children[:] = [child for child in _children if child.poll() is None]
    return ended + len(turns)


def _end(uow: UnitOfWork) -> int:
    ended = queries.end_stopped(uow.session, now=uow.now)
    ended += queries.end_hopeless(uow.session, most_starts=MOST_STARTS, problem=HOPELESS, now=uow.now)
    if not get_settings().may_load_test:  # changed since it was begun
        ended += queries.end_refused(uow.session, problem=REFUSED, now=uow.now)
    for each in ended:
        log.info("load_test_ended", load_test_id=each.id)
        if each.key_id is not None:
            clients.revoke(uow.session, each.key_id, now=uow.now)
    return len(ended)


def start(turn: Turn) -> None:
    """Start the process that carries it out: it outlives this worker, and needs memory only while there is work."""
    command = (sys.executable, "-m", "sentinel", "load", "resume", turn.id, "--lease", turn.lease_id)
    quiet = subprocess.DEVNULL
    # Nothing in the command comes from outside: both are ids of ours.
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, start_new_session=True)
    _children.append(child)
    log.info("load_test_started", load_test_id=turn.id, pid=child.pid)
