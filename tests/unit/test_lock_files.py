"""The lock files: what pip needs to install them with hashes, whatever has been released since."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-server.txt", "requirements-embedded.txt", "requirements-dev.txt"]
)
def test_extras_that_a_locked_package_asks_for_are_locked_with_it(name: str) -> None:
    """Else pip 23.2 looks for the newest release with the extra, for which no hash is known."""
    locked = _locked(ROOT / name)
    asked = [need for package in distributions() for need in map(Requirement, package.requires or ()) if need.extras]

    missing = {
        str(need)
        for need in asked
        if (need.marker is None or need.marker.evaluate({"extra": ""}))
        and need.extras - locked.get(canonicalize_name(need.name), need.extras)
    }

    assert missing == set()


def _locked(lock_file: Path) -> dict[str, set[str]]:
    lines = re.findall(r"^([a-zA-Z0-9][^ ;\\]*)", lock_file.read_text(), re.MULTILINE)
    return {canonicalize_name(each.name): each.extras for each in map(Requirement, lines)}
