"""Two people at one form: who saves later sees what the other one wrote, and loses nothing of their own."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.web.numbers import whole

MEANWHILE = "Somebody else has changed this since you opened it. Nothing of yours is lost: compare, and save."
GONE = "Somebody else has deleted this meanwhile. Nothing of yours is lost: it becomes a new one when you save it."
VERSION = "version"


def version_read(values: Mapping[str, str]) -> int:
    """The version that somebody has read; 0, which none has, where the form says none."""
    return whole(values.get(VERSION, ""))


def differing(now: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """What there is now where it differs from what was sent."""
    return {name: value for name, value in now.items() if name != VERSION and sent.get(name, "") != value}
