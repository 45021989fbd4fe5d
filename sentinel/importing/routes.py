"""Alertmanager's tree of routes as rules that need no tree: when an alert is told to a node's receiver. Pure.

Alertmanager asks the children of a node in order, down to the deepest that matches; the first that matches ends it,
unless it says `continue`; a node answers itself when none of its children matches
(https://prometheus.io/docs/alerting/latest/configuration/#route). So an alert is a node's when all matchers on the way
down match, and none of: the node's children, and those brothers of each node on the way that are asked before it and
do not continue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentinel.importing.conditions import condition
from sentinel.importing.configuration import Route, walk
from sentinel.importing.demands import EndlessError, demands, denials, settle
from sentinel.rules import limits
from sentinel.rules.syntax import Compare, Condition, Constant, Field

NEVER = Constant(False)
ENDLESS = Compare(Field(("type",)), "==", "…" * limits.TEXT_CHARACTERS)
"""Stands for a condition that no rule has room for: whoever wants to write it is told so."""


@dataclass(frozen=True, slots=True)
class Node:
    """A route where it stands: the way down to it, itself included, and what must not match for it to answer."""

    route: Route
    path: tuple[Route, ...]
    blockers: tuple[Route, ...]

    @property
    def name(self) -> str:
        """The way down as Alertmanager writes it: `{}/{team="db"}`."""
        return "/".join("{" + ",".join(map(str, each.matchers)) + "}" for each in self.path)

    @property
    def ends(self) -> bool:
        """Whether nothing after it can answer, too."""
        return not any(each.continues for each in self.path)


def nodes(root: Route) -> list[Node]:
    """All nodes in the order in which their answers stand."""
    return list(_below(root, (), ()))


def exactly(node: Node) -> Condition:
    """When a node answers: a condition that is right by itself, whatever other rules there are."""
    return _condition(node, node.blockers)


def after_others(node: Node) -> Condition:
    """When a node answers, if it is asked after those before it: what stops at an answer needs no denial."""
    if not node.ends:
        return exactly(node)
    return _condition(node, [each for each in node.blockers if any(below.continues for below in walk(each))])


def _below(route: Route, path: tuple[Route, ...], before: tuple[Route, ...]) -> Iterator[Node]:
    """The nodes of a subtree; `before` blocks all of them."""
    here = (*path, route)
    asked: tuple[Route, ...] = ()
    for each in route.routes:
        yield from _below(each, here, before + asked)
        if not each.continues:
            asked = (*asked, each)
    yield Node(route, here, before + route.routes)


def _condition(node: Node, denied: Sequence[Route]) -> Condition:
    wanted = [clause for route in node.path for matcher in route.matchers for clause in demands(matcher)]
    try:
        unwanted = [clause for route in denied for clause in denials(route.matchers)]
    except EndlessError:
        return ENDLESS
    settled = settle([*wanted, *unwanted])
    return NEVER if settled is None else condition(settled)
