"""The words of messages: built in, by a template, and what a template may not do."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from time import thread_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.rendering import Content, Facts, TemplateError, Wording, check, render

EVENT: dict[str, Any] = {
    "type": "payment",
    "severity": "high",
    "source": "payments",
    "name": "card_declined",
    "amount": 750,
    "customer": {"name": "Zoë", "id": 5},
    "tags": ["prod", "eu"],
    "is_new": True,
    "region": None,
}


def facts(event: dict[str, Any] | None = None, **changes: Any) -> Facts:
    values: dict[str, Any] = {
        "client": "acme",
        "event_id": "evt-1",
        "severity": "high",
        "rules": ((12, "Declined cards"), (13, "All of payments")),
        "event": EVENT if event is None else event,
        "occurred_at": datetime(2026, 11, 20, 18, 5, tzinfo=UTC),
    }
    return Facts(**values | changes)


def filled(body: str, event: dict[str, Any] | None = None, **changes: Any) -> str:
    return render("email", facts(event, **changes), Wording(None, body)).body


def refusal(body: str) -> TemplateError:
    with pytest.raises(TemplateError) as refused:
        check(None, Wording(None, body))
    return refused.value


def test_the_built_in_mail_tells_severity_source_name_ids_rules_and_the_rest_of_the_event() -> None:
    assert render("email", facts()) == Content(
        "[HIGH] payments/card_declined",
        "Severity: HIGH\nSource: payments\nName: card_declined\nType: payment\nTime: 2026-11-20T18:05:00Z\n"
        "Event: evt-1\nClient: acme\nRules: Declined cards (#12), All of payments (#13)\n\n"
        'amount: 750\ncustomer.name: Zoë\ncustomer.id: 5\ntags: ["prod","eu"]\nis_new: true',
    )


def test_the_built_in_sms_is_one_line_and_has_no_subject() -> None:
    assert render("sms", facts(EVENT | {"amount": "a\nb"})) == Content(
        None,
        "[HIGH] payments/card_declined - amount=a b, customer.name=Zoë, customer.id=5, "
        'tags=["prod","eu"], is_new=true - rule: Declined cards, All of payments',
    )


def test_the_built_in_sms_stays_short_whatever_the_event() -> None:
    event = {f"field{number}": "x" * 5000 for number in range(500)} | {"source": "s" * 500, "name": "n" * 500}

    assert len(render("sms", facts(event)).body) == 320


def test_the_built_in_mail_stays_short_whatever_the_event() -> None:
    event = {f"field{number}": "x" * 5000 for number in range(500)}
    rules = tuple((number, "r" * 200) for number in range(500))

    content = render("email", facts(event, rules=rules))

    assert len(content.body) < 10_000
    assert len(content.subject or "") <= 255


@pytest.mark.parametrize(
    ("event", "severity", "subject"),
    [
        ({"source": "api"}, "low", "[LOW] api"),
        ({"type": "order"}, None, "order"),
        ({}, "critical", "[CRITICAL] event evt-1"),
        ({"source": 5, "name": None}, None, "5"),
        ({"name": "a\r\nBcc: x@example.com"}, None, "a Bcc: x@example.com"),
    ],
)
def test_the_built_in_subject_says_what_there_is_in_one_line(
    event: dict[str, Any], severity: str | None, subject: str
) -> None:
    assert render("email", facts(event, severity=severity)).subject == subject


@given(text=st.text(st.sampled_from("ab \t\n\x00\x7f\x85\xa0\u2028\u3000\u200bé"), max_size=12))
def test_a_subject_is_one_line_with_single_spaces(text: str) -> None:
    subject = render("email", facts({"name": text}, severity="low")).subject

    told = f"[LOW] {text}" if text else "[LOW] event evt-1"
    assert subject == " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", told).split())


def test_a_test_is_marked_in_subject_and_body_of_every_wording() -> None:
    for wording in (None, Wording("Hello", "World")):
        content = render("email", facts(is_test=True), wording)
        assert (content.subject or "").startswith("[TEST] ")
        assert content.body.startswith("[TEST] ")
    assert render("sms", facts(is_test=True)).body.startswith("[TEST] [HIGH]")


def test_a_template_words_subject_and_body() -> None:
    wording = Wording("{{ severity|upper }}: {{ event.customer.name }}", "{{ client }} lost {{ event.amount }}")

    assert render("email", facts(), wording) == Content("HIGH: Zoë", "acme lost 750")


@pytest.mark.parametrize("channel", ["slack", "webhook", "inbox", "email"])
def test_a_template_without_a_subject_has_the_built_in_one(channel: str) -> None:
    assert render(channel, facts(), Wording(None, "x")) == Content("[HIGH] payments/card_declined", "x")


def test_a_template_that_comes_out_empty_tells_nothing_so_the_built_in_words_stand_in() -> None:
    wording = Wording("{% if false %}x{% endif %}", " {% if event.nope %}x{% endif %}\n")

    assert render("email", facts(), wording) == render("email", facts())
    assert render("sms", facts(), wording) == render("sms", facts())


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{{ event.nope }} {{ event.nope.deeper[3].still }}", "- -"),
        ("{{ event.region }} {{ event.region.code }}", "- -"),
        ("{{ event.is_new }} {{ event.tags }} {{ event.customer }}", 'true ["prod","eu"] {"name":"Zoë","id":5}'),
        ("{{ event['customer']['id'] }} {{ event.tags[0] }} {{ event.tags[-1] }} {{ event.tags[9] }}", "5 prod eu -"),
        ("{{ event.name[:4] }} {{ event.tags[1:] }}", 'card ["eu"]'),
        ("{{ event.amount[1:] }} {{ event.tags[::-1] }} {{ event.name[2:5:0] }}", '- ["eu","prod"] rd_'),
        ("{{ event.nope[1:] }} {{ event.customer[1:] }} {{ true[0:1] }} {{ event.name[event.nope:4] }}", "- - - card"),
        ("{{ source }}/{{ name }} {{ type }} {{ event_id }}", "payments/card_declined payment evt-1"),
        (
            "{% for rule in rules %}{{ loop.index }}. {{ rule.name }} {% endfor %}",
            "1. Declined cards 2. All of payments ",
        ),
        ("{% for key, value in event.customer|items %}{{ key }}={{ value }};{% endfor %}", "name=Zoë;id=5;"),
        ("{% for x in event.amount %}never{% else %}no list{% endfor %}", "no list"),
        ("{{ event.amount * 2 }} {{ event.amount / 100 }} {{ -event.amount }} {{ 7 % 4 }}", "1500 7.5 -750 3"),
        ("{{ event.amount / 0 }} {{ event.name * 9 }} {{ event.nope + 1 }} {{ -event.name }}", "- - - -"),
        ("{{ event.amount > 500 }} {{ event.name > 500 }} {{ event.nope < 1 }}", "true false false"),
        ("{{ 500 < event.amount <= 750 }} {{ 500 < event.amount < 750 }}", "true false"),
        ("{{ event.nope == none }} {{ event.region != none }} {{ event.is_new == 1 }}", "true false false"),
        (
            "{{ 'eu' in event.tags }} {{ 'us' not in event.tags }} {{ 'card' in event.name }} {{ 1 in 5 }}",
            "true true true false",
        ),
        ("{{ 'yes' if event.nope is defined else 'no' }} {{ event.amount is number }}", "no true"),
        (
            "{{ event.nope|default('none given') }} {{ ''|d('empty', true) }} {{ event.amount|default(1) }}",
            "none given empty 750",
        ),
        ("{{ event.name|upper|replace('_', ' ')|title }}", "Card Declined"),
        (
            "{{ 3.14159|round(2) }} {{ 2.6|round }} {{ 'x'|round }} {{ '12'|int }} {{ '1.5'|float }} {{ 'x'|int(7) }}",
            "3.14 3 - 12 1.5 7",
        ),
        ("{{ 750|round(2) }} {{ 750.004|round(2) }} {{ true|round }}", "750 750.0 -"),
        ("{{ event.tags|join(' + ') }} {{ rules|join(', ', 'name') }}", "prod + eu Declined cards, All of payments"),
        (
            "{{ event.tags|length }} {{ event.tags|first }} {{ event.tags|last }} {{ event.amount|length }}",
            "2 prod eu 0",
        ),
        ("{{ event.name|truncate(5) }} {{ event.name|truncate(50) }}", "card… card_declined"),
        ("{{ event.customer|tojson }} {{ event.nope|tojson }}", '{"name":"Zoë","id":5} null'),
        ("{{ 'a b/c'|urlencode }} {{ ' x '|trim }} {{ 'ab'|capitalize }}", "a%20b%2Fc x Ab"),
        ("{{ occurred_at }} {{ occurred_at|date('%d.%m.%Y %H:%M') }}", "2026-11-20T18:05:00Z 20.11.2026 18:05"),
        (
            "{{ 0|date }} {{ 1763661900000|date('%Y') }} {{ '2026-01-01T00:00:00+02:00'|date }}",
            "1970-01-01 00:00:00 2025 2025-12-31 22:00:00",
        ),
        ("{{ 'soon'|date }} {{ occurred_at|date('%9999999Y') }}", "soon 2026-11-20T18:05:00Z"),
        ("{% raw %}{{ x }}{% endraw %}{# nothing #}<b>", "{{ x }}<b>"),
    ],
)
def test_a_template_reads_the_event(body: str, text: str) -> None:
    assert filled(body) == text


def test_fields_that_are_called_as_methods_of_python_are_fields() -> None:
    assert filled("{{ event.items }} {{ event.keys }} {{ event.name.upper }}", {"items": 5, "name": "x"}) == "5 - -"


@pytest.mark.parametrize(
    "body",
    [
        "{{ event.__class__ }}",
        "{{ event['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ event.name.format }}",
        "{{ rules[0].__init__ }}",
        "{% for rule in rules %}{{ loop.__class__ }}{% endfor %}",
    ],
)
def test_nothing_of_python_can_be_reached(body: str) -> None:
    assert set(filled(body)) == {"-"}


@pytest.mark.parametrize(
    ("body", "message", "remedy"),
    [
        ("{{ evnt.amount }}", 'unknown name "evnt"', "did you mean event?"),
        ("{{ amount }}", 'unknown name "amount"', "event.amount"),
        ("{{ self }}", 'unknown name "self"', "known names are"),
        ("{{ loop.index }}", 'unknown name "loop"', "known names are"),
        ("{{ name|uper }}", 'unknown filter "uper"', "did you mean upper?"),
        ("{{ name|upper(1) }}", "filter upper: too many", "docs/reference/templates.md"),
        ("{{ name|replace('a') }}", "filter replace: missing", "docs/reference/templates.md"),
        ("{{ name is odd }}", 'unknown test "odd"', "use one of: boolean"),
        ("{{ event.items() }}", "calls are not part of templates", "use a filter"),
        ("{{ range(9) }}", "calls are not part of templates", "use a filter"),
        ("{% set x = 1 %}", "assignments are not part", "where it is needed"),
        ("{% macro a() %}{% endmacro %}", "macro is not part", "values, filters, if and for"),
        ("{% include 'x' %}", "include is not part", "values, filters, if and for"),
        ("{% import 'x' as y %}", "import is not part", "values, filters, if and for"),
        ("{% extends 'x' %}", "extends is not part", "values, filters, if and for"),
        ("{% block a %}{% endblock %}", "block is not part", "values, filters, if and for"),
        ("{% filter upper %}x{% endfilter %}", "filterblock is not part", "values, filters, if and for"),
        ("{% for a in event.b recursive %}{% endfor %}", "recursive loops", "one loop in another"),
        ("{{ 'a' ~ 'b' }}", "~ is not part", "side by side"),
        ("{{ 9 ** 99 }}", "** is not part", "multiply"),
        ("{{ {} }}", "dict is not part", "values, filters, if and for"),
        ("{{ event.a", "unexpected end of template", "docs/how-to/templates.md"),
        ("{% if event.a %}", "Unexpected end of template", "docs/how-to/templates.md"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deep", "simpler"),
        ("{{ 1" + " + 1" * 1000 + " }}", "nested too deep", "simpler"),
        ("{% for a in rules %}" * 25 + "{% endfor %}" * 25, "nested too deep", "simpler"),
        ("{{ " + "9" * 5000 + " }}", "too long a number", "simpler"),
        ("x" * 16_385, "longer than 16384 bytes", "shorten it"),
    ],
)
def test_what_is_not_part_of_the_language_is_refused_with_a_remedy(body: str, message: str, remedy: str) -> None:
    [error] = refusal(body).errors

    assert error.field == "body"
    assert message in error.message
    assert remedy in error.remedy


def test_a_refusal_names_field_line_and_the_line_itself() -> None:
    with pytest.raises(TemplateError) as refused:
        check("email", Wording("Fine\n{{ source }} {{ sorce }}", "x"))

    [error] = refused.value.errors
    assert (error.field, error.message) == ("subject", 'line 2: unknown name "sorce"')
    assert (error.value, refused.value.line) == ("{{ source }} {{ sorce }}", 2)


def test_a_template_that_cannot_be_filled_says_so() -> None:
    with pytest.raises(TemplateError, match="cannot be filled with this event"):
        filled("{% for a, b in event.tags %}{{ a }}{% endfor %}", {"tags": ["x"]})


@pytest.mark.parametrize(("channel", "longest"), [("sms", 1600), ("email", 100_000)])
def test_a_body_ends_where_its_channel_cannot_carry_more(channel: str, longest: int) -> None:
    wording = Wording("s", "{% for tag in event.tags %}{{ tag }}{% endfor %}")

    body = render(channel, facts({"tags": ["x" * 999] * 200}), wording).body

    assert (len(body), body[-2:]) == (longest, "x…")


LOOP = "{% for x in event.list %}"
END = "{% endfor %}"


@pytest.mark.parametrize(
    "body",
    [
        LOOP * 3 + END * 3,
        LOOP + "{% if event.a == event.b %}{% endif %}" * 200 + END,
        LOOP + "{% if -1 in event.list %}{% endif %}" * 300 + END,
        LOOP + "{% if event|tojson|length %}{% endif %}" * 300 + END,
        LOOP + "{% if event.a[1:] %}{% endif %}" * 400 + END,
        "{{ event.list|join(event.a) }}",
        "{{ 'xxxxxxxx'" + "|replace('x', 'xxxxxxxx')" * 30 + " }}",
    ],
)
def test_no_template_takes_long_and_what_it_said_so_far_stands(body: str) -> None:
    event = {"a": "x" * 120_000, "b": "x" * 119_999 + "y", "list": list(range(20_000))}
    wording = Wording("s", "So far. " + body)
    check(None, wording)
    started = thread_time()

    content = render("email", facts(event), wording)

    assert thread_time() - started < 0.5
    assert content.body == "So far. …"


PIECES = (
    *(
        "event",
        "event.a",
        "event.list",
        "rules",
        "rules[0].name",
        "occurred_at",
        "loop.index",
        "1",
        "2.5",
        "'s'",
        "none",
    ),
    *(
        "(",
        ")",
        "[",
        "]",
        ":",
        ",",
        ".",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " < ",
        " == ",
        " in ",
        " not ",
        " and ",
        " if ",
    ),
    *(" else ", " is ", "number", "|", "join", "replace", "round", "date", "items", "tojson", "truncate", "default"),
)
STATEMENTS = (
    "{{ ",
    " }}",
    "{% if ",
    "{% for x in ",
    "{% for k, v in ",
    " %}",
    "{% endif %}",
    "{% endfor %}",
    "x",
    "text",
)
EXPRESSIONS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join).map("{{{{ {} }}}}".format)
SOURCES = st.lists(st.sampled_from(PIECES + STATEMENTS), min_size=1, max_size=30).map("".join)


@given(EXPRESSIONS | SOURCES)
@settings(max_examples=500, deadline=None, derandomize=True, database=None)
def test_a_source_is_refused_or_filled_and_nothing_else_happens(source: str) -> None:
    event = {"a": "x" * 1000, "list": [1, "a", None, {"k": [2]}]}

    with suppress(TemplateError):  # anything else would reach the worker
        check(None, Wording(None, source))
        assert render("email", facts(event), Wording(None, source)).body


def test_numbers_stay_small_enough_to_be_written() -> None:
    assert filled("{{ event.big " + "* event.big " * 20 + "}}", {"big": 2**63}) == "-"


ALERT: dict[str, Any] = {
    "type": "alert",
    "status": "firing",
    "name": "DiskFull",
    "severity": "page",
    "source": "node",
    "labels": {"alertname": "DiskFull", "severity": "page", "instance": "db-1"},
    "annotations": {"summary": "99 %"},
    "starts_at": "2026-11-20T18:00:00.000Z",
    "ends_at": None,
    "generator_url": None,
}


def test_the_built_in_mail_of_an_alert_says_first_that_it_fires_and_then_why() -> None:
    assert render("email", facts(ALERT, severity="critical", rules=())) == Content(
        "FIRING [CRITICAL] node/DiskFull",
        "Status: FIRING\nSeverity: CRITICAL\nSource: node\nName: DiskFull\nType: alert\nTime: 2026-11-20T18:05:00Z\n"
        "Event: evt-1\nClient: acme\n\n"
        "annotations.summary: 99 %\nlabels.instance: db-1\nstarts_at: 2026-11-20T18:00:00.000Z",
    )


def test_the_built_in_sms_of_a_resolved_alert_begins_with_that() -> None:
    event = ALERT | {"status": "resolved", "ends_at": "2026-11-20T18:05:00.000Z"}

    assert render("sms", facts(event, severity=None, rules=())).body == (
        "RESOLVED node/DiskFull - annotations.summary=99 %, labels.instance=db-1, "
        "starts_at=2026-11-20T18:00:00.000Z, ends_at=2026-11-20T18:05:00.000Z"
    )


@pytest.mark.parametrize(
    "event", [{"status": "firing"}, {"type": "alert", "status": "odd"}, {"type": "alert", "status": []}]
)
def test_what_is_no_alert_is_worded_as_ever(event: dict[str, Any]) -> None:
    content = render("email", facts(event))

    assert "FIRING" not in content.body
    assert (content.subject or "").startswith("[HIGH]")
