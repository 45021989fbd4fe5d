"""The index as a tree: a node asks an event for a few fields, and what it finds there leads to the next nodes.

A rule stands under one anchor of its condition, and again under another where a node is crowded; what the way down has
not proven is asked at the end. See docs/decisions/031-index.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sentinel.rules.anchors import Anchor, Conjuncts, Key, alternatives, anchors
from sentinel.rules.branches import Branch, Leaf, RuleId
from sentinel.rules.conditions import Predicate, all_of, predicate
from sentinel.rules.fields import Reader, inner_reader
from sentinel.rules.syntax import Field

CROWD = 8
"""Rules that one node asks one by one; beyond it they are held under fields."""
CACHED_PARTS = 100_000


class Entry(NamedTuple):
    """A rule on its way down: `parts` must still hold. `is_spread`: one event may reach it in several places."""

    rule_id: RuleId
    parts: Conjuncts
    is_spread: bool = False


class Check(NamedTuple):
    """A rule that is asked on every event that comes by."""

    holds: Predicate
    rule_id: RuleId
    parts: Conjuncts
    is_spread: bool


Probe = tuple[Any, Reader | None, dict[type, dict[Any, Any]], dict[type, Any]]
"""A branch as the reader wants it: the first step of the path, the others, and the tables."""


class Node:
    """Rules that match here (`done`), rules to be asked (`checks`), and fields to look at."""

    __slots__ = ("branches", "checks", "done", "patience", "probes", "repeats")

    def __init__(self, done: Leaf = ()) -> None:
        self.done = done
        self.checks: tuple[Check, ...] = ()
        self.branches: dict[Field, Branch] = {}
        self.probes: tuple[Probe, ...] = ()
        self.repeats = False
        self.patience = 2 * CROWD

    @property
    def is_empty(self) -> bool:
        """Nothing can be found here or below."""
        return not (self.done or self.checks or self.branches)


Place = Node | Leaf


def build(entries: Sequence[Entry]) -> Place:
    """The smallest tree for `entries`."""
    if not any(entry.parts or entry.is_spread for entry in entries):
        return tuple(entry.rule_id for entry in entries)
    node = Node(tuple(entry.rule_id for entry in entries if not entry.parts))
    node.repeats = any(entry.is_spread for entry in entries)
    asked = [entry for entry in entries if entry.parts]
    if len(asked) <= CROWD:
        node.checks = tuple(_check(entry) for entry in asked)
    else:
        _settle(node, asked)
    return node


def insert(place: Place, entry: Entry) -> Place:
    """Add one rule; gives what now stands in the place."""
    node = Node(place) if isinstance(place, tuple) else place
    if isinstance(place, tuple) and not entry.parts and not entry.is_spread:
        return (*place, entry.rule_id)
    node.repeats = node.repeats or entry.is_spread
    if not entry.parts:
        node.done = (*node.done, entry.rule_id)
    elif anchor := _nearest(node, entry):
        _hang(node.branches[anchor.field], anchor, entry)
    else:
        node.checks = (*node.checks, _check(entry))
        if len(node.checks) > node.patience:
            _settle(node, [Entry(check.rule_id, check.parts, check.is_spread) for check in node.checks])
    return node


def remove(place: Place, entry: Entry) -> Place | None:
    """Take one rule out; gives what now stands in the place, None when the rule did not stand there."""
    if isinstance(place, tuple):
        is_here = not entry.parts and entry.rule_id in place
        return tuple(each for each in place if each != entry.rule_id) if is_here else None
    if _remove_here(place, entry) or _remove_below(place, entry):
        return () if place.is_empty else place
    branches = None if entry.is_spread else alternatives(entry.parts)
    found = [remove(place, Entry(entry.rule_id, parts, is_spread=True)) for parts in branches or ()]
    if all(each is None for each in found):
        return None
    return () if place.is_empty else place


def _settle(node: Node, entries: Sequence[Entry]) -> None:
    """Hold `entries` under fields of the node; those that cannot be held are asked."""
    groups, kept = _grouped(entries)
    for field, below in groups.items():
        branch = node.branches.get(field)
        if branch is None:
            branch = Branch()
            branch.put_all((key, build(group)) for key, group in below.items())
            _show(node, {**node.branches, field: branch})
        else:
            _add_groups(branch, below)
    node.checks = tuple(_check(entry) for entry in kept)
    node.patience = len(node.checks) + 2 * CROWD


Groups = dict[Field, dict[Key, list[Entry]]]


def _grouped(entries: Sequence[Entry]) -> tuple[Groups, list[Entry]]:
    """Entries by the anchor that fewest others share; those that have none apart."""
    ways = [(entry, list(anchors(entry.parts))) for entry in entries]
    ways = [way for entry, found in ways for way in ([(entry, found)] if found else _ways_spread(entry))]
    shared = Counter((anchor.field, key) for _, found in ways for anchor in found for key in anchor.keys)
    groups: Groups = {}
    kept = []
    for entry, found in ways:
        if not found:
            kept.append(entry)
            continue
        best = found[0] if len(found) == 1 else _least_shared(found, shared)
        left = Entry(entry.rule_id, best.left, entry.is_spread)
        for key in best.keys:
            groups.setdefault(best.field, {}).setdefault(key, []).append(left)
    return groups, kept


def _least_shared(found: Sequence[Anchor], shared: Counter[tuple[Field, Key]]) -> Anchor:
    best = min(each.rank for each in found)
    ways = [each for each in found if each.rank == best]
    return ways[0] if len(ways) == 1 else min(ways, key=lambda each: max(shared[each.field, key] for key in each.keys))


def _ways_spread(entry: Entry) -> Iterable[tuple[Entry, list[Anchor]]]:
    branches = None if entry.is_spread else alternatives(entry.parts)
    if branches is None:
        return [(entry, [])]
    spread = (Entry(entry.rule_id, parts, is_spread=True) for parts in branches)
    return [(each, list(anchors(each.parts))) for each in spread]


def _nearest(node: Node, entry: Entry) -> Anchor | None:
    """The anchor in a field that the node asks anyway, with the fewest rules under it."""
    known = [anchor for anchor in anchors(entry.parts) if anchor.field in node.branches]
    return min(known, key=lambda anchor: (anchor.rank, _weight(node, anchor))) if known else None


def _weight(node: Node, anchor: Anchor) -> int:
    return max(_size(node.branches[anchor.field].get(key)) for key in anchor.keys)


def _size(place: Place | None) -> int:
    if place is None:
        return 0
    return len(place) if isinstance(place, tuple) else len(place.done) + len(place.checks) + CROWD * len(place.branches)


def _hang(branch: Branch, anchor: Anchor, entry: Entry) -> None:
    left = Entry(entry.rule_id, anchor.left, entry.is_spread)
    for key in anchor.keys:
        place = branch.get(key)
        branch.put(key, build([left]) if place is None else insert(place, left))


def _add_groups(branch: Branch, below: dict[Key, list[Entry]]) -> None:
    for key, group in below.items():
        place = branch.get(key)
        if place is None:
            branch.put(key, build(group))
            continue
        for entry in group:
            place = insert(place, entry)
        branch.put(key, place)


def _show(node: Node, branches: dict[Field, Branch]) -> None:
    node.branches = branches
    node.probes = tuple(
        (field.path[0], inner_reader(field), branch.tables, branch.others) for field, branch in branches.items()
    )


def _remove_here(node: Node, entry: Entry) -> bool:
    if not entry.parts and entry.rule_id in node.done:
        node.done = tuple(each for each in node.done if each != entry.rule_id)
        return True
    left = tuple(check for check in node.checks if not _is_of(check, entry))
    is_here = len(left) < len(node.checks)
    node.checks = left
    return is_here


def _is_of(check: Check, entry: Entry) -> bool:
    # As sets: two branches of one disjunction may say the same in another order.
    return check.rule_id == entry.rule_id and set(check.parts) == set(entry.parts)


def _remove_below(node: Node, entry: Entry) -> bool:
    for anchor in anchors(entry.parts):
        branch = node.branches.get(anchor.field)
        if branch is None:
            continue
        left = Entry(entry.rule_id, anchor.left, entry.is_spread)
        found = [(key, remove(place, left)) for key in anchor.keys if (place := branch.get(key)) is not None]
        for key, place in found:
            if place == ():
                branch.drop(key)
            elif place is not None:
                branch.put(key, place)
        if branch.is_empty:
            _show(node, {field: each for field, each in node.branches.items() if each is not branch})
        if any(place is not None for _, place in found):
            return True
    return False


def _check(entry: Entry) -> Check:
    holds, parts = _asked(entry.parts)
    return Check(holds, entry.rule_id, parts, entry.is_spread)


@lru_cache(maxsize=CACHED_PARTS)
def _asked(parts: Conjuncts) -> tuple[Predicate, Conjuncts]:
    """One predicate for all rules that have the same left to ask."""
    return all_of(predicate(each) for each in parts), parts
