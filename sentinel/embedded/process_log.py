"""One readable log out of many processes: whole lines, each with its process's name in front."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TextIO

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
LONGEST_LINE = 65_536
NAME_WIDTH = 10


class Console:
    """Writes `name | line`; names have colours on a terminal, unless NO_COLOR is set."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._has_colours = out.isatty() and not os.environ.get("NO_COLOR")
        self._codes: dict[str, int] = {}

    def write(self, name: str, line: str) -> None:
        """Print one line of `name`."""
        prefix = f"{name:<{NAME_WIDTH}} |"
        if self._has_colours:
            code = self._codes.setdefault(name, COLOURS[len(self._codes) % len(COLOURS)])
            prefix = f"\033[{code}m{prefix}\033[0m"
        self._out.write(f"{prefix} {line}\n")
        self._out.flush()


class ProcessLog:
    """Takes a process's output in chunks, passes on whole lines, and keeps what `sentinel up` asks about later."""

    def __init__(self, name: str, write: Callable[[str, str], None], ready_mark: str | None = None) -> None:
        self.last_line = ""
        self.is_marked_ready = ready_mark is None
        self._name = name
        self._write = write
        self._ready_mark = ready_mark
        self._rest: dict[int, bytes] = {}

    def __call__(self, chunk: dict[str, Any]) -> None:
        """Circus calls this with `{pid, data}`; a process that is started again has another pid."""
        *lines, rest = (self._rest.pop(chunk["pid"], b"") + chunk["data"]).split(b"\n")
        for line in lines:
            self._pass_on(line)
        if len(rest) > LONGEST_LINE:
            self._pass_on(rest)
        elif rest:
            self._rest[chunk["pid"]] = rest

    def finish(self) -> None:
        """The process has ended: what it wrote last need not end with a newline."""
        for rest in self._rest.values():
            self._pass_on(rest)
        self._rest.clear()

    def _pass_on(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        if not line:
            return
        self.last_line = line
        if self._ready_mark and self._ready_mark in line:
            self.is_marked_ready = True
        self._write(self._name, line)
