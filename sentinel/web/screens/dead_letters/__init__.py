"""Dead letters: what ended badly, by cause, and how it starts over."""

from __future__ import annotations

from sentinel.web.screens.dead_letters import acting
from sentinel.web.screens.dead_letters.showing import blueprint

__all__ = ["acting", "blueprint"]
