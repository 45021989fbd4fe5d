"""What finding the rules that an event matches takes, and costs, with a million of them."""

from __future__ import annotations

import gc
import resource

import orjson

from bench.context import Context
from bench.figures import Cell, Figures, Table
from bench.matching import MATCH, MATCHING, RULES_PER_CLIENT, load_all, match, microseconds, triple_set
from sentinel.rules.parser import parse
from sentinel.rules.rulebook import RuleBook
from sentinel.rules.serialise import dump
from sentinel.rules.syntax import RuleSyntax

CLIENTS = 3473


def run(context: Context) -> Figures:
    """Measure rules by severity, source and name; takes some minutes and three gigabytes."""
    rules = triple_set(CLIENTS)
    rules.events.pop("99 clients")  # here they are thousands
    context.say(f"parsing the different ones of {len(rules.texts)} rules")
    known = {text: dump(parse(text)) for text in dict.fromkeys(rules.texts)}
    snapshot = orjson.dumps([known[text] for text in rules.texts])
    del known
    book, costs = cold_start(snapshot)
    context.say("matching")
    return Figures(
        (
            Table("Matching one event", MATCHING, tuple(match(book, rules)), MATCH),
            Table("What a million rules cost", ("rules", "load s", "build s", "peak GB"), (costs,)),
        )
    )


def cold_start(snapshot: bytes) -> tuple[RuleBook, tuple[Cell, ...]]:
    """From stored rules to an index over all of them."""
    books: list[RuleBook] = []
    rules: list[RuleSyntax] = []
    gc.disable()
    load_us = microseconds(lambda: rules.extend(load_all(snapshot)))
    owned = ((number, number // RULES_PER_CLIENT, rule.condition) for number, rule in enumerate(rules))
    build_us = microseconds(lambda: books.append(RuleBook(owned))) + microseconds(lambda: books[0].match_all({}))
    gc.enable()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return books[0], (len(rules), round(load_us / 1e6, 1), round(build_us / 1e6, 1), round(peak, 2))
