"""Notifications: found, told from end to end, and started over, mended or taken back."""

from __future__ import annotations

from sentinel.web.screens.notifications import acting
from sentinel.web.screens.notifications.showing import blueprint

__all__ = ["acting", "blueprint"]
