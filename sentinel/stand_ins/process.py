"""The stand-in as a process of its own."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from sentinel.stand_ins.callbacks import News
from sentinel.stand_ins.certificate import Certificate
from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.ledger import Entry, read_ledger


class ProviderProcess:
    """The stand-in as a process of its own, whose ledger is a file; with a certificate it speaks TLS."""

    def __init__(self, ledger: Path, *, certificate: Certificate | None = None) -> None:
        self._ledger = ledger
        self._certificate = certificate
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "sentinel.stand_ins", "--port", "0", "--ledger", str(self._ledger)]
        command += ["--certificate", str(self._certificate.pem)] if self._certificate else []
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

    @property
    def pid(self) -> int:
        """The process, for tests that kill it."""
        return self._process.pid

    @property
    def entries(self) -> list[Entry]:
        """All requests so far, as the file has them."""
        return read_ledger(self._ledger)

    def script(self, *faults: Fault) -> None:
        """Let each of these answer one of the next requests; replaces what is left of the last script."""
        self._put(queue=[asdict(fault) for fault in faults])

    def script_recipients(self, faults: Mapping[str, Iterable[Fault]]) -> None:
        """Let these answer by recipient; the last one stays."""
        self._put(recipients={to: [asdict(fault) for fault in each] for to, each in faults.items()})

    def script_lookups(self, *faults: Fault) -> None:
        """Let each of these answer one of the next look-ups; replaces what is left of the last script."""
        self._put(lookups=[asdict(fault) for fault in faults])

    def always(self, fault: Fault | None) -> None:
        """Let one fault answer all that no other fault answers; None ends it."""
        self._put(always=asdict(fault) if fault else None)

    def report(self, stories: Mapping[str, Iterable[Iterable[News]]], *, event_url: str | None = None) -> None:
        """Report about the messages to each recipient: one story for each message, of which the last stays."""
        recipients = {to: [[asdict(news) for news in story] for story in each] for to, each in stories.items()}
        self._put(reports={"recipients": recipients, "event_url": event_url})

    def forget(self) -> None:
        """Empty the script and the ledger's file; call it while nothing is under way."""
        self._put(forget=True)
        self._ledger.write_text("")  # the process appends

    def _put(self, **faults: Any) -> None:
        request = urllib.request.Request(  # noqa: S310 # our own process
            f"{self.url}/_control/faults", data=json.dumps(faults).encode(), method="PUT"
        )
        trusted = ssl.create_default_context(cafile=self._certificate.pem) if self._certificate else None
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
        opener = urllib.request.build_opener(*handlers)
        opener.open(request, timeout=10).close()
