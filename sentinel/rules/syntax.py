"""The rule language as values: what the parser gives, the printer prints and the index asks.

Two rules that mean the same text are equal. True and false have nodes of their own, because Python holds True == 1 and
a rule must not. A conjunction holds no conjunction, and a disjunction no disjunction: build them with `conjunction` and
`disjunction`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sentinel.rules.grouping import Grouping

Path = tuple[str | int, ...]
Plain = str | int | float
"""A literal of a rule that is neither true, false nor null."""

ENDPOINT = "endpoint"
"""`notify("endpoint:NAME")`: not a channel, but the name of an endpoint."""

EVERY_ENDPOINT = "*"
"""`notify("endpoint:*")`: all endpoints of the rule, or of its client."""

SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the event: its path, and `lower` or `number` when the rule asks for it through one of them."""

    path: Path
    function: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    """`amount > 500`. Order is for numbers only; only `==` can be negated, as `!=`."""

    field: Field
    operator: str
    value: Plain
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """`is_active == true`, or shorter `is_active`."""

    field: Field
    value: bool = True
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """`missing(region)`; negated `exists(region)`. JSON null is missing."""

    field: Field
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """`region in ["eu", "us"]`. `truths` are the listed ones of true and false."""

    field: Field
    values: tuple[Plain, ...]
    truths: tuple[bool, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """`tags contains "prod"`: part of a text, or member of a list."""

    field: Field
    value: Plain
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TextTest:
    """`name startswith "db-"`; operators `icontains`, `startswith`, `endswith`, `matches` (RE2)."""

    field: Field
    operator: str
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """`ip cidr "10.0.0.0/8"`: an address within a network."""

    field: Field
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """`status between 500 and 599`, both ends included."""

    field: Field
    low: int | float
    high: int | float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false` as a whole condition."""

    value: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The right side of a window: `> 10`."""

    operator: str
    number: int | float


@dataclass(frozen=True, slots=True)
class Window:
    """`count() over 5m by device_id > 10`: a figure over many events.

    `comparison` is None for those that are either there or not: `absent`, `change`, `first`.
    """

    kind: str
    field: Field | None = None
    seconds: int | None = None
    by: tuple[Path, ...] = ()
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """`not …`."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """`… and …`: two conditions or more."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`… or …`: two conditions or more."""

    conditions: tuple[Condition, ...]


Term = Compare | Truth | Missing | OneOf | Contains | TextTest | Network | Between
"""A condition on one field of one event; each has `field` and `negated`."""
Condition = Term | Constant | Window | Not | And | Or


@dataclass(frozen=True, slots=True)
class Notify:
    """`notify("slack:#big-orders", template="order")`; channel `endpoint` names an endpoint of the client."""

    channel: str
    target: str
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """`ticket("critical", "Device {device_id} offline", merge="device_id")`.

    With `merge`, an event joins the unresolved ticket that has the same values there.
    """

    severity: str
    title: str
    merge: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppress:
    """`suppress()`: the event is told to nobody by rules after this one."""


Action = Notify | Ticket | Suppress


@dataclass(frozen=True, slots=True)
class Level:
    """A severity and when it holds; None: always. The first level that holds counts."""

    severity: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """`3 per 1h`."""

    times: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Every:
    """Once in so many seconds, for each group of values under `by` alone.

    Of a throttle also `3 per 1h, 7 per 1d`: so many `times`, and further caps that must allow it as well.
    """

    seconds: int
    by: tuple[Path, ...] = ()
    times: int = 1
    further: tuple[Cap, ...] = ()

    @property
    def caps(self) -> tuple[Cap, ...]:
        """All that must allow it."""
        return (Cap(self.times, self.seconds), *self.further)


@dataclass(frozen=True, slots=True)
class Options:
    """What a rule says between its condition and `then`."""

    hold_seconds: int | None = None
    keep_seconds: int | None = None
    severity: tuple[Level, ...] = ()
    throttle: Every | None = None
    dedupe: Every | None = None
    priority: int = 0
    stop: bool = False
    hold_by: tuple[Path, ...] = ()
    """The groups of `for` and `keep`."""
    group: Grouping | None = None
    """Its messages are held, and told together."""


@dataclass(frozen=True, slots=True)
class RuleSyntax:
    """`when event.type == "order" and amount > 500 then notify("slack:#big-orders")`."""

    condition: Condition
    actions: tuple[Action, ...]
    options: Options = Options()


def conjunction(conditions: Iterable[Condition]) -> Condition:
    """All of `conditions` as one; nothing to hold is true."""
    flat = tuple(part for each in conditions for part in conjuncts(each))
    return _joined(And(flat), flat) if flat else Constant(True)


def disjunction(conditions: Iterable[Condition]) -> Condition:
    """Any of `conditions` as one."""
    flat = tuple(part for each in conditions for part in (each.conditions if isinstance(each, Or) else (each,)))
    return _joined(Or(flat), flat) if flat else Constant(False)


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that must all hold."""
    return condition.conditions if isinstance(condition, And) else (condition,)


def nodes(condition: Condition) -> Iterator[tuple[Condition, int]]:
    """Every condition within `condition`, itself first, with its depth. Does not recurse: depth is what it checks."""
    waiting = [(condition, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if isinstance(node, Not):
            waiting.append((node.condition, depth + 1))
        elif isinstance(node, And | Or):
            waiting += [(below, depth + 1) for below in reversed(node.conditions)]


def _joined(joined: And | Or, flat: tuple[Condition, ...]) -> Condition:
    return flat[0] if len(flat) == 1 else joined
