"""The exception family. A message says what went wrong, with which value, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SHOWN = 100
"""Most characters of a refused value that its error repeats."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: its dotted name, the value seen, why, and the remedy."""

    field: str
    value: Any
    message: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """The shape every API error prints: `{field, value, message, remedy}`."""
        return asdict(self)


def shown(value: Any) -> Any:
    """Shorten a refused value for its error."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
    if isinstance(value, bool | int | float) or value is None:
        return value
    return "(object)" if isinstance(value, Mapping) else "(array)"


class SentinelError(Exception):
    """Anything Sentinel raises on purpose; caught by the API, the tasks and the CLI only."""


class NotFoundError(SentinelError):
    """What was asked for does not exist, or belongs to another client."""


class ConflictError(SentinelError):
    """The request contradicts what is stored now; `retry_after_seconds` says if waiting helps."""

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NoKeyError(ConflictError):
    """A secret cannot be kept, since this installation has no key to seal it with."""


class UnreadableSecretError(ConflictError):
    """A secret in the database was sealed with a key that is not among those of this process."""


class InvalidInputError(SentinelError):
    """Input was understood but refused; `errors` names each field."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message} ({e.remedy})" for e in errors))
        self.errors = errors


class TooBroadError(SentinelError):
    """Finding that would read more than somebody waits for; what is narrower can be found."""


class UnauthorizedError(SentinelError):
    """No valid API key came with the request."""


class ForbiddenError(SentinelError):
    """The API key is valid, but lacks the scope."""


class ConfigurationError(SentinelError):
    """Settings contradict each other or the place Sentinel runs in; nothing was started."""
