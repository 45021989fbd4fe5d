"""Starts one program so that it cannot outlive its supervisor: `python -I -S tether.py OPTIONS -- program …`.

Runs before the program in the same process (exec keeps the pid), with the standard library only: a virtual
environment that the unprivileged user cannot read is no obstacle.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
LOCK_SECONDS = 60


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The options before `--`, and the program after it."""
    parser = argparse.ArgumentParser(prog="tether")
    parser.add_argument("--parent", type=int, required=True, help="pid of the supervisor")
    parser.add_argument(
        "--death-signal", type=int, required=True, help="what the program gets when the supervisor dies"
    )
    parser.add_argument("--uid", type=int, help="run as this user (only root may)")
    parser.add_argument("--gid", type=int)
    parser.add_argument("--lock", type=Path, help="file locked for as long as the program or a child of it lives")
    parser.add_argument("--stale", type=Path, help="pid file that means nothing once the lock is ours")
    parser.add_argument("program", nargs="+")
    return parser.parse_args(arguments)


def drop_privileges(uid: int, gid: int) -> None:
    """Become an ordinary user for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, death_signal: int) -> None:
    """Ask the kernel for `death_signal` at the parent's end. After setuid, which would clear it again.

    Linux only: elsewhere a server outlives a supervisor that was killed, and the lock makes the next start wait.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit("the supervisor is gone")


def take_lock(lock: Path) -> None:
    """Wait until no process of an earlier run holds `lock`; the descriptor stays open across exec and fork."""

    def give_up(_number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(f"a server of an earlier run still uses {lock.parent} after {LOCK_SECONDS} s; stop it first")

    signal.signal(signal.SIGALRM, give_up)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    signal.alarm(LOCK_SECONDS)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def main(arguments: list[str]) -> NoReturn:
    """Drop privileges, tie the knot, take the lock, become the program."""
    os.dup2(1, 2)  # one stream: lines keep their order
    options = parse_arguments(arguments)
    if options.uid is not None:
        drop_privileges(options.uid, options.gid)
    die_with(options.parent, options.death_signal)
    if options.lock:
        take_lock(options.lock)
    if options.stale:
        # With the lock held nobody runs on this data: a pid in the file, even a living one, is somebody else's.
        options.stale.unlink(missing_ok=True)
    os.execv(options.program[0], options.program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
