"""The ledger of all that arrived, and the script of what is answered."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sentinel.stand_ins.callbacks import Reporter
from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.ledger import Entry
from sentinel.stand_ins.messages import Credentials


class Book:
    """The ledger and the script of one stand-in."""

    def __init__(self, credentials: Credentials, ledger: Path | None = None) -> None:
        self.credentials = credentials
        self.entries: list[Entry] = []
        self.taken: dict[str, list[Entry]] = {}  # by recipient: a question must not read all that ever came
        self.connections = 0
        self.open: dict[asyncio.Transport, asyncio.Event] = {}
        self.queue: deque[Fault] = deque()
        self.by_recipient: dict[str, deque[Fault]] = {}
        self.always: Fault | None = None
        self.questions: list[str] = []
        self.for_questions: deque[Fault] = deque()
        self.reporter = Reporter(credentials)
        # Unbuffered: each line is with the kernel before its request is answered.
        self._file = ledger.open("ab", buffering=0) if ledger else None

    def write(self, entry: Entry) -> None:
        """Put one request on record."""
        self.entries.append(entry)
        if entry.message_id is not None:
            self.taken.setdefault(entry.recipient, []).append(entry)
        if self._file:
            self._file.write(json.dumps(asdict(entry)).encode() + b"\n")

    def close(self) -> None:
        """Close the ledger's file."""
        if self._file:
            self._file.close()

    def fault_for(self, recipient: str) -> Fault | None:
        """The next fault: by recipient (its last one stays), from the queue, or the one that is always on."""
        if faults := self.by_recipient.get(recipient):
            return faults.popleft() if len(faults) > 1 else faults[0]
        return self.queue.popleft() if self.queue else self.always

    def fault_for_question(self) -> Fault | None:
        """The next fault of a look-up: scripted for look-ups, or the one that is always on."""
        return self.for_questions.popleft() if self.for_questions else self.always

    def forget(self) -> None:
        """Empty the script and the ledger in memory (a file keeps its lines)."""
        for each in (self.queue, self.by_recipient, self.entries, self.taken, self.questions, self.for_questions):
            each.clear()
        self.reporter.forget()
        self.always, self.connections = None, 0

    def takes_reset_unread(self) -> bool:
        """Whether the connection just made is to be reset at once."""
        if self.queue and self.queue[0].ending == "reset_unread":
            self.queue.popleft()
            return True
        return self.always is not None and self.always.ending == "reset_unread"

    def script(self, faults: dict[str, Any]) -> None:
        """Take over the JSON of `PUT /_control/faults`; a key that is absent leaves its part as it is."""
        if faults.get("forget"):
            self.forget()
        if "reports" in faults:
            self.reporter.script(faults["reports"])
        if "queue" in faults:
            self.queue = deque(Fault(**fault) for fault in faults["queue"])
        if "recipients" in faults:
            self.by_recipient = {
                to: deque(Fault(**fault) for fault in each) for to, each in faults["recipients"].items()
            }
        if "lookups" in faults:
            self.for_questions = deque(Fault(**fault) for fault in faults["lookups"])
        if "always" in faults:
            self.always = Fault(**faults["always"]) if faults["always"] else None
