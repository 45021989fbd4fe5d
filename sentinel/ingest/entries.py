"""What a stream holds, whatever kind of stream it is, what a source of it can do, and what an operator asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `id` names it for good (`stream:position`), `key` is what its source knows it by."""

    id: str
    stream: str
    fields: Mapping[bytes, bytes]
    key: Any


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that can never become an event, and why."""

    entry: Entry
    reason: str

    @property
    def notes(self) -> dict[str, str]:
        """What is written beside the entry where dead letters lie."""
        return {"sentinel.error": self.reason, "sentinel.entry": self.entry.id}


@dataclass(frozen=True, slots=True)
class Pace:
    """How many entries are gathered at most for one commit, and how long."""

    batch: int = 500
    linger_seconds: float = 0.05


class Form(StrEnum):
    """How entries are written."""

    AUTO = "auto"
    """By the names of their fields: JSON text in `data`, `json` or `event`, Protobuf in `proto`, else flat fields."""
    FIELDS = "fields"
    """Each field of an entry is a field of the event, whatever it is called."""
    PROTOBUF = "protobuf"
    """Protobuf in `proto` or `data`."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Whose events the entries of a source become, who hears them, and how they are written."""

    source: str
    client: str
    form: Form = Form.AUTO
    audience: str = "own"
    prefix: str = ""
    """Stands before an entry's id where that becomes an event's: two servers may have places of the same name."""


class Source(Protocol):
    """A stream, or several, as one reader of a group sees it. What cannot be reached raises `AwayError`."""

    kind: str
    group: str
    teller: str
    """Whose lag `lags` counts: this reader's name, or none where each reader knows that of the whole group."""
    is_here: bool
    """Whether it lies on Sentinel's own Redis, where the console can look at it."""

    def read(self) -> Sequence[Entry]:
        """Gather entries that this reader is to store; none if none come for a moment."""

    def settle(self, entries: Sequence[Entry], dead: Sequence[DeadLetter]) -> None:
        """Put the dead ones where dead letters lie, then let the group go on behind all `entries`."""

    def rest(self, seconds: float) -> None:
        """Wait, at most until this process is to stop, and stay a member of the group."""

    def lags(self) -> Mapping[str, int]:
        """Count what is not settled yet, by stream; without those of which it is not known."""

    def close(self) -> None:
        """Leave the group."""
