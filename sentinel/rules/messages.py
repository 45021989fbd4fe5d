"""What to say when the grammar cannot go on: what was expected, what was found, and what was probably meant."""

from __future__ import annotations

import difflib
import re

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from sentinel.rules.refusal import Place, Refused

FOUND = re.compile(r"[^\W\d]\w*|[=<>!~&|]+|-?[\d.]+\w*|[\"'/].{0,40}|\S")
# Begins at the first letter of a word and gives nothing back, or a long word would be read from each of its letters.
LAST_WORD = re.compile(r"(?<!\w)([^\W\d]\w*+)\s*+\Z")

WORDS: dict[str, tuple[str, ...]] = {
    "WHEN": ("when",),
    "THEN": ("then",),
    "FOR": ("for",),
    "KEEP": ("keep",),
    "SEVERITY": ("severity",),
    "THROTTLE": ("throttle",),
    "DEDUPE": ("dedupe",),
    "PRIORITY": ("priority",),
    "STOP": ("stop",),
    "GROUP": ("group",),
    "EVERY": ("*",),
    "WAIT": ("wait",),
    "INTERVAL": ("interval",),
    "REPEAT": ("repeat",),
    "PAUSE": ("pause",),
    "RESOLVED": ("resolved",),
    "FLAPPING": ("flapping",),
    "OFF": ("off",),
    "WITHIN": ("within",),
    "IF": ("if",),
    "ELSE": ("else",),
    "BY": ("by",),
    "OVER": ("over",),
    "PER": ("per",),
    "IN": ("in",),
    "IS": ("is",),
    "MATCHES": ("matches",),
    "BETWEEN": ("between",),
    "AND": ("and",),
    "_AND": ("and",),
    "_OR": ("or",),
    "_NOT": ("not",),
    "NOT_WORD": ("not",),
    "NULL": ("null",),
    "BOOLEAN": ("true", "false"),
    "COMPARE": ("==", "!=", "<", "<=", ">", ">="),
    "TEXT_OPERATOR": ("contains", "icontains", "startswith", "endswith", "cidr"),
    "LPAR": ("(",),
    "RPAR": (")",),
    "LSQB": ("[",),
    "RSQB": ("]",),
    "COMMA": (",",),
    "DOT": (".",),
    "EQUAL": ("=",),
    "NUMBER": ("a number",),
    "STRING": ("a text in quotes",),
    "REGEX": ("a pattern",),
    "DURATION": ("a duration",),
    "NAME": ("a name",),
    "WORD": ("a field",),
    "EVENTS": ("count()", "rate()", "spike()"),
    "FIGURE": ("sum()", "avg()", "min()", "max()", "distinct()"),
    "FIRST": ("first()",),
    "CHANGE": ("change()",),
    "ABSENT": ("absent over",),
    "PRESENCE": ("exists()", "missing()"),
    "FUNCTION": ("lower()", "number()"),
    "$END": ("the end",),
}
"""How each terminal of the grammar is written."""

WANTED = (
    ({"STRING", "NUMBER", "BOOLEAN"}, "a value"),
    ({"WORD", "PRESENCE"}, "a condition"),
    ({"COMPARE", "THEN"}, "an operator, 'and', 'or' or 'then'"),
    ({"COMPARE", "IN"}, "an operator"),
    ({"_AND", "THEN"}, "'and', 'or', an option or 'then'"),
    ({"THEN"}, "an option or 'then'"),
)
"""How what may follow is summed up: the first row whose terminals all may."""

INSTEAD = {
    "=": "use '==' to compare",
    "===": "use '==' to compare",
    "<>": "use '!=' for different",
    "=~": "use 'matches' for patterns",
    "~": "use 'matches' for patterns",
    "!~": "use 'not matches' for patterns",
    "&": "use 'and'",
    "|": "use 'or'",
    "=>": "use '>='",
    "=<": "use '<='",
    ">>": "use '>'",
    "like": "use 'contains' or 'matches'",
    "none": "write null",
    "equals": "use '=='",
    "do": "use 'then'",
    ";": "one text holds one rule",
}


def explained(text: str, error: UnexpectedInput) -> Refused:
    """The grammar's own error, said so that a person can mend the rule."""
    at: int | None = error.pos_in_stream  # lark declares it None
    start = len(text.rstrip()) if _is_end(error) or at is None else at
    found = FOUND.match(text, start)
    word = found[0] if found else ""
    allowed = _allowed(error)
    expected = tuple(sorted({each for terminal in allowed for each in WORDS.get(terminal, (terminal.lower(),))}))
    wanted = _wanted(allowed)
    seen = f"'{word}'" if word else "the end"
    special = _special(text[:start], word, allowed)
    place = Place(start, max(1, len(word)))
    if special.startswith("use"):
        return Refused(place, special, _example(special), expected=expected)
    return Refused(
        place, f"expected {wanted}, found {seen}", special or _nearest(word, allowed, wanted), expected=expected
    )


def _is_end(error: UnexpectedInput) -> bool:
    return isinstance(error, UnexpectedToken) and error.token.type == "$END"


def _allowed(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return set(error.expected)
    return set(error.allowed) if isinstance(error, UnexpectedCharacters) and error.allowed else set()


def _wanted(allowed: set[str]) -> str:
    summed = next((words for terminals, words in WANTED if terminals <= allowed), None)
    if summed:
        return summed
    words = sorted({each for terminal in allowed for each in WORDS.get(terminal, ())})
    shown = [each if " " in each else f"'{each}'" for each in words]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown) or "the end"


def _special(before: str, word: str, allowed: set[str]) -> str:
    """What is commonly written by those who come from other languages."""
    hints = (_instead, _quote, _call, _literal, _unit, _ending)
    return next((hint for each in hints if (hint := each(before, word, allowed))), "")


def _instead(_before: str, word: str, _allowed: set[str]) -> str:
    return INSTEAD.get(word.lower(), "")


def _quote(_before: str, word: str, allowed: set[str]) -> str:
    if word[:1] in {'"', "'"} and "STRING" in allowed:
        return f"this text has no closing {word[0]}"
    return "an operator is missing before it" if word[:1] in {'"', "'", "/"} and "COMPARE" in allowed else ""


def _call(before: str, word: str, _allowed: set[str]) -> str:
    name = LAST_WORD.search(before) if word == "(" else None
    return _unknown_function(name[1]) if name else ""


def _literal(_before: str, word: str, allowed: set[str]) -> str:
    return _bare_word(word) if {"STRING", "NUMBER"} <= allowed and re.fullmatch(r"[^\W\d]\w*", word) else ""


def _unit(_before: str, word: str, allowed: set[str]) -> str:
    if "DURATION" in allowed and re.match(r"-?\d", word):
        return "durations are whole numbers with s, m, h, d or w: 90s, 5m"
    return "a number has no unit here: write 5m as 300" if re.fullmatch(r"-?[\d.]+[smhdw]", word) else ""


def _ending(_before: str, word: str, allowed: set[str]) -> str:
    if word:
        return "event.then is how to name a field 'then'" if word == "then" and "WORD" in allowed else ""
    if "RPAR" in allowed:
        return "a ')' is missing"
    return 'say what to do: then notify("slack:#ops")' if "THEN" in allowed else ""


def _bare_word(word: str) -> str:
    if word.lower() in {"true", "false", "null"}:
        return f"write {word.lower()} in small letters"
    return f'text values need quotes, e.g. "{word}"'


def _unknown_function(name: str) -> str:
    known = [each[:-2] for each in WORDS["EVENTS"] + WORDS["FIGURE"] + WORDS["PRESENCE"] + WORDS["FUNCTION"]]
    near = difflib.get_close_matches(name, [*known, "first", "change"], n=1)
    return f"did you mean '{near[0]}('?" if near else f"there is no function '{name}'"


def _nearest(word: str, allowed: set[str], wanted: str) -> str:
    known = [each for terminal in allowed for each in WORDS.get(terminal, ()) if " " not in each]
    if word.lower() in known and word not in known:
        return f"write '{word.lower()}' in small letters"
    near = difflib.get_close_matches(word.lower(), known, n=1) if word.isalpha() else []
    if near:
        return f"did you mean '{near[0]}'?"
    if "NAME" in allowed and len(allowed) == 1:
        return 'for example notify("slack:#ops")'
    return f"write {wanted} here" if known else ""


def _example(special: str) -> str:
    return 'for example: when type == "order" then notify("slack:#ops")' if "==" in special else special
