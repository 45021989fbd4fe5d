"""What a run of the benches leaves behind: verdicts, tables, plots and files."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bench.__main__ import what_is_left
from bench.context import BenchFailedError
from bench.cpu import Reading
from bench.figures import Figures, Histogram, Line, Plot, Table, buckets, percentile
from bench.generator import NUMBER, SMS, content_length, digits, recipient_of, request
from bench.registry import BENCHES
from bench.reports import Report, Section, summary
from bench.sampling import Samples, per_second
from bench.verdicts import Peer, Verdict
from bench.waiting import wait_for_none

PNG = b"\x89PNG"


@pytest.mark.parametrize(
    ("bounds", "is_met"),
    [
        ({"at_least": 100}, True),
        ({"at_least": 101}, False),
        ({"at_most": 100}, True),
        ({"at_most": 99}, False),
        ({"at_least": 1, "peer": Peer("slow", 20, at_least=5)}, True),
        ({"at_least": 1, "peer": Peer("quick", 21, at_least=5)}, False),
        ({"at_least": 101, "peer": Peer("slow", 1, at_least=5)}, False),
        ({"peer": Peer("only to compare", 1000)}, True),
    ],
)
def test_a_goal_is_met_when_every_bound_is_kept(bounds: dict[str, float], *, is_met: bool) -> None:
    assert Verdict("P1", "posts", 100, "/s", **bounds).is_met is is_met  # type: ignore[arg-type] # either kind


def test_the_summary_says_what_was_wanted_and_counts_what_is_met() -> None:
    verdicts = (
        Verdict("P1", "posts", 1200.0, "/s", at_least=1000, peer=Peer("chain", 100.0, at_least=5)),
        Verdict("P2", "wait", 20.0, "ms", at_most=15),
        Verdict("P3", "to know", 1.0, "ms"),
    )

    table = summary(verdicts)

    assert table.note == "1 of 2 met."
    assert table.rows[0] == (
        "P1",
        "posts",
        "1,200 /s",
        "≥ 1,000 and ≥ 5 times the peer",
        "chain: 100",
        12.0,
        "met",
    )
    assert [row[-1] for row in table.rows] == ["met", "not met", ""]


def test_a_report_is_text_figures_and_pictures_with_the_verdicts_in_the_goals_order(tmp_path: Path) -> None:
    plot = Plot("Sent / second", "seconds", "per second", (Line("sent", ((0.0, 1.0), (1.0, 2.0))),))
    empty = Plot("Too short", "seconds", "cores", (), is_stacked=True)
    stacked = Plot("Cores", "seconds", "cores", (Line("api", ((0.0, 0.5), (1.0, 0.7))),), is_stacked=True)
    late = Figures(
        (Table("T", ("a",), ((1,),)),), (Histogram("Waits", (1.0, 7.0)),), (plot, stacked, empty), (verdict("P10"),)
    )
    report = Report(
        "2026-11-21T10:00:00Z", "python -m bench", {"cores": "2"}, sections(late, verdict("P2")), {"x": "broke"}
    )

    markdown, data = report.write(tmp_path)

    text = markdown.read_text()
    pictures = sorted(tmp_path.glob("*/*.png"))
    assert [each.name for each in pictures] == [
        "late-cores.png",
        "late-sent-second.png",
        "late-too-short.png",
        "late-waits.png",
    ]
    assert all(each.read_bytes().startswith(PNG) for each in pictures)
    assert all(f"({each.relative_to(tmp_path)})" in text for each in pictures)
    assert text.index(" P2 |") < text.index(" P10 |")
    assert "- x: broke" in text
    assert json.loads(data.read_text())["sections"][0]["figures"]["plots"][0]["lines"][0]["name"] == "sent"


def verdict(goal: str) -> Verdict:
    return Verdict(goal, "m", 1.0, "", at_least=1)


def sections(late: Figures, early: Verdict) -> tuple[Section, ...]:
    return (
        Section("late", "Why.", late, 0.0, 1.0),
        Section("early", "Why.", Figures((), verdicts=(early,)), 0.0, 1.0),
    )


def test_a_plot_of_samples_has_the_cores_between_each_two_readings() -> None:
    samples = Samples([reading(10.0, api=1.0), reading(12.0, api=2.0), reading(13.0, api=1.5)])

    plot = samples.plot("Cores")

    assert plot.is_stacked
    assert Samples([reading(10.0, api=1.0)]).plot("Too short").lines == ()
    assert plot.lines == (Line("api", ((2.0, 0.5), (3.0, 0.0))),)  # a child that ended cannot count less than nothing


def reading(at: float, **seconds: float) -> Reading:
    return Reading(at, seconds, own=0.0, machine=0.0)


def test_moments_are_counted_by_second_without_the_last_begun_one() -> None:
    line = per_second("sent", [100.1, 100.9, 102.5, 103.1], 100.0)

    assert line.points == ((0.0, 2.0), (1.0, 0.0), (2.0, 1.0))
    assert per_second("sent", [100.1, 100.3, 100.6], 100.0, every=0.5).points == ((0.0, 4.0),)
    assert per_second("nothing", [], 100.0).points == ()


def test_every_duration_is_in_one_bucket() -> None:
    values = (0.5, 15.0, 15.1, 5000.0)

    found = dict(buckets(values))

    assert sum(found.values()) == len(values)
    assert (found["<= 15 ms"], found["<= 20 ms"], found["> 1000 ms"]) == (1, 1, 1)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(each) for each in range(1, 101)]

    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert percentile([7.0], 99) == 7.0


def test_requests_of_a_plan_differ_in_their_number_alone() -> None:
    whole = request(8000, "key", "/notifications", json.dumps(SMS).encode())
    first, second = (digits(each).encode().join(whole.split(NUMBER.encode())) for each in (7, 12_345_678))

    assert json.loads(first.partition(b"\r\n\r\n")[2])["recipient"] == recipient_of(7) == "+4915100000007"
    assert len(first) == len(second)
    assert content_length(first.partition(b"\r\n\r\n")[0]) == len(first.partition(b"\r\n\r\n")[2])


def test_waiting_ends_when_nothing_is_left_and_gives_up_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.waiting.POLL_SECONDS", 0.001)
    monkeypatch.setattr("bench.waiting.STALL_SECONDS", 0.05)
    left = iter((3, 2, 2, 1, 0))
    wait_for_none(lambda: next(left), "rows")
    began = time.monotonic()

    with pytest.raises(BenchFailedError, match=r"^4 rows, and that for"):
        wait_for_none(lambda: 4, "rows")

    assert time.monotonic() - began < 5


def test_a_run_says_how_far_it_is_and_how_long_it_still_takes() -> None:
    usual = [each for each in BENCHES if each.is_usual]

    assert what_is_left(usual[1:], len(usual), 10.0).startswith(f"2 of {len(usual)}, about ")
    assert "minutes" not in what_is_left([each for each in BENCHES if not each.is_usual], 5, 10.0)


def test_every_goal_has_a_bench() -> None:
    goals = {goal for each in BENCHES for goal in each.goals}

    assert goals >= {f"P{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)}
