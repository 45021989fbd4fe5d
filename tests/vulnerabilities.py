"""`make audit`: compare the locked packages with the known vulnerabilities, and say plainly when that was not possible.

pip-audit alone says "No known vulnerabilities found" even when its service knew no package at all, as behind a mirror.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK_FILE = "requirements-dev.txt"
"""Holds all of the other lock files."""

PATIENCE_SECONDS = 240
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is to say, and whether `make check` must stop."""

    lines: tuple[str, ...]
    is_bad: bool = False

    @property
    def text(self) -> str:
        """As it is printed."""
        return "\n".join(self.lines)


def main(arguments: Sequence[str]) -> int:
    """Judge the lock file (or the one that is named), print what was found, return the exit code."""
    finding = look_up(Path(arguments[0] if arguments else LOCK_FILE))
    sys.stdout.write(f"audit: {finding.text}\n")
    return 1 if finding.is_bad else 0


def look_up(lock_file: Path, *options: str) -> Finding:
    """Ask pip-audit about every package of `lock_file`."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(lock_file)]
    command += ["--format", "json", "--progress-spinner", "off", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {PATIENCE_SECONDS} s")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return _skipped(last[:LONGEST_REASON])
    return judge(packages)


def judge(packages: Sequence[dict[str, Any]]) -> Finding:
    """Say what pip-audit's report means."""
    unjudged = [each["name"] for each in packages if "skip_reason" in each]
    if len(unjudged) == len(packages):
        return _skipped("the service that was asked knows none of these packages; is it a mirror without such data?")
    found = [_in_words(each, flaw) for each in packages for flaw in each.get("vulns", ())]
    unsaid = (f"not judged, because the service does not know them: {', '.join(unjudged)}",) if unjudged else ()
    if found:
        return Finding((f"{len(found)} known vulnerabilities", *found, *unsaid), is_bad=True)
    return Finding((f"no known vulnerability in {len(packages) - len(unjudged)} packages", *unsaid))


def _in_words(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    mended = ", ".join(flaw.get("fix_versions") or ()) or "no version yet"
    return f"  {package['name']} {package['version']}: {flaw['id']}, mended in {mended}"


def _skipped(why: str) -> Finding:
    return Finding((f"SKIPPED, nothing was compared: {why}",))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
