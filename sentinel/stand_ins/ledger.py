"""What arrived at a stand-in: one entry for each request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that arrived, and how it was answered. `status` is None when it was not answered at all."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    recipient: str
    text: str
    peer_port: int
    status: int | None
    ending: str
    message_id: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the sender got a whole acceptance."""
        return self.message_id is not None and self.ending == "whole"


def read_ledger(path: Path) -> list[Entry]:
    """The ledger a stand-in process writes; complete up to the last request it answered."""
    return [Entry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
