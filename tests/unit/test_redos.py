"""No text makes a regular expression of ours slow: each is listed, attacked, and takes time in proportion."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from time import thread_time

import pytest

from sentinel.channels.push_services import SERVICES, Service
from sentinel.channels.sendgrid_answers import PATTERNS as SENDGRID
from sentinel.rendering import TemplateError, Wording, check
from sentinel.rules import limits
from sentinel.rules.conditions import predicate
from sentinel.rules.errors import InvalidRuleError
from sentinel.rules.parser import parse, parse_condition
from sentinel.rules.patterns import problem, single

PACKAGE = Path(__file__).resolve().parents[2] / "sentinel"
BODY = 262_144
"""The largest request, and so the longest text in it."""
ANSWER = 65_536
"""The most that is read of an answer."""
RULE = limits.TEXT_CHARACTERS

WORD = r"[^\W\d]\w*"

REGEXES: dict[str, tuple[str, int]] = {
    # what requests say
    r"[!-~]+": ("fullmatch", 1600),
    r'[\\"<>^`{|}]': ("search", 1600),
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?": ("fullmatch", 1600),
    r"#[\w.-]{1,80}": ("fullmatch", BODY),
    r"[CDGUW][A-Z0-9]{7,20}": ("fullmatch", BODY),
    r"[\x00-\x1f\x7f\x85\u2028\u2029]": ("sub", BODY),
    r"(\d{1,9})([smhdw])": ("fullmatch", BODY),
    r"[a-z0-9][a-z0-9._@+-]{0,99}": ("fullmatch", BODY),
    r"[A-Za-z0-9_.-]{1,40}": ("fullmatch", 1600),
    r"[/@:?&=]": ("split", 1600),
    # what other systems say
    r"[a-z]+/(?:[\w.-]+\+)?json": ("match", BODY),
    r"[0-9a-f]{32}": ("fullmatch", BODY),
    r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem": ("fullmatch", BODY),
    r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?": ("fullmatch", BODY),
    r'("(?:[^"\\]|\\.)*+"|[^\s"{}=!~,\\]++)\s*+(=~|!~|!=|=)\s*+("(?:[^"\\]|\\.)*+"|[^"]*+)': ("fullmatch", BODY),
    r'\\([\\n"])': ("sub", BODY),
    r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}": ("fullmatch", BODY),
    r'(?:"(?:[^"\\]|\\.)*+"?+|[^,"])++': ("findall", BODY),
    r"[A-Za-z0-9][\w.:-]{0,99}": ("fullmatch", BODY),
    r"([01]\d|2[0-3]):([0-5]\d)": ("match", BODY),
    r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)": ("fullmatch", BODY),
    r"-?\d{1,4}": ("fullmatch", BODY),
    # what a configuration of Alertmanager says
    r"(?:\d+(?:ms|[ywdhms]))+|0": ("fullmatch", BODY),
    r"(?<!\d)(\d++)(ms|[ywdhms])": ("findall", BODY),
    r"/api/webhooks/([^/]+)/([^/]+)": ("search", BODY),
    r"(?P<power_automate>/powerautomate/automations/direct(?:/cu/(?P<route>\d+))?)?/workflows/(?P<id>[^/]+)/": (
        "match",
        BODY,
    ),
    r"\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*+(?:\]|\Z)|\\Q.*?(?:\\E|\Z)|\(\?[A-Za-z-]+\)|\\.|.": ("findall", BODY),
    r"\\(.)": ("sub", BODY),
    r"\^?(?P<text>(?:[^\\.+*?()|\[\]{}^$]|\\[^\w\s])*)\$?": ("fullmatch", BODY),
    r"\^?\((?:\?:)?(?P<inner>(?:[^()\\]|\\.)*+)\)\$?": ("fullmatch", BODY),
    r"^(?:~|null|Null|NULL|)$": ("match", BODY),
    r"^<<$": ("match", BODY),
    # what goes to chats
    r"(?<!\w)@(?=\S)|<(?=[@!#&/:\w])": ("sub", BODY),
    r"(https?://[^\s<>\[\]()]+)": ("split", BODY),
    r"[\\*_~`|\[\]]|^[ \t]*[#>+-](?=\s)": ("sub", BODY),
    # what our own statements say
    r"%\((\w+)\)s": ("findall", BODY),
    # what templates and events say
    r"(?:[^%]|%[aAbBdHIjmMpSyYzZ%])*": ("fullmatch", BODY),
    r"[\x00-\x1f\x7f\x85\u2028\u2029]+": ("sub", BODY),
    # what people write on the console, and what its pages show
    r"[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}": ("fullmatch", BODY),
    r"(SM|MM)[0-9a-f]{32}": ("fullmatch", 1600),
    r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]+:[\w.-]+": ("fullmatch", BODY),
    r"-?\d+(:-?\d+)?": ("fullmatch", BODY),
    r"\d-\d": ("search", BODY),
    r"\d{4}(:\d{4})?": ("fullmatch", BODY),
    r"`([^`]+)`": ("sub", BODY),
    r"<(?P<address>[^<>|\s]+)(?:\|(?P<words>[^<>]*))?>"
    r"|(?<!\w)\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?!\w)"
    r"|(?<!\w)_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?!\w)"
    r"|(?<!\w)~(?P<struck>[^\s~](?:[^~\n]*[^\s~])?)~(?!\w)"
    r"|`(?P<code>[^`\n]+)`": ("findall", BODY),
    # what Flower answers
    r'(\b(?:href|src|action)=")/(?!/)': ("sub", ANSWER),
    r'(<input type="hidden" value=")[^"]*(" id="url_prefix">)': ("sub", ANSWER),
    # what rules say
    r"(?<![\w.\]])[^\W\d]\w*+(?:\.\w*+|\[\d++\])*+\Z": ("search", RULE),
    r"\s*\(": ("match", RULE),
    r"\s*=(?!=)": ("match", RULE),
    r"\s+over\b": ("match", RULE),
    r'\.?([^\W\d]\w*)|\[(\d{1,4})\]|\[("(?:[^"\\]|\\.)*")\]': ("findall", RULE),
    r'\s*([^\W\d]\w*(?:\.[^\W\d]\w*|\[\d{1,4}\]|\["(?:[^"\\]|\\.)*"\])*)\s*(,|\Z)': ("match", RULE),
    r"\\(u[0-9a-fA-F]{4}|.)": ("findall", RULE),
    r"[^\W\d]\w*|[=<>!~&|]+|-?[\d.]+\w*|[\"'/].{0,40}|\S": ("match", RULE),
    r"(?<!\w)([^\W\d]\w*+)\s*+\Z": ("search", RULE),
    WORD: ("fullmatch", RULE),
    r"-?\d": ("match", RULE),
    r"-?[\d.]+[smhdw]": ("fullmatch", RULE),
    r"\{\{|\}\}|\{([^{}]*)\}|[{}]": ("findall", RULE),
    r"(?:event\.)?([^\W\d]\w*(?:\.[^\W\d]\w*|\[\d{1,4}\])*)(?::\.(\d)f)?": ("fullmatch", RULE),
    r"\[(\d+)\]|([^\W\d]\w*)": ("findall", RULE),
    # what providers answer
    r"[\s\x00-\x1f\x7f]+": ("sub", ANSWER),
    r"[0-9]{1,12}(\.[0-9]{1,6})?": ("fullmatch", ANSWER),
    r"[a-z_]{1,64}": ("fullmatch", ANSWER),
    r'"retry_after":\s*(\d{1,9}(?:\.\d{1,9})?)': ("search", ANSWER),
    r"^5\.7\.\d+": ("match", ANSWER),
    r"5\.1\.(1|2|3|6|10)\b": ("match", ANSWER),
    # what the database says
    r"\n(?:DETAIL|CONTEXT):": ("split", ANSWER),
    # what operators say
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}": ("fullmatch", BODY),
    rb"chaos-[0-9a-f]+-\d+".decode(): ("search", BODY),
}
"""Pattern → how it is used, and the longest text it can meet."""

CALLS = frozenset({"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"})
SMALL = range(8, 100, 3)
BLOWS_UP_SECONDS = 0.05
"""So long takes nothing linear of a hundred characters; what is exponential gets there soon."""
GROWTH = 8
QUADRATIC = 4.0
"""Times `GROWTH`: linear work takes about once as long per character, quadratic work 8 times as long."""


def written() -> Iterator[str]:
    """The patterns in our own code."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), call), [ast.Constant(str(pattern)), *_]) if call in CALLS:
                    yield pattern
                case ast.Call(ast.Attribute(ast.Name("re"), call), [ast.Constant(bytes(raw)), *_]) if call in CALLS:
                    yield raw.decode()


def test_each_regular_expression_of_ours_is_judged_here() -> None:
    assert set(written()) == set(REGEXES)


def attacks(pattern: str) -> Iterator[tuple[str, str, str]]:
    """Beginning, what is repeated, and an end that does not fit."""
    own = [each for each in dict.fromkeys(pattern) if not each.isalnum()]
    pumps = [*own, "a", "Z", "0", " ", "\n", "é", "\t"]
    pumps += ["".join(pair) for pair in product([*own[:8], "a", "0", " "], repeat=2)]
    pumps += ["a.", "a-", "1.", '["a"]', "[1]", ".a", "\\a", "%Y", "{a}", "5.1.", "chaos-a-"]
    for pump in dict.fromkeys(pumps):
        for start, end in (("", "!"), ("a", "\0"), ('["', "!"), ("{", "("), ("C", "é")):
            yield start, pump, end


def seconds(work: Callable[[str], object], text: str, *, times: int = 1) -> float:
    """CPU time of this thread, the best of so many."""
    best = float("inf")
    for _ in range(times):
        started = thread_time()
        work(text)
        best = min(best, thread_time() - started)
    return best


def blown_up(work: Callable[[str], object], start: str, pump: str, end: str) -> bool:
    """Whether texts of up to a hundred characters take too long already."""
    texts = (start + pump * (size // len(pump)) + end for size in SMALL)
    return any(seconds(work, text) > BLOWS_UP_SECONDS < seconds(work, text) for text in texts)


def growth(work: Callable[[str], object], start: str, pump: str, end: str, longest: int) -> float:
    """How much more time a character takes in a long text than in one that is an eighth of it."""
    small, large = (start + pump * (size // len(pump)) + end for size in (longest // GROWTH, longest))
    return seconds(work, large, times=5) / max(seconds(work, small, times=5), 1e-6) / GROWTH


def grows(work: Callable[[str], object], start: str, pump: str, end: str, longest: int) -> bool:
    """Whether time grows faster than texts, measured thrice: a neighbour of this machine can spoil one of them."""
    return all(growth(work, start, pump, end, longest) > QUADRATIC for _ in range(3))


def weakness(pattern: str, use: str, longest: int, flags: int = 0) -> str | None:
    """The attack that makes a pattern slow, if there is one."""
    found = re.compile(pattern, flags | re.DOTALL)
    work: Callable[[str], object] = (lambda text: found.sub("", text)) if use == "sub" else getattr(found, use)
    longest = min(longest, RULE)
    slowest, worst = 0.0, ("", "a", "")
    for attack in attacks(pattern):
        start, pump, end = attack
        if blown_up(work, *attack):
            return f"{attack} blows up"
        taken = seconds(work, start + pump * (longest // len(pump)) + end)
        if taken > slowest:
            slowest, worst = taken, attack
    return f"{worst} grows" if grows(work, *worst, longest) else None


@pytest.mark.parametrize("pattern", REGEXES)
def test_no_text_makes_it_slow(pattern: str) -> None:
    assert weakness(pattern, *REGEXES[pattern]) is None


@pytest.mark.parametrize("pattern", sorted({text for each in SENDGRID for text in (each.field, each.message) if text}))
def test_nor_those_that_read_sendgrids_words(pattern: str) -> None:
    assert weakness(pattern, "search", ANSWER, re.IGNORECASE) is None


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.scheme)
def test_nor_those_that_read_targets_of_push_services(service: Service) -> None:
    assert weakness(service.rest.pattern, "fullmatch", 1600) is None


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"(a+)+$", "match"),
        (r"(a|a)*!$", "fullmatch"),
        (r"(\w+\.?)+@", "match"),
        (r"\s+\Z", "search"),
        (r"([^\W\d]\w*)\s*$", "search"),
        (r'"(?:[^"]|\\.)*";', "search"),
    ],
)
def test_the_attacks_find_what_is_slow(pattern: str, use: str) -> None:
    assert weakness(pattern, use, 1024) is not None


EVIL = {
    "(a+)+$": "a",
    "^(a+)+$": "a",
    "(a|a)*$": "a",
    "(a|aa)+$": "a",
    "^(a|b|ab)*c$": "ab",
    "(a*)*b": "a",
    "(x+x+)+y": "x",
    "(.*a){8}$": "a",
    "^(a?){25}a{25}$": "a",
    "(.*)=(.*);(.*)!": "=;",
    "\\s+$": " ",
    "^(([a-z])+.)+[A-Z]([a-z])+$": "a",
    "^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*@x$": "a",
    "(\\w*\\W?)*$": "a",
    "^(\\d+)*[^\\d]$": "1",
    "(https?://)?([\\w.]+/?)+[?]": "a/",
    "<(.|\\s)*?>": "<",
    "a.{0,200}b.{0,200}c": "ab",
}
"""Patterns that stop backtracking engines → what a text repeats to do so."""


def end_to_end(pattern: str) -> Callable[[str], object]:
    holds = predicate(parse_condition(f"x matches /{pattern.replace('/', chr(92) + '/')}/"))
    return lambda text: holds({"x": text})


@pytest.mark.parametrize("pattern", EVIL)
def test_a_pattern_of_a_rule_takes_time_in_proportion_to_the_text(pattern: str) -> None:
    assert problem(pattern) is None

    for work in (single(pattern).found_in, end_to_end(pattern)):
        work("warm up, for RE2 builds its states as it goes")
        assert not grows(work, "", EVIL[pattern], "\0", 160_000)


@pytest.mark.parametrize(
    "pattern",
    ["(a)\\1", "(?=a+)a+b", "(?!a)b", "(?<=a)b", "(?>a+)b", "(a{1000}){1000}", "((a{100}){100}){100}", "(.*){9}.*" * 9],
)
def test_what_needs_backtracking_or_too_much_memory_is_refused_when_it_is_written(pattern: str) -> None:
    with pytest.raises(InvalidRuleError):
        parse_condition(f"x matches /{pattern}/")


RULES = {
    "an unknown function": ("when ", "a", "("),
    "a bracket after a text": ('when a == "', "a", '" ('),
    "spaces before a bracket": ("when a", " ", "!("),
    "brackets": ("when ", "(", ""),
    "nots": ("when ", "not ", "x"),
    "ors": ("when a", " or a", ""),
    "a path": ("when a", ".a", " >"),
    "a text that does not end": ('when a == "', "\\x", ""),
    "a pattern that does not end": ("when a matches /", "\\/", ""),
    "a list": ("when a in [1", ", 1", ""),
    "a comment": ("when a #", "#", ""),
    "digits": ("when a > 1", "1", "a"),
    "a window that is none": ("when count", " ", "x"),
    "braces in a title": ('when a then ticket("low", "', "{", '")'),
    "fields to merge by": ('when a then ticket("low", "x", merge="a', ".a", '!")'),
    "odd signs": ("when a ", "=~", " 1"),
}


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_is_read_or_refused_in_proportion_to_its_length(kind: str) -> None:
    def read(text: str) -> None:
        try:
            parse(text)
        except InvalidRuleError:
            return

    read("when a then suppress()")
    start, pump, end = RULES[kind]

    assert not grows(read, start, pump, end, RULE - 64)


TEMPLATES = {
    "a text that does not end": ("{{ '", "\\'", ""),
    "digits": ("{{ 1", "1", " }}"),
    "digits with lines below": ("{{ 1", "_1", "e }}"),
    "spaces in a block": ("{%", " ", "x"),
    "beginnings": ("", "{{", ""),
    "beginnings of comments": ("", "{#", ""),
    "raw that does not end": ("{% raw %}", "{% endraw", ""),
    "a long name": ("{{ ", "a", " }}"),
    "a long filter": ("{{ event|", "a", " }}"),
    "line breaks": ("{{ event }}", "\n", "{{ x }}"),
    "lists": ("{{ [1", ",1", "] }}"),
    "values": ("", "{{ event.a }}", "{{ x }}"),
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_is_read_or_refused_in_proportion_to_its_length(kind: str) -> None:
    numbers = iter(range(1000))

    def read(text: str) -> None:
        try:
            check(None, Wording(None, f"{next(numbers)}{text}"))  # the same text again would come from the cache
        except TemplateError:
            return

    read("{{ event }}")
    start, pump, end = TEMPLATES[kind]

    assert not grows(read, start, pump, end, 16_000)
