"""Dead letters: what ended badly, by cause, and how it starts over."""

from __future__ import annotations

from sentinel.web.screens.dead_letters.acting import blueprint

__all__ = ["blueprint"]
