"""The state directory: who may use it, where the servers' data lie, whether the disk has room."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sentinel.embedded.account import Account, service_account
from sentinel.errors import ConfigurationError, ConflictError

SHARED_DATA = Path("/var/lib/sentinel")
NEEDED_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class State:
    """One claimed state directory."""

    path: Path
    data_root: Path
    account: Account | None

    @property
    def port_book(self) -> Path:
        """Where the servers' ports are written down."""
        return self.path / "ports.json"


@contextmanager
def claimed_state(path: Path) -> Iterator[State]:
    """The state directory at `path`, made if need be, for this process alone.

    A lock, not a pid file: the kernel gives it back however the holder ends.
    """
    path = path.absolute()
    _make_directory(path)
    with (path / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Sentinel is already running on {path}; stop it, or set SENTINEL_STATE_DIR to another directory"
            raise ConflictError(message) from None
        account = service_account()
        yield State(path, _data_root(path, account), account)


def require_space(path: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Refuse to start servers on a disk that is nearly full."""
    free = shutil.disk_usage(path).free
    if free < needed_bytes:
        message = (
            f"{path} has {free // 2**20} MB of free disk space, Sentinel needs {needed_bytes // 2**20} MB to start; "
            "make room, or set SENTINEL_STATE_DIR to a directory on another disk"
        )
        raise ConfigurationError(message)


def _make_directory(path: Path) -> None:
    # Root's servers run as somebody else, who must be able to pass through; every file with a secret is 0600.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        (path / "up.lock").touch(mode=0o600)
    except OSError as error:
        message = f"cannot write to {path} ({error.strerror}); set SENTINEL_STATE_DIR to a directory of your own"
        raise ConfigurationError(message) from None


def _data_root(state_path: Path, account: Account | None) -> Path:
    """Where data live: inside the state directory, unless the servers' user cannot reach that (a home of mode 0700)."""
    data_root = state_path / "servers"
    if account and not account.can_reach(state_path):
        data_root = SHARED_DATA / hashlib.sha256(os.fsencode(state_path)).hexdigest()[:12]
        data_root.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not account.can_reach(data_root.parent):
            message = f"user {account.name} can reach neither {state_path} nor {SHARED_DATA}; set SENTINEL_STATE_DIR"
            raise ConfigurationError(message)
    data_root.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(data_root, account.uid, account.gid)
    return data_root
