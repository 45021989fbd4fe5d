"""The stand-in in a thread of the test's process."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from pathlib import Path
from typing import Self

from sentinel.stand_ins.book import Book
from sentinel.stand_ins.callbacks import News
from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.ledger import Entry
from sentinel.stand_ins.messages import Credentials
from sentinel.stand_ins.wire import closed, serve


class ProviderStandIn:
    """The stand-in in a thread of the test's process."""

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        ledger: Path | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._book = Book(credentials or Credentials(), ledger)
        self._port, self._tls = port, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider-stand-in", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(serve(self._book, port=self._port, tls=self._tls), self._loop)
        self._server = serving.result(timeout=10)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(closed(self._server, self._book), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._book.close()

    @property
    def entries(self) -> list[Entry]:
        """All requests so far, in the order in which they came."""
        return list(self._book.entries)

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._book.connections

    def script(self, *faults: Fault) -> None:
        """Let each of these answer one of the next requests, in this order."""
        self._book.queue.extend(faults)

    def script_recipient(self, recipient: str, *faults: Fault) -> None:
        """Let these answer the requests for one recipient; the last one stays. No fault: as usual again."""
        self._book.by_recipient[recipient] = deque(faults)

    @property
    def lookups(self) -> list[str]:
        """The addresses of all look-ups so far; they are not in the ledger."""
        return list(self._book.questions)

    def script_lookups(self, *faults: Fault) -> None:
        """Let each of these answer one of the next look-ups, in this order."""
        self._book.for_questions.extend(faults)

    def always(self, fault: Fault | None) -> None:
        """Let one fault answer all that no other fault answers; None ends it."""
        self._book.always = fault

    def report(self, *story: News, recipient: str | None = None, event_url: str | None = None) -> None:
        """Report this about each message from now on, or about the next one to `recipient` (the last stays)."""
        reporter = self._book.reporter
        reporter.event_url = event_url or reporter.event_url
        if recipient is None:
            reporter.always = list(story)
        else:
            reporter.by_recipient.setdefault(recipient, deque()).append(list(story))

    @property
    def report_answers(self) -> list[int]:
        """The statuses that reports were answered with; 0: not at all."""
        return list(self._book.reporter.answers)

    def forget(self) -> None:
        """Empty the script and the ledger in memory (a file keeps its lines)."""
        self._book.forget()
