"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a 0600 file."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def kept_password(path: Path) -> str:
    """The password in `path`; a new random one at the first call."""
    return kept_text(path, partial(secrets.token_urlsafe, 24))


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`; at the first call what `make` makes."""
    if not path.exists():
        write_private(path, make())
    return path.read_text()
