"""The language of templates: a part of Jinja that reads values and cannot do anything else.

No calls, no attributes of Python's objects, no assignments, macros or includes: those nodes are refused when a template
is written. Loops, filters and comparisons pay from a budget, so that no template takes long, whatever the event.
"""

from __future__ import annotations

import difflib
import inspect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any, NoReturn

from jinja2 import ChainableUndefined, Template, Undefined, meta, nodes, pass_context
from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError as JinjaSyntaxError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from sentinel.errors import FieldError, InvalidInputError
from sentinel.rendering.budget import LONGEST_TEXT, Budget, SpentError, weight
from sentinel.rendering.filters import FILTERS, elements, part, told
from sentinel.rendering.values import ABSENT, is_number

VARIABLES = (
    "event",
    "severity",
    "source",
    "name",
    "type",
    "rules",
    "client",
    "event_id",
    "occurred_at",
    "is_test",
    "held_back",
    "held_back_since",
    "group",
    "alerts",
)
OF_GROUPS = frozenset({"group", "alerts"})
"""Variables by which a template tells more than one event."""
LONGEST_SOURCE = 16_384
DEEPEST = 40
SHOWN = 100
CACHED_TEMPLATES = 2048
LARGEST_BITS = 1024
BUDGET = " budget"
"""A name with a space: no template can say it. So are the names of the filters and tests that only we put in."""
EACH, PART = " each", " part"

ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Keyword,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Neg,
    nodes.Pos,
)
REFUSED = {
    "Call": ("calls are not part of templates", 'use a filter, as in {{ event.name | default("-") | upper }}'),
    "Assign": ("assignments are not part of templates", "write the value where it is needed"),
    "AssignBlock": ("assignments are not part of templates", "write the value where it is needed"),
    "Scope": ("autoescape is not part of templates", "leave it out: channels escape what they need to"),
    "Concat": ("~ is not part of templates", "write the values side by side: {{ a }}{{ b }}"),
    "Pow": ("** is not part of templates", "multiply instead"),
}
TESTS = ("boolean", "defined", "false", "mapping", "none", "number", "sequence", "string", "true", "undefined")
LOOP = frozenset({"first", "index", "index0", "last", "length", "revindex", "revindex0"})
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


class TemplateError(InvalidInputError):
    """A template was refused; `line` counts from 1."""

    def __init__(self, field: str, value: str, line: int, message: str, remedy: str) -> None:
        self.line = line
        super().__init__(FieldError(field, value[:SHOWN], f"line {line}: {message}", remedy))


class _Refusal(Exception):  # noqa: N818, it becomes a TemplateError once the field is known
    """A piece of a template that may not stand there."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        self.line, self.message, self.remedy = line, message, remedy
        super().__init__(message)


class Missing(ChainableUndefined):
    """What an event does not have, and all that is below it: shown as `-`, false, empty."""

    def __str__(self) -> str:
        return ABSENT


class Language(SandboxedEnvironment):
    """Jinja that reads only the values it is given: keys of objects, elements of lists, numbers."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    intercepted_unops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` is a field of an object and nothing else."""
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in LOOP else self.undefined()
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: a field, an element, or what is missing. JSON null is missing."""
        found = None
        if isinstance(obj, dict) and isinstance(argument, str):
            found = obj.get(argument)
        elif isinstance(obj, list | tuple | str) and isinstance(argument, int):
            found = obj[argument] if -len(obj) <= argument < len(obj) else None
        return self.undefined() if found is None else found

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Reckon with numbers; of anything else the result is missing."""
        context[BUDGET].spend()
        if not (is_number(left) and is_number(right)):
            return self.undefined()
        try:
            result = self.binop_table[operator](left, right)
        except ArithmeticError:
            return self.undefined()
        return self.undefined() if isinstance(result, int) and result.bit_length() > LARGEST_BITS else result

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """The sign of a number."""
        del context
        return self.unop_table[operator](arg) if is_number(arg) else self.undefined()


class Compiled:
    """A template that was found good."""

    def __init__(self, template: Template, field: str, *, tells_groups: bool) -> None:
        self._template = template
        self._field = field
        self.tells_groups = tells_groups
        """It speaks of all that is told at once, not only of the first."""

    def fill(self, values: Mapping[str, Any], *, most: int = LONGEST_TEXT) -> str:
        """The text for `values`; after `most` characters, or when its budget is spent, it ends with `…`."""
        context = self._template.new_context({BUDGET: Budget()} | {k: v for k, v in values.items() if v is not None})
        pieces: list[str] = []
        room = most
        try:
            for piece in self._template.root_render_func(context):
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    break
        except SpentError:
            pieces.append("…")
        except (JinjaError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            remedy = "change the template so that it does not depend on the kind of this value"
            raise TemplateError(self._field, "", 1, f"cannot be filled with this event: {error}", remedy) from error
        return "".join(pieces)


@lru_cache(maxsize=CACHED_TEMPLATES)
def compiled(source: str, field: str) -> Compiled:
    """The template; `TemplateError` says what is wrong with it. `field` is how errors call it."""
    try:
        return _compiled(source, field)
    except _Refusal as refusal:
        raise TemplateError(field, _line(source, refusal.line), *_words(refusal)) from None
    except JinjaSyntaxError as error:
        remedy = "compare it with the examples in docs/how-to/templates.md"
        raise TemplateError(
            field, _line(source, error.lineno), error.lineno, _sentence(error.message), remedy
        ) from None
    except (RecursionError, SyntaxError, ValueError, MemoryError):
        raise TemplateError(
            field, source, 1, "is nested too deep or has too long a number", "make it simpler"
        ) from None


def _compiled(source: str, field: str) -> Compiled:
    if len(source.encode()) > LONGEST_SOURCE:
        raise _Refusal(1, f"is longer than {LONGEST_SOURCE} bytes", "shorten it")
    tree = _Bounding().visit(LANGUAGE.parse(source))
    _check_depth(tree)
    _check_names(tree)
    code = LANGUAGE.compile(tree)
    tells_groups = not OF_GROUPS.isdisjoint(meta.find_undeclared_variables(tree))
    return Compiled(Template.from_code(LANGUAGE, code, {}), field, tells_groups=tells_groups)


class _Bounding(NodeTransformer):
    """Refuse what is not part of the language; have loops and comparisons pay."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(node, ALLOWED):
            kind = type(node).__name__
            plain = (f"{kind.lower()} is not part of templates", "use values, filters, if and for only")
            raise _Refusal(_line_of(node), *REFUSED.get(kind, plain))
        return super().visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802, Jinja's name
        if node.recursive:
            raise _Refusal(node.lineno, "recursive loops are not part of templates", "write one loop in another")
        node.iter = nodes.Filter(node.iter, EACH, [], [], None, None, lineno=node.lineno)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802, Jinja's name
        if isinstance(node.arg, nodes.Slice):  # which Jinja would leave to Python
            ends = [each or nodes.Const(None, lineno=node.lineno) for each in (node.arg.start, node.arg.stop)]
            step = node.arg.step or nodes.Const(None, lineno=node.lineno)
            part_of = nodes.Filter(node.node, PART, [*ends, step], [], None, None, lineno=node.lineno)
            return self.generic_visit(part_of)
        return self.generic_visit(node)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802, Jinja's name
        if not node.name.startswith(" "):
            _check_filter(node)
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802, Jinja's name
        if not node.name.startswith(" "):
            _check_word(node.lineno, "test", node.name, TESTS)
        return self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802, Jinja's name
        left = node.expr
        both: nodes.Expr | None = None
        for operand in node.ops:
            one = nodes.Test(left, f" {operand.op}", [operand.expr], [], None, None, lineno=node.lineno)
            both = one if both is None else nodes.And(both, one, lineno=node.lineno)
            left = operand.expr
        return self.generic_visit(both or node)


def _line_of(node: nodes.Node) -> int:
    """The line of a node, or of what is in it: Jinja gives none to what `autoescape` becomes."""
    lines = (getattr(each, "lineno", None) for each in (node, *node.find_all(nodes.Node)))
    return next((line for line in lines if line is not None), 1)


def _check_filter(node: nodes.Filter) -> None:
    _check_word(node.lineno, "filter", node.name, FILTERS)
    given = [None] * (1 + len(node.args))
    try:
        inspect.signature(FILTERS[node.name]).bind(*given, **{str(each.key): None for each in node.kwargs})
    except TypeError as error:
        remedy = "see the list of filters in docs/reference/templates.md"
        raise _Refusal(node.lineno, f"filter {node.name}: {error}", remedy) from None


def _check_word(line: int, kind: str, word: str, known: Iterable[str]) -> None:
    if word in known:
        return
    near = difflib.get_close_matches(word, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"use one of: {', '.join(known)}"
    raise _Refusal(line, f'unknown {kind} "{word}"', remedy)


def _check_depth(tree: nodes.Node) -> None:
    level: list[nodes.Node] = [tree]
    for _ in range(DEEPEST):
        level = [below for node in level for below in node.iter_child_nodes()]
        if not level:
            return
    raise _Refusal(level[0].lineno, "is nested too deep", "make it simpler")


def _check_names(tree: nodes.Template) -> None:
    unknown = meta.find_undeclared_variables(tree) - set(VARIABLES) | {"self"}  # which Jinja always knows
    for found in tree.find_all(nodes.Name):
        if found.name in unknown:
            remedy = f"a field of the event is written event.{found.name}; known names are: {', '.join(VARIABLES)}"
            _refuse_name(found, remedy)


def _refuse_name(found: nodes.Name, remedy: str) -> NoReturn:
    near = difflib.get_close_matches(found.name, VARIABLES, n=1)
    raise _Refusal(found.lineno, f'unknown name "{found.name}"', f"did you mean {near[0]}?" if near else remedy)


def _words(refusal: _Refusal) -> tuple[int, str, str]:
    return refusal.line, refusal.message, refusal.remedy


def _line(source: str, number: int) -> str:
    lines = source.splitlines() or [""]
    return lines[min(number, len(lines)) - 1].strip()


def _sentence(message: str | None) -> str:
    return (message or "is no template").rstrip(".")


def _paying(change: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pays for the text it gives."""

    @pass_context
    @wraps(change)
    def paid(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        result = change(value, *args, **kwargs)
        context[BUDGET].spend(len(result) if isinstance(result, str | list) else 0)
        return result

    return paid


@pass_context
def _each(context: Context, value: Any) -> Iterator[Any]:
    budget = context[BUDGET]
    for element in elements(value):
        budget.spend()
        yield element


def _comparing(holds: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """A comparison that pays, and is false for values that cannot be compared."""

    @pass_context
    def compared(context: Context, left: Any, right: Any) -> bool:
        left, right = _plain(left), _plain(right)
        context[BUDGET].spend(weight(left))
        return holds(left, right)

    return compared


def _plain(value: Any) -> Any:
    return None if isinstance(value, Undefined) else value


def _is_equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


@pass_context
def _is_in(context: Context, left: Any, right: Any) -> bool:
    left, right = _plain(left), _plain(right)
    cost = weight(left)
    context[BUDGET].spend(cost)
    if isinstance(right, str):
        return isinstance(left, str) and left in right
    for each in elements(right):
        if cost:
            context[BUDGET].spend(cost)
        if _is_equal(left, each):
            return True
    return False


@pass_context
def _is_not_in(context: Context, left: Any, right: Any) -> bool:
    return not _is_in(context, left, right)


def _ordered(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        alike = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return alike and order(left, right)

    return holds


def _language() -> Language:
    language = Language(undefined=Missing, finalize=told, cache_size=0, keep_trailing_newline=False)
    language.globals.clear()
    language.filters = {name: _paying(change) for name, change in FILTERS.items()} | {EACH: _each, PART: _paying(part)}
    comparisons = {name: _ordered(order) for name, order in ORDERS.items()} | {
        "eq": _is_equal,
        "ne": lambda left, right: not _is_equal(left, right),
    }
    language.tests = {name: language.tests[name] for name in TESTS} | {
        f" {name}": _comparing(holds) for name, holds in comparisons.items()
    }
    language.tests |= {" in": _is_in, " notin": _is_not_in}
    return language


LANGUAGE = _language()
