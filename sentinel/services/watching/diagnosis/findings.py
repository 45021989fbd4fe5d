"""What a check says: all is well, be careful, or broken and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; only `broken` makes `sentinel doctor` fail."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and the remedy if something is to be done."""

    subject: str
    level: Level
    message: str
    remedy: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """The shape `sentinel doctor --json` prints."""
        return asdict(self)


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """It works, but not as an operator would want it."""
    return Finding(subject, Level.WARNING, message, remedy)


def broken(subject: str, message: str, remedy: str) -> Finding:
    """Notifications are not accepted, not sent, or will be lost."""
    return Finding(subject, Level.BROKEN, message, remedy)


def first_line(error: BaseException) -> str:
    """What an error says, without the pages that drivers add."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
