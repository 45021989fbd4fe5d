"""Numbers in what people send."""

from __future__ import annotations

from sentinel.services.editing import LARGEST_ID


def whole(text: str) -> int:
    """A whole number as ids and versions are; 0, which none has, where the text is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))):
        return 0
    found = int(text)
    return found if found <= LARGEST_ID else 0
