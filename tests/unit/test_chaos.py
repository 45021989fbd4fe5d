"""The judge of `sentinel chaos` must be able to find against us; the plan must be repeatable and fair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from sentinel.chaos.curves import Curve, Mark, draw, per_second
from sentinel.chaos.questions import count_copies
from sentinel.chaos.report import facts_of, problems_of, write_page
from sentinel.chaos.run import Outcome, Plan, Sample, Struck, is_drained
from sentinel.chaos.strikes import KINDS, RECOVERY_SECONDS, plan_strikes
from sentinel.chaos.traffic import Book, make_orders
from sentinel.chaos.verdict import Books, Copies, Row, Verdict, judge
from sentinel.models.status import Status


def row(token: str | None, status: str = "SENT", **more: Any) -> Row:
    return Row(f"id of {token}", token, status, **more)


def judged(rows: Iterable[Row], copies: Mapping[str, int], accepted: Iterable[str] | None = None) -> Verdict:
    rows = list(rows)
    known = [each.token for each in rows if each.token] if accepted is None else accepted
    return judge(Books(frozenset(known), rows, copies))


def test_one_copy_of_each_is_what_was_promised() -> None:
    verdict = judged([row("a"), row("b", "DELIVERED")], {"a": 1, "b": 1})

    assert verdict.is_kept
    assert (verdict.accepted, verdict.arrived, verdict.doubled) == (2, 2, 0)


def test_an_accepted_message_without_a_row_is_lost() -> None:
    verdict = judged([row("a")], {"a": 1}, accepted=["a", "b"])

    assert list(verdict.lost) == ["b"]
    assert not verdict.is_kept


def test_a_message_marked_as_sent_that_the_provider_never_got_is_lost() -> None:
    verdict = judged([row("a"), row("b")], {"a": 1})

    assert verdict.lost == {"b": "marked as sent, but the provider has no copy"}
    assert not verdict.is_kept


def test_a_second_copy_that_no_try_in_doubt_explains_breaks_the_promise() -> None:
    verdict = judged([row("a")], {"a": 2})

    assert verdict.unexplained == (Copies("a", copies=2, allowed=1, rows=1),)
    assert not verdict.is_kept


def test_a_second_copy_after_a_try_in_doubt_is_counted_and_kept() -> None:
    verdict = judged([row("a", ambiguous=1)], {"a": 2})

    assert (verdict.doubled, verdict.unexplained) == (1, ())
    assert verdict.is_kept


def test_doubt_about_one_message_explains_no_copy_of_another() -> None:
    verdict = judged([row("a", ambiguous=3), row("b")], {"a": 1, "b": 2})

    assert [each.token for each in verdict.unexplained] == ["b"]


def test_a_webhook_repeated_because_nothing_answered_is_told_apart_from_a_double() -> None:
    verdict = judged([row("a", unanswered=1)], {"a": 2})

    assert (verdict.doubled, verdict.repeated, verdict.unexplained) == (0, 1, ())


def test_two_rows_of_one_message_break_the_promise_although_each_was_sent_once() -> None:
    assert not judged([row("a"), row("a")], {"a": 2}).is_kept


def test_a_copy_of_a_failed_message_has_to_be_a_try_in_doubt() -> None:
    failed = judged([row("a", "FAILED", reason="attempts_exhausted")], {"a": 1})
    in_doubt = judged([row("a", "FAILED", reason="ambiguous", ambiguous=1)], {"a": 1})

    assert (failed.is_kept, in_doubt.is_kept) == (False, True)
    assert in_doubt.ends == {"FAILED ambiguous": 1}


def test_a_copy_that_belongs_to_no_row_breaks_the_promise() -> None:
    assert [each.token for each in judged([], {"x": 1}).unexplained] == ["x"]


@pytest.mark.parametrize("status", [Status.PENDING, Status.RETRYING, Status.SENDING, Status.AMBIGUOUS])
def test_a_row_without_an_end_breaks_the_promise_and_one_that_nobody_looks_at_is_forgotten(status: Status) -> None:
    waiting, forgotten = row("a", status, has_time=True), row("b", status)

    verdict = judged([waiting, forgotten], {})

    assert (verdict.unfinished, verdict.forgotten) == ((waiting.id, forgotten.id), (forgotten.id,))
    assert not verdict.is_kept


def test_a_stored_message_whose_answer_was_lost_is_counted_and_breaks_nothing() -> None:
    verdict = judged([row("a"), row("b")], {"a": 1, "b": 1}, accepted=["a"])

    assert (verdict.answer_lost, verdict.is_kept) == (1, True)


def test_copies_are_what_the_provider_took_answered_or_not(tmp_path: Path) -> None:
    taken, cut, refused = ("chaos-a-1", "m1"), ("chaos-a-1", "m2"), ("chaos-a-2", None)
    lines = [orjson.dumps({"text": f"{token}: hi", "message_id": found}) for token, found in (taken, cut, refused)]
    ledger = tmp_path / "ledger"
    ledger.write_bytes(b"\n".join(lines) + b"\n")

    assert count_copies(ledger) == {"chaos-a-1": 2}


def test_a_seed_gives_the_same_strikes_and_another_seed_others() -> None:
    assert plan_strikes(7, seconds=600, count=60) == plan_strikes(7, seconds=600, count=60)
    assert plan_strikes(7, seconds=600, count=60) != plan_strikes(8, seconds=600, count=60)


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_fault_comes_and_no_part_is_struck_while_it_is_down(seed: int) -> None:
    strikes = plan_strikes(seed, seconds=600, count=60)

    assert len(strikes) == 60
    assert {(each.kind, each.target) for each in strikes} == {(each.name, each.target) for each in KINDS}
    assert strikes[0].at > 0
    assert max(each.at + each.seconds for each in strikes) < 600
    whole_at: dict[str, float] = {}
    for each in strikes:
        assert each.at >= whole_at.get(each.target, 0.0), each
        whole_at[each.target] = each.at + each.seconds + RECOVERY_SECONDS


def test_an_empty_backlog_seen_before_the_last_message_is_no_end() -> None:
    before, after = Sample(35.8, 2100, 2100, 0), Sample(36.4, 2160, 2100, 60)

    assert not is_drained([], since=36.0)
    assert not is_drained([before], since=36.0)
    assert not is_drained([before, after], since=36.0)
    assert is_drained([before, after, Sample(37.5, 2160, 2160, 0)], since=36.0)


def test_the_load_keeps_its_rate_and_no_two_messages_share_a_token_or_a_recipient() -> None:
    orders = list(make_orders(1, rate=200, seconds=10, hooks_url="http://hooks"))

    tokens = [token for order in orders for token in order.tokens]
    assert 2000 <= len(tokens) < 2020
    assert len(set(tokens)) == len(tokens)
    assert [order.due for order in orders] == sorted(order.due for order in orders)
    singles = sum(len(order.tokens) == 1 for order in orders)
    assert 0.1 < singles / len(tokens) < 0.3


def outcome(verdict: Verdict, **changes: Any) -> Outcome:
    plan = Plan(seed=7, rate=10, seconds=60, strikes=1)
    strikes = plan_strikes(7, seconds=60, count=1)
    values: dict[str, Any] = {
        "struck": [Struck(strikes[0], 5.0, 7.5)],
        "samples": [Sample(0, 0, 0, 0), Sample(1, 10, None, None), Sample(2, 20, 18, 2)],
        "book": Book(offered=20),
        "discrepancies": 0,
        "drain_seconds": 3.25,
        "load_seconds": 61.0,
    }
    return Outcome(plan=plan, verdict=verdict, **values | changes)


def test_the_report_needs_nothing_from_outside_and_says_how_to_repeat_it() -> None:
    page = write_page(outcome(judged([row("a")], {"a": 1})))

    assert "promises kept" in page
    assert "sentinel chaos --rate 10 --minutes 1 --faults 1 --seed 7" in page
    assert "polyline" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page
    assert "3.2 s" in page


def test_the_report_of_a_broken_run_names_each_message() -> None:
    found = outcome(judged([row("<b>")], {"<b>": 2}, accepted=["<b>", "lost-1"]))

    assert dict(facts_of(found))["verdict"] == "BROKEN"
    assert problems_of(found)[0].startswith("lost: lost-1:")
    page = write_page(found)
    assert "promises broken" in page
    assert "lost-1" in page
    assert "<b>" not in page
    assert str(datetime.now(UTC).year) in page


def test_books_of_the_engine_that_do_not_balance_break_the_run() -> None:
    fine, unbalanced = (outcome(judged([row("a")], {"a": 1}), discrepancies=count) for count in (0, 2))

    assert (fine.is_kept, unbalanced.is_kept) == (True, False)
    assert "promises broken" in write_page(unbalanced)


def test_a_curve_has_a_gap_where_nothing_is_known() -> None:
    drawn = draw("t", [Curve("c", [(0, 1.0), (1, None), (2, 3.0), (3, 4.0)])], [Mark(1, 2, "kill & co")])

    assert drawn.count("<polyline") == 2
    assert "kill &amp; co" in drawn


def test_speed_is_measured_across_a_gap() -> None:
    assert list(per_second([(0, 0), (1, None), (2, 20), (3, 50)])) == [(2, 10), (3, 30)]
