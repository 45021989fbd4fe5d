"""How other shells find a running `sentinel up`: a small file with the URLs of its servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sentinel.embedded.files import write_private
from sentinel.embedded.state import State


def announce_system(state: State, urls: Mapping[str, str]) -> None:
    """Write the variables down for `sentinel.settings.load_settings`, readable by their owner only."""
    write_private(_env_file(state), "".join(f"{name}={_quoted(value)}\n" for name, value in urls.items()))


def forget_system(state: State) -> None:
    """The servers are gone, or about to go."""
    _env_file(state).unlink(missing_ok=True)


def _env_file(state: State) -> Path:
    return state.path / "sentinel.env"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
