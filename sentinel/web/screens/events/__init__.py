"""Events: what came in, what became of it, and why a rule spoke or did not."""

from __future__ import annotations

from sentinel.web.screens.events import acting
from sentinel.web.screens.events.showing import blueprint

__all__ = ["acting", "blueprint"]
