"""Which of many rules an event matches, without asking them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sentinel.rules.anchors import demands
from sentinel.rules.branches import RuleId
from sentinel.rules.syntax import Condition
from sentinel.rules.tree import Entry, Place, build, insert, remove


class RuleIndex:
    """Rules by what an event must have. Many threads may read it while one changes it.

    A reader takes no lock, unless a change is under way: then it waits for its end and looks again. So while a rule is
    replaced an event sees the old one or the new one, never neither and never both.
    """

    __slots__ = ("_changes", "_conditions", "_lock", "_root")

    def __init__(self, rules: Iterable[tuple[RuleId, Condition]] = ()) -> None:
        self._conditions = dict(rules)
        self._root: Place = build([_entry(*rule) for rule in self._conditions.items()])
        self._lock = Lock()
        self._changes = 0  # odd while a change is under way

    def __len__(self) -> int:
        return len(self._conditions)

    def __contains__(self, rule_id: RuleId) -> bool:
        return rule_id in self._conditions

    def put(self, rule_id: RuleId, condition: Condition) -> None:
        """Add a rule, or replace the one of this id."""
        with self._changing():
            self._take_out(rule_id)
            self._root = insert(self._root, _entry(rule_id, condition))
            self._conditions[rule_id] = condition

    def discard(self, rule_id: RuleId) -> None:
        """Take a rule out, if it is there."""
        with self._changing():
            self._take_out(rule_id)

    def match(self, event: Mapping[str, Any]) -> list[RuleId]:
        """The ids of all rules that `event` matches, each once, in no order."""
        changes = self._changes
        found = self._found(event)
        if changes & 1 or changes != self._changes:
            with self._lock:
                return self._found(event)
        return found

    def _found(self, event: Mapping[str, Any]) -> list[RuleId]:
        """Walk down the tree: one loop, for this is what every event pays for."""
        found: list[RuleId] = []
        repeats = False
        waiting: list[Place] = [self._root]
        for place in waiting:
            if isinstance(place, tuple):
                found += place
                continue
            found += place.done
            repeats = repeats or place.repeats
            for holds, rule_id, _, _ in place.checks:
                if holds(event):
                    found.append(rule_id)
            for name, inner, tables, others in place.probes:
                value = event.get(name)
                if value is None:
                    continue
                if inner is not None:
                    value = inner(value)
                kind = type(value)
                table = tables.get(kind)
                if table is not None and (below := table.get(value)) is not None:
                    waiting.append(below)
                if others and (other := others.get(kind)) is not None:
                    waiting += other(value)
        return list(dict.fromkeys(found)) if repeats else found

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            self._changes += 1
            try:
                yield
            finally:
                self._changes += 1

    def _take_out(self, rule_id: RuleId) -> None:
        condition = self._conditions.pop(rule_id, None)
        if condition is None:
            return
        root = remove(self._root, _entry(rule_id, condition))
        if root is None:
            raise AssertionError(f"rule {rule_id} is not where it was put")
        self._root = root


def _entry(rule_id: RuleId, condition: Condition) -> Entry:
    return Entry(rule_id, demands(condition))
