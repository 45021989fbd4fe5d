"""What the benches make of their figures: the verdict on each goal."""

from __future__ import annotations

import pytest

from bench import growth, latency, million_stored, singles, tls_senders
from bench.bare_worker import Series
from bench.cpu import Usage
from bench.generator import Outcome
from bench.load import Round
from bench.sampling import Samples
from bench.tolls import Toll, toll_table

NOTHING = Usage({}, 0.0)


def a_round(*, accepted: int, drained_seconds: float) -> Round:
    """Requests that were answered at once, ten a second."""
    started = [100 + number / 10 for number in range(accepted)]
    outcome = Outcome(list(range(accepted)), started, [5.0] * accepted, {"202": accepted}, seconds=accepted / 10)
    return Round(outcome, drained_seconds, NOTHING, Samples())


def test_single_posts_count_until_the_last_one_is_sent() -> None:
    found = a_round(accepted=2000, drained_seconds=4.0)

    verdict = singles.verdict(found, Series(100, 1.0, NOTHING))

    assert found.accepted_per_second == 10
    assert (verdict.figure, verdict.ratio, verdict.is_met) == (500.0, 5.0, False)  # 5 times the peer, but not 1,000
    assert list(found.answered())[:2] == pytest.approx([100.005, 100.105])


def test_latency_is_judged_by_percentiles_of_both_rates() -> None:
    calm = [10.0] * 99 + [41.0]
    busy = [20.0] * 94 + [61.0] * 6

    found = latency.verdicts([5.0], calm, busy)

    assert [(each.figure, each.is_met) for each in found] == [(10.0, True), (10.0, True), (20.0, True), (61.0, False)]
    assert found[0].ratio == 2.0


def test_growth_is_judged_by_what_as_many_processes_bring_a_bare_chain() -> None:
    flat = {1: 100.0, 2: 100.0, 4: 100.0}

    assert growth.verdict(flat, {1: 50.0, 2: 60.0, 4: 50.0}).is_met
    assert not growth.verdict(flat, {1: 50.0, 2: 60.0, 4: 51.0}).is_met


def test_a_million_stored_is_judged_by_the_slowest_page_and_all_sweepers_together() -> None:
    empty = million_stored.Measured(
        a_round(accepted=10, drained_seconds=1.0), {"a": 2.0, "b": 1.0}, {"x": 1.0, "y": 9.0}
    )
    full = million_stored.Measured(
        a_round(accepted=10, drained_seconds=1.1), {"a": 2.0, "b": 1.5}, {"x": 2.0, "y": 9.0}
    )

    found = million_stored.verdicts(empty, full)

    assert [(round(each.figure, 3), each.is_met) for each in found] == [(1.1, True), (1.5, False), (1.1, True)]


def test_senders_are_judged_by_their_own_core_and_not_by_the_clock() -> None:
    sendgrid, twilio = tls_senders.SENDERS
    usage = Usage({"email-1": 1.0, "provider": 9.0}, 0.0)
    sent = tls_senders.Sent(1000, 10.0, usage, sdk_per_core=30.0, per_core=1000.0)

    found = tls_senders.verdicts({sendgrid: sent, twilio: sent})

    assert [(each.figure, each.is_met) for each in found] == [(1000.0, True), (1000.0, True)]


def test_tolls_are_shared_among_the_pieces_of_work() -> None:
    table = toll_table({"event": (Toll(wal_bytes=1000, commits=5, stored_bytes=400, commands=30), 10)})

    assert table.rows == (("event", 0.5, 100.0, 40.0, 3.0),)
