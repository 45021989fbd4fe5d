"""Templates are programs of strangers: the known ways out of Jinja's sandbox, and bombs. None works."""

from __future__ import annotations

import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from typing import Any

import pytest

from sentinel.rendering import Facts, TemplateError, Wording, check, render

ROOT = Path(__file__).resolve().parents[2]

EVENT: dict[str, Any] = {
    "type": "payment",
    "name": "card_declined",
    "text": "{0.__class__.__mro__} {event.__init__.__globals__} {{ 7 * 7 }} {% set x = 1 %}",
    "amount": 750,
    "list": [1, "a", {"k": [2]}],
    "none": None,
}


def filled(body: str, event: dict[str, Any] | None = None) -> str:
    facts = Facts("acme", "evt-1", "high", ((1, "Rule"),), event or EVENT, datetime(2026, 11, 20, tzinfo=UTC))
    return render("email", facts, Wording("s", body)).body


REFUSED = [
    # names that Jinja or Flask put into every template
    "{{ lipsum }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ dict(a=1) }}",
    "{{ range(10**9) }}",
    "{% for x in range(999999999) %}{{ x }}{% endfor %}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ caller() }}",
    "{{ varargs }} {{ kwargs }}",
    "{{ config }} {{ request }} {{ g }} {{ session }} {{ url_for }} {{ get_flashed_messages }}",
    "{{ __builtins__ }}",
    "{{ _ }} {{ gettext('x') }}",
    # calls of any kind
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ event.name.upper() }}",
    "{{ event.get('a') }}",
    "{{ event.text.format(event) }}",
    "{{ event.text.format_map({}) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '%s'.__mod__(1) }}",
    "{{ (event.name)() }}",
    "{{ event['__getitem__']('a') }}",
    "{{ loop() }}",
    "{% for x in rules recursive %}{{ loop(rules) }}{% endfor %}",
    # filters that reach attributes, format strings, or make much of little
    "{{ event|attr('__class__') }}",
    "{{ event|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ event.list|map('attr', '__class__')|list }}",
    "{{ event.list|map(attribute='__class__')|join }}",
    "{{ event.list|selectattr('__class__') }}",
    "{{ event.list|groupby('__class__') }}",
    "{{ event.list|sort(attribute='__class__') }}",
    "{{ event.list|sum(attribute='__class__') }}",
    "{{ event.list|unique|list }}",
    "{{ '%s %s'|format(event, 1) }}",
    "{{ '%999999999d'|format(1) }}",
    "{{ 'x'|center(999999999) }}",
    "{{ 'x'|indent(999999999) }}",
    "{{ 'x'|wordwrap(1) }}",
    "{{ event.list|batch(999999999, 'x')|list }}",
    "{{ event.list|slice(999999999)|list }}",
    "{{ event|pprint }}",
    "{{ event|xmlattr }}",
    "{{ event|string|safe|e }}",
    "{{ event|dictsort }}",
    "{{ event|random }}",
    "{{ 'x'|filesizeformat|urlize }}",
    # filters and tests that only the compiler may put in
    "{{ event| each }}",
    "{{ 1 is eq 1 }}",
    "{{ event is callable }}",
    "{{ event is filter }}",
    "{{ event is sameas event }}",
    # statements
    "{% set x = event %}{{ x }}",
    "{% set event.a = 1 %}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% macro a() %}{% macro b() %}{% endmacro %}{% endmacro %}",
    "{% call event.x() %}{% endcall %}",
    "{% include '/etc/passwd' %}",
    "{% include event.name %}",
    "{% import 'os' as os %}{{ os.popen('id') }}",
    "{% from 'os' import popen %}",
    "{% extends event.name %}",
    "{% block x %}{{ self.x() }}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = event %}{{ x }}{% endwith %}",
    "{% autoescape true %}{{ event }}{% endautoescape %}",
    "{% do event.clear() %}",
    "{% debug %}",
    "{% break %}",
    # operators that make much of little, and long numbers
    "{{ 10 ** 1000000000 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ {'a': event} }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "(" * 3000 + "event" + ")" * 3000 + " }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ event" + ".a" * 5000 + " }}",
    "{{ event" + "[0]" * 4000 + " }}",
    "{{ event" + "|first" * 2000 + " }}",
    "{{ " + "not " * 3000 + "event }}",
    "{% if event %}" * 1000 + "{% endif %}" * 1000,
]


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_what_could_lead_out_is_refused_when_it_is_written(body: str) -> None:
    with pytest.raises(TemplateError) as refused:
        check(None, Wording(None, body))

    assert all(error.remedy for error in refused.value.errors)


WORDS = (
    *("__class__", "__init__", "__globals__", "__dict__", "__mro__", "__subclasses__", "__reduce__", "__getattr__"),
    *("format", "format_map", "mro", "func_globals", "gi_frame", "gi_code", "cr_frame", "f_globals", "tb_frame"),
    *("_fail_with_undefined_error", "_undefined_message", "_undefined_exception", "environment", "_iterator", "cycle"),
    *("changed", "depth", "previtem", "nextitem", "tzinfo", "utcoffset", "resolution", "strftime", "real", "as_tuple"),
)
OBJECTS = ("event", "event.list", "event.name", "event.amount", "event.nope", "event.none", "rules", "occurred_at", "1")


@pytest.mark.parametrize("word", WORDS)
def test_no_name_of_python_leads_from_any_value_to_anything(word: str) -> None:
    for value in OBJECTS:
        ways = [f"({value})['{word}']", f"({value})|first", f"[{value}]|join(', ', '{word}')", f"({value}).{word}"]
        for way in (ways[0], ways[2], ways[3], f"({ways[3]}).{word}", f"({ways[0]})[0]"):
            assert filled("{{ " + way + " }}") == "-", way

    assert filled("{% for x in event.list %}{{ loop." + word + " }}{% endfor %}") == "---"


def test_what_an_event_says_is_text_and_never_a_template() -> None:
    assert filled("{{ event.text }}") == EVENT["text"]
    assert filled("{{ event.text|replace('7', '8')|upper|trim }}").startswith("{0.__CLASS__")
    assert filled("{{ '{{ 7 * 7 }}' }}") == "{{ 7 * 7 }}"


def test_texts_are_not_multiplied_and_numbers_stay_small() -> None:
    for bomb in ("'a' * 1000000000", "1000000000 * 'a'", "[event] * 999999999", "'%999999999d' % 1", "'a' + 'b'"):
        assert filled("{{ " + bomb + " }}") == "-", bomb
    assert filled("{{ 9" + " * 999999999999" * 30 + " }}") == "-"
    assert filled("{{ 1.0 * 10000" + " * 100000000000000" * 25 + " }}") == "inf"


LARGE: dict[str, Any] = {
    "d": {f"k{number}": "v" * 10 for number in range(12_000)},
    "e": {f"k{number}": "v" * 10 for number in range(12_000)} | {"k11999": "w"},
    "quotes": '"' * 99_000,
    "text": "x" * 250_000,
    "list": list(range(40_000)),
    "deep": [[[[["x" * 1000] * 5] * 5] * 5] * 5],
}
EACH = "{% for x in [event.d] %}{% for y in [event.e] %}"
END = "{% endfor %}{% endfor %}"
MANY_X, MANY_Y = "[" + "x," * 3900 + "]", "[" + "y," * 3900 + "]"

BOMBS = {
    "one value named often": EACH + "{{ " + MANY_X + " }}" + END,
    "and joined": EACH + "{{ " + MANY_X + "|join }}" + END,
    "and joined with a long text": EACH + "{{ event.list|join(event.text) }}" + END,
    "and written as JSON": EACH + "{{ " + MANY_X + "|tojson|length }}" + END,
    "and turned into text by a filter": EACH + "{{ " + MANY_X + "|upper|length }}" + END,
    "and replaced in": EACH + "{{ " + MANY_X + "|replace('v', event.text)|length }}" + END,
    "and taken apart": EACH + "{{ [" + "x|items," * 1500 + "]|length }}" + END,
    "and sliced": "{{ [" + "event.list[:]," * 1000 + "]|length }}",
    "looked for": EACH + "{{ y in " + MANY_X + " }}" + END,
    "looked for in itself": EACH + "{{ " + MANY_X + " in [" + MANY_Y + "] }}" + END,
    "compared": EACH + "{{ " + MANY_X + " == " + MANY_Y + " }}" + END,
    "JSON of JSON of JSON": "{{ event.quotes" + "|tojson" * 30 + " }}",
    "replaced by more of itself": "{{ event.text" + "|replace('x', 'xx')" * 30 + " }}",
    "between all characters": "{{ event.text|replace('', event.text) }}",
    "nested deep": "{{ event.deep }}{{ event.deep|tojson }}{{ event.deep|join }}",
    "a long form of a date": "{{ 0|date('" + "%A" * 7000 + "') }}",
    "a long number": "{{ event.text|replace('x', '9')|float }}{{ event.text|int }}",
    "loops in loops": "{% for a in event.list %}" * 12 + "x" + "{% endfor %}" * 12,
}


def explode() -> None:
    """Fill all bombs with half a gigabyte at hand; writes the name of each that came to an end in time."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (512 << 20),) * 2)
    for name, body in BOMBS.items():
        check(None, Wording(None, body))
        started = thread_time()
        assert len(filled(body, LARGE)) <= 100_000, name
        assert thread_time() - started < 1, name
        sys.stdout.write(f"{name}\n")


def test_no_template_exhausts_memory_or_time() -> None:
    code = "from tests.unit.test_template_escapes import explode; explode()"

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.splitlines() == list(BOMBS), done.stderr
    assert done.returncode == 0, done.stderr
