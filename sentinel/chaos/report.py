"""The report of a run: one page that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sentinel.chaos.curves import Curve, Mark, draw, per_second
from sentinel.chaos.run import Outcome, Plan, Struck

SHOWN = 50
"""Of a long list of ids the first ones are enough to look into it."""

Facts = list[tuple[str, Any]]


def facts_of(outcome: Outcome) -> Facts:
    """The verdict in figures; the terminal shows the same."""
    verdict, book = outcome.verdict, outcome.book
    repeats = sum(count for answer, count in book.answers.items() if not answer.startswith("2"))
    return [
        ("verdict", "kept: nothing lost, nothing doubled that is not counted" if outcome.is_kept else "BROKEN"),
        ("offered", book.offered),
        ("accepted", verdict.accepted),
        ("delivered", verdict.arrived),
        ("lost", len(verdict.lost)),
        ("sent twice after an AMBIGUOUS try", verdict.doubled),
        ("webhooks repeated under the same webhook-id", verdict.repeated),
        ("copies that nothing explains", len(verdict.unexplained)),
        ("tries with an unknown end (AMBIGUOUS)", verdict.ambiguous),
        ("without an end", len(verdict.unfinished)),
        ("without an end and without a time", len(verdict.forgotten)),
        ("discrepancies that `sentinel audit` finds", outcome.discrepancies),
        ("stored, answer lost", verdict.answer_lost),
        ("refused", len(book.refused)),
        ("faults", len(outcome.struck)),
        ("requests repeated", repeats),
        ("longest outage a client saw", f"{book.longest_outage:.1f} s"),
        ("load", f"{outcome.load_seconds:.0f} s at {verdict.accepted / max(1.0, outcome.plan.seconds):.0f}/s accepted"),
        ("time to drain", f"{outcome.drain_seconds:.1f} s"),
        *((f"rows {end}", count) for end, count in sorted(verdict.ends.items())),
        *(("remark", remark) for remark in outcome.remarks),
    ]


def problems_of(outcome: Outcome) -> list[str]:
    """What broke the promises, by id, a line each."""
    verdict = outcome.verdict
    return [
        *(f"lost: {token}: {why}" for token, why in verdict.lost.items()),
        *(
            f"unexplained: {each.token}: {each.copies} copies where {each.allowed} may be, {each.rows} rows"
            for each in verdict.unexplained
        ),
        *(f"without an end: {each}" for each in verdict.unfinished),
        *(f"refused: {token}: {why}" for token, why in list(outcome.book.refused.items())[:SHOWN]),
    ]


def command_of(plan: Plan) -> str:
    """The command that does the same again."""
    times = " --shipped-times" if plan.has_shipped_times else ""
    load = f"--rate {plan.rate:g} --minutes {plan.seconds / 60:g}"
    return f"sentinel chaos {load} --faults {plan.strikes} --seed {plan.seed}{times}"


def strike_table(struck: Sequence[Struck]) -> list[tuple[str, str, str, str]]:
    """Each fault: when, what, whom, and until when."""
    return [
        (f"{each.began:.1f}", each.strike.kind, each.strike.target, f"{each.ended - each.began:.1f}")
        for each in sorted(struck, key=lambda found: found.began)
    ]


def strike_counts(struck: Sequence[Struck]) -> list[tuple[str, int]]:
    """How often each part was broken in each way."""
    counts = Counter(f"{each.strike.target}: {each.strike.kind}" for each in struck)
    return sorted(counts.items())


def write_page(outcome: Outcome) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=PackageLoader("sentinel.chaos"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    marks = [
        Mark(each.began, each.ended, f"{each.began:.0f} s: {each.strike.target}, {each.strike.kind}")
        for each in outcome.struck
    ]
    samples = outcome.samples
    speeds = (
        Curve("accepted/s", per_second([(each.at, each.accepted) for each in samples])),
        Curve("delivered/s", per_second([(each.at, each.left) for each in samples])),
    )
    backlog = (Curve("backlog", [(each.at, each.backlog) for each in samples]),)
    return environment.get_template("report.html").render(
        is_kept=outcome.is_kept,
        facts=facts_of(outcome),
        problems=problems_of(outcome)[:SHOWN],
        strikes=strike_table(outcome.struck),
        counts=strike_counts(outcome.struck),
        answers=sorted(outcome.book.answers.items()),
        pictures=[
            # Drawn by ourselves from numbers and escaped labels.
            Markup(draw(title, curves, marks))  # noqa: S704
            for title, curves in (("Speed", speeds), ("Accepted and not yet at its end", backlog))
        ],
        command=command_of(outcome.plan),
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
