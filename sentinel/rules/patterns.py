"""Regular expressions by RE2: linear in the text, bounded in memory, many of them in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import re2

from sentinel.rules import limits

SET_BYTES = 8 << 20
BYTES_PER_PATTERN = 8 << 10
CACHED_PATTERNS = 10_000


class PatternSet:
    """Finds which of many patterns occur in a text. RE2 walks the text once for all of them together."""

    __slots__ = ("_halves", "_patterns", "_set")

    def __init__(self, patterns: Sequence[str], memory: int = 0) -> None:
        self._patterns = tuple(patterns)
        self._halves: tuple[PatternSet, ...] = ()
        self._set = re2.Set.SearchSet(_options(memory or SET_BYTES + BYTES_PER_PATTERN * len(patterns)))
        for pattern in patterns:
            self._set.Add(pattern)
        try:
            self._set.Compile()
        except re2.error:
            self._split()

    def found_in(self, text: str) -> Sequence[str]:
        """Those of the patterns that occur in `text`; none in a text that is no valid Unicode."""
        if self._halves:
            return [pattern for half in self._halves for pattern in half.found_in(text)]
        try:
            hits = self._set.Match(text)
        except UnicodeEncodeError:
            return ()
        return [self._patterns[hit] for hit in hits] if hits else ()

    def _split(self) -> None:
        """Patterns that are too much together may still do apart."""
        if len(self._patterns) == 1:
            raise ValueError("it needs too much memory")
        middle = len(self._patterns) // 2
        self._halves = PatternSet(self._patterns[:middle]), PatternSet(self._patterns[middle:])


@lru_cache(maxsize=CACHED_PATTERNS)
def single(pattern: str) -> PatternSet:
    """One pattern, compiled once; quicker than RE2's own wrapper for single patterns."""
    return PatternSet((pattern,), limits.PATTERN_BYTES)


def problem(pattern: str) -> str | None:
    """Why `pattern` is refused; None when it is fine."""
    if sum(pattern.count(wild) for wild in (".*", ".+")) > limits.WILD_REPEATS:
        return f"more than {limits.WILD_REPEATS} of .* and .+"
    try:
        re2.compile(pattern, _options(limits.PATTERN_BYTES))
        single(pattern)
    except re2.error as error:
        reason = error.args[0]
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    except ValueError as error:
        return str(error)
    return None


def literal(text: str, *, before: str = "", after: str = "") -> str:
    """A pattern for exactly `text`."""
    return f"{before}{re2.escape(text)}{after}"


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return options
