"""The documentation pages in a real browser: they come to life without a line from outside this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Configure
from tests.system import System, running_system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt install chromium (README, Tests)"
)


@pytest.fixture
def system(database: Configure, tmp_path: Path) -> Iterator[System]:
    with running_system(tmp_path) as found:
        found.start_api()
        yield found


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_page_shows_every_operation_and_reports_no_error(page: str, system: System, tmp_path: Path) -> None:
    shown = _open(f"{system.url}{page}", tmp_path / "profile")

    for words in ("Accept one notification", "List notifications, newest first", "Cancel a notification"):
        assert words in shown.stdout
    complaints = [line for line in shown.stderr.splitlines() if ":CONSOLE" in line and "Redoc" not in line]
    assert complaints == []


def _open(url: str, profile: Path) -> subprocess.CompletedProcess[str]:
    """Load the page, let its scripts run, and give back the page they made; the console is on standard error."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    # As root Chromium refuses its sandbox; the page is our own.
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [str(CHROMIUM), "--headless", "--disable-gpu", "--disable-quic", *quiet, *unboxed]
    options = [f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"]
    options.append("--window-size=1280,20000")  # of a long page Swagger UI draws only what can be seen
    return subprocess.run([*command, *options, url], capture_output=True, text=True, timeout=120, check=True)
