"""The unprivileged user that servers run as when Sentinel is started by root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from sentinel.errors import ConfigurationError

ACCOUNT_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user that owns servers and their data."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether the mode bits let this user open `path`, every directory above it included."""
        return all(self._may_enter(place) for place in (path, *path.parents))

    def _may_enter(self, place: Path) -> bool:
        status = place.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def service_account() -> Account | None:
    """None for an ordinary user, who runs servers as themselves; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    message = (
        f"PostgreSQL does not run as root, and neither user {' nor '.join(ACCOUNT_NAMES)} exists; "
        "start Sentinel as an ordinary user, or set DATABASE_URL and REDIS_URL"
    )
    raise ConfigurationError(message)
