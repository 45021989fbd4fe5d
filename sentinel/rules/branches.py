"""What the index knows of one field: from the value that an event has there to the places below.

A reader may look while a writer changes something: it never fails then, and `RuleIndex` has it look again.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from sentinel.rules.anchors import BOOLEAN, MEMBER, NETWORK, NUMBER, PATTERN, TEXT, Key
from sentinel.rules.conditions import address_of
from sentinel.rules.patterns import PatternSet

RuleId = Hashable
Leaf = tuple[RuleId, ...]
"""Rules with nothing left to ask."""
Tables = dict[type, dict[Any, Any]]
"""By the type of the value, then by the value: so that true is not 1, and what has no hash is never looked up."""

TYPES: dict[str, tuple[type, ...]] = {TEXT: (str,), NUMBER: (int, float), BOOLEAN: (bool,)}
RECENT_PATTERNS = 32
"""Patterns that are compiled apart, so that a new one does not compile thousands again."""


class Branch:
    """All places of an index that ask for one field."""

    __slots__ = ("others", "tables")

    def __init__(self) -> None:
        self.tables: Tables = {}
        self.others: dict[type, Members | Texts | Thresholds] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no rule is left here."""
        return not any(self.tables.values()) and not any(len(other) for other in self.others.values())

    def get(self, key: Key) -> Any:
        """The place under `key`; None when there is none."""
        table, value = key
        if table in TYPES:
            return self.tables.get(TYPES[table][0], {}).get(value)
        other = self.others.get(self._types(table)[0])
        return None if other is None else other.get(key)

    def put(self, key: Key, place: Any) -> None:
        """Set the place under `key`."""
        table, value = key
        if table in TYPES:
            _table(self.tables, table)[value] = place
        else:
            self._other(table).put(key, place)

    def put_all(self, items: Iterable[tuple[Key, Any]]) -> None:
        """Set many places before any reader sees this branch."""
        places = dict(items)
        patterns = {key[1]: place for key, place in places.items() if key[0] == PATTERN}
        if patterns:
            self.others[str] = Texts(patterns)
        for key, place in places.items():
            if key[0] != PATTERN:
                self.put(key, place)

    def drop(self, key: Key) -> None:
        """Forget the place under `key`."""
        table, value = key
        if table in TYPES:
            del self.tables[TYPES[table][0]][value]
        else:
            self._other(table).drop(key)

    def _types(self, table: str) -> tuple[type, ...]:
        return {MEMBER: (list,), PATTERN: (str,), NETWORK: (str,)}.get(table, (int, float))

    def _other(self, table: str) -> Members | Texts | Thresholds:
        types = self._types(table)
        if types[0] not in self.others:
            kinds: dict[str, type[Members | Texts]] = {MEMBER: Members, PATTERN: Texts, NETWORK: Texts}
            made = kinds.get(table, Thresholds)()
            for each in types:
                self.others[each] = made
        return self.others[types[0]]


class Members:
    """Elements of a list."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: Tables = {}

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def __call__(self, values: list[Any]) -> Iterable[Any]:
        """The places for the elements of `values`, each once."""
        found = {}
        for value in values:
            table = self._tables.get(type(value))
            if table is not None and (place := table.get(value)) is not None:
                found[id(place)] = place
        return found.values()

    def get(self, key: Key) -> Any:
        """As `Branch.get`."""
        return self._tables.get(type(key[1]), {}).get(key[1])

    def put(self, key: Key, place: Any) -> None:
        """As `Branch.put`."""
        _table(self._tables, TEXT if isinstance(key[1], str) else NUMBER)[key[1]] = place

    def drop(self, key: Key) -> None:
        """As `Branch.drop`."""
        del self._tables[type(key[1])][key[1]]


class Thresholds:
    """Numbers to be above or below, sorted: those that a value passes stand side by side."""

    __slots__ = ("_sorted",)

    def __init__(self) -> None:
        self._sorted: dict[str, tuple[list[float], list[Any]]] = {}

    def __len__(self) -> int:
        return sum(len(numbers) for numbers, _ in self._sorted.values())

    def __call__(self, value: float) -> list[Any]:
        """The places of all thresholds that `value` passes."""
        found: list[Any] = []
        if value != value:  # noqa: PLR0124 - not a number passes nothing
            return found
        for operator, (numbers, places) in self._sorted.items():
            found += PASSED[operator](numbers, places, value)
        return found

    def get(self, key: Key) -> Any:
        """As `Branch.get`."""
        numbers, places = self._sorted.get(key[0], ([], []))
        at = bisect_left(numbers, key[1])
        return places[at] if at < len(numbers) and numbers[at] == key[1] else None

    def put(self, key: Key, place: Any) -> None:
        """As `Branch.put`."""
        operator, number = key
        if operator not in self._sorted:
            # A new dict, for a reader may be going through the old one.
            self._sorted = {**self._sorted, operator: ([], [])}
        numbers, places = self._sorted[operator]
        at = bisect_left(numbers, number)
        if at < len(numbers) and numbers[at] == number:
            places[at] = place
        else:
            places.insert(at, place)
            numbers.insert(at, number)

    def drop(self, key: Key) -> None:
        """As `Branch.drop`."""
        numbers, places = self._sorted[key[0]]
        at = bisect_left(numbers, key[1])
        del numbers[at], places[at]


PASSED: dict[str, Callable[[list[float], list[Any], float], list[Any]]] = {
    ">": lambda numbers, places, value: places[: bisect_left(numbers, value)],
    ">=": lambda numbers, places, value: places[: bisect_right(numbers, value)],
    "<": lambda numbers, places, value: places[bisect_right(numbers, value) :],
    "<=": lambda numbers, places, value: places[bisect_left(numbers, value) :],
}


class Texts:
    """What a text may be besides equal: an address in a network, or one that patterns occur in."""

    __slots__ = ("_networks", "_patterns")

    def __init__(self, patterns: dict[str, Any] | None = None) -> None:
        self._networks = Networks()
        self._patterns = Patterns(patterns)

    def __len__(self) -> int:
        return len(self._networks) + len(self._patterns)

    def __call__(self, text: str) -> list[Any]:
        """The places of all networks and patterns that `text` satisfies."""
        return [*self._networks(text), *self._patterns(text)]

    def get(self, key: Key) -> Any:
        """As `Branch.get`."""
        return self._of(key).get(key)

    def put(self, key: Key, place: Any) -> None:
        """As `Branch.put`."""
        self._of(key).put(key, place)

    def drop(self, key: Key) -> None:
        """As `Branch.drop`."""
        self._of(key).drop(key)

    def _of(self, key: Key) -> Networks | Patterns:
        return self._networks if key[0] == NETWORK else self._patterns


class Networks:
    """Networks by their size: an address is looked up once for each size there is."""

    __slots__ = ("_sizes",)

    def __init__(self) -> None:
        self._sizes: dict[tuple[int, int], dict[int, Any]] = {}

    def __len__(self) -> int:
        return sum(len(places) for places in self._sizes.values())

    def __call__(self, text: str) -> list[Any]:
        """The places of all networks that the address is in; none for other texts."""
        found: list[Any] = []
        address = address_of(text) if self._sizes else None
        if address is None:
            return found
        version, number = address
        for (of_version, mask), places in self._sizes.items():
            if of_version == version and (place := places.get(number & mask)) is not None:
                found.append(place)
        return found

    def get(self, key: Key) -> Any:
        """As `Branch.get`."""
        size, base = _network(key[1])
        return self._sizes.get(size, {}).get(base)

    def put(self, key: Key, place: Any) -> None:
        """As `Branch.put`."""
        size, base = _network(key[1])
        if size not in self._sizes:
            # A new dict, for a reader may be going through the old one.
            self._sizes = {**self._sizes, size: {}}
        self._sizes[size][base] = place

    def drop(self, key: Key) -> None:
        """As `Branch.drop`."""
        size, base = _network(key[1])
        del self._sizes[size][base]
        if not self._sizes[size]:
            self._sizes = {known: places for known, places in self._sizes.items() if known != size}


class Patterns:
    """Patterns and parts of text, all found in one pass; the recent ones in a pass of their own."""

    __slots__ = ("_places", "_recent", "_sets")

    def __init__(self, places: dict[str, Any] | None = None) -> None:
        self._places: dict[str, Any] = places or {}
        self._recent: list[str] = []
        self._sets: tuple[PatternSet, ...] = (PatternSet(tuple(self._places)),) if self._places else ()

    def __len__(self) -> int:
        return len(self._places)

    def __call__(self, text: str) -> list[Any]:
        """The places of all patterns that occur in `text`."""
        places = self._places
        found = [places.get(pattern) for each in self._sets for pattern in each.found_in(text)]
        return [place for place in found if place is not None]

    def get(self, key: Key) -> Any:
        """As `Branch.get`."""
        return self._places.get(key[1])

    def put(self, key: Key, place: Any) -> None:
        """As `Branch.put`."""
        is_known = key[1] in self._places
        self._places[key[1]] = place
        if not is_known:
            self._compile(key[1])

    def drop(self, key: Key) -> None:
        """As `Branch.drop`. The sets forget it when they are next compiled."""
        del self._places[key[1]]
        self._recent = [pattern for pattern in self._recent if pattern != key[1]]

    def _compile(self, pattern: str) -> None:
        self._recent = [*self._recent, pattern]
        if len(self._recent) > RECENT_PATTERNS or not self._sets:
            self._recent = []
            self._sets = (PatternSet(tuple(self._places)),)
        else:
            self._sets = (self._sets[0], PatternSet(tuple(self._recent)))


def _table(tables: Tables, table: str) -> dict[Any, Any]:
    first, *more = TYPES[table]
    if first not in tables:
        made: dict[Any, Any] = {}
        for each in (first, *more):
            tables[each] = made
    return tables[first]


def _network(text: str) -> tuple[tuple[int, int], int]:
    """Version and mask of a network, and its first address."""
    network = ipaddress.ip_network(text)
    return (network.version, int(network.netmask)), int(network.network_address)
