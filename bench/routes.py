"""Made-up configurations of Alertmanager and alerts for them, and who hears of an alert: by the walk, and by our rules.

The walk is written as Alertmanager's documentation tells it, with nothing of the importer in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

from bench.route_samples import VOCABULARY
from sentinel.clock import utc_now
from sentinel.importing.configuration import Route
from sentinel.importing.plan import Plan
from sentinel.importing.planning import planned
from sentinel.importing.reading import read
from sentinel.rules import matchers
from sentinel.rules.parser import parse
from sentinel.rules.rulebook import RuleBook
from sentinel.rules.syntax import RuleSyntax
from sentinel.services.matching.fanout import Directory, plan

Labels = Mapping[str, str]

NOBODY = "nobody"
NAMES = ("team", "severity", "service", "region", "env")
TEXTS = ("", "a", "b", "db", "db-1", "web-2", "critical", "x.y", "x.y|db", "XBXY", 'q"u', "b\\s", "é")
PATTERNS = (
    "a|b",
    "db.*",
    ".*-\\d",
    "|a",
    ".+",
    "[^a]+",
    "(critical|a)?",
    "x\\.y|db",
    "^a$|b",
    "(?i)DB.*",
    "a{1,2}",
    "",
    "(?i).*a.*b.*c.*d.*|.*x.*b.*x.*y.*",
    "\\Qx.y|db\\E|.*a.*b.*c.*d.*|.*e.*f.*g.*h.*",
)
QUOTED = re.compile(r"\\Q(.*?)\\E")
"""What RE2 has and Python has not."""
OPERATORS = ("=", "!=", "=~", "!~")


@dataclass(frozen=True, slots=True)
class Asked:
    """A matcher."""

    name: str
    operator: str
    value: str

    def matches(self, labels: Labels) -> bool:
        """Whether the labels match; one that is not there is the empty text."""
        text = labels.get(self.name, "")
        found = re.fullmatch(_plain(self.value), text) is not None if "~" in self.operator else text == self.value
        return found is not self.operator.startswith("!")


def _plain(pattern: str) -> str:
    return QUOTED.sub(lambda found: re.escape(found[1]), pattern)


@dataclass(frozen=True, slots=True)
class Node:
    """A route."""

    receiver: str
    asked: tuple[Asked, ...] = ()
    continues: bool = False
    below: tuple[Node, ...] = ()


def hear(node: Node, labels: Labels) -> list[str]:
    """Who hears of an alert below a node, which itself answers only if nobody below does; none: it does not match."""
    if not all(each.matches(labels) for each in node.asked):
        return []
    heard: list[str] = []
    for each in node.below:
        answers = hear(each, labels)
        heard += answers
        if answers and not each.continues:
            break
    return heard or [node.receiver]


def made_up(random: Random, *, depth: int = 3, width: int = 4) -> Node:
    """A tree of routes."""
    return Node("root", below=tuple(_node(random, depth - 1, width) for _ in range(random.randint(1, width))))


def _node(random: Random, depth: int, width: int) -> Node:
    below = tuple(_node(random, depth - 1, width) for _ in range(random.randint(0, width) if depth else 0))
    asked = tuple(_asked(random) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3))))
    receiver = NOBODY if random.random() < 0.1 else f"r{random.randrange(8)}"  # noqa: PLR2004
    return Node(receiver, asked, random.random() < 0.3, below)  # noqa: PLR2004


def _asked(random: Random) -> Asked:
    operator = random.choice(OPERATORS)
    return Asked(random.choice(NAMES), operator, random.choice(PATTERNS if "~" in operator else TEXTS))


def wide(random: Random, *, teams: int) -> Node:
    """A tree of many teams, whose last route no single rule has room for."""
    below = tuple(
        Node(
            f"team-{number}",
            (Asked("team", "=", f"a-team-of-a-long-name-{number}"),),
            continues=number % 50 == 7,  # noqa: PLR2004
            below=(Node(f"r{number % 8}", (Asked("severity", "=", random.choice(TEXTS)),)),),
        )
        for number in range(teams)
    )
    return Node("root", below=below)


def labels_for(random: Random, root: Node) -> Labels:
    """Labels of an alert: some at random, most such that the routes speak of them."""
    wanted = [each for node in _nodes(root) for each in node.asked if each.operator == "="]
    labels = {name: random.choice(TEXTS) for name in NAMES if random.random() < 0.6}  # noqa: PLR2004
    labels |= {each.name: each.value for each in random.sample(wanted, min(len(wanted), random.randint(0, 2)))}
    return {name: text for name, text in labels.items() if text}


def usual_labels(random: Random) -> Labels:
    """Labels of an alert for the configurations as people have them."""
    return {name: random.choice(texts) for name, texts in VOCABULARY.items() if random.random() < 0.6}  # noqa: PLR2004


def tree(route: Route) -> Node:
    """The tree of a configuration that was read."""
    signs = {meaning: sign for sign, meaning in matchers.OPERATORS.items()}
    asked = tuple(Asked(each.name, signs[each.is_regex, each.is_equal], each.value) for each in route.matchers)
    return Node(route.receiver, asked, route.continues, tuple(map(tree, route.routes)))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for each in node.below:
        yield from _nodes(each)


def written(root: Node, random: Random) -> str:
    """The configuration file of a tree; matchers in all forms that there are."""
    names = sorted({each.receiver for each in _nodes(root)})
    receivers = [{"name": name} | ({} if name == NOBODY else _configs(name)) for name in names]
    return str(yaml.safe_dump({"route": _route(root, random), "receivers": receivers}, allow_unicode=True))


def _configs(name: str) -> dict[str, Any]:
    """One that hears when alerts are resolved, and one that does not."""
    hook, slack = {"url": f"https://example.com/{name}"}, {"api_url": f"https://hooks.slack.com/services/{name}"}
    return {"webhook_configs": [hook], "slack_configs": [slack]}


def _route(node: Node, random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"receiver": node.receiver, "continue": node.continues}
    for each in node.asked:
        form = {"=": "match", "=~": "match_re"}.get(each.operator, "matchers")
        if form == "matchers" or each.name in found.get(form, {}) or random.random() < 0.5:  # noqa: PLR2004
            found.setdefault("matchers", []).append(f"{each.name}{each.operator}{quoted(each.value)}")
        else:
            found.setdefault(form, {})[each.name] = each.value
    return found | {"routes": [_route(each, random) for each in node.below]}


def quoted(text: str) -> str:
    """A text as matchers have it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Rule:
    """An imported rule as matching has it."""

    id: int
    client_id: int
    name: str
    syntax: RuleSyntax


@dataclass(slots=True)
class Imported:
    """The rules of a file, asked as events are."""

    text: str
    plan: Plan = field(init=False)
    _rules: dict[int, Rule] = field(init=False)
    _book: RuleBook = field(init=False)

    def __post_init__(self) -> None:
        self.plan = planned(read(self.text, "alertmanager.yml"), "alertmanager", now=utc_now())
        self._rules = {
            number: Rule(number, 1, each.receiver, parse(each.text)) for number, each in enumerate(self.plan.rules)
        }
        self._book = RuleBook((number, 1, each.syntax.condition) for number, each in self._rules.items())

    def hear(self, labels: Labels) -> set[str]:
        """Whose rules speak of an alert that fires."""
        event = {"type": "alert", "status": "firing", "labels": dict(labels)}
        matched = [self._rules[number] for number in self._book.match(event, 1) if isinstance(number, int)]
        return {rule.name for rule in plan(event, matched, Directory(), now=utc_now()).spoken}
