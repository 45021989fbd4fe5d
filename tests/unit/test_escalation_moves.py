"""How an escalation moves, with a clock that the test holds: told once per step, never after it is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel.services.escalating import moves
from sentinel.services.escalating.moves import ACKNOWLEDGED, EXHAUSTED, RUNNING, Course, Standing

START = datetime(2026, 11, 20, 18, tzinfo=UTC)
TWICE = Course(waits=(0, 300, 600), repeat=1, repeat_wait=900, acknowledge_timeout=1800)


def after(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def told(course: Course, *, is_told: bool = True) -> list[tuple[int, int, float]]:
    """Round, step and second of each step that is told when nobody answers and the sweep is always there."""
    standing, found = moves.begun(course, now=START), []
    while standing.next_step_at is not None:
        now = standing.next_step_at
        found.append((standing.round, standing.step, (now - START).total_seconds()))
        standing = moves.stepped(standing, course, is_told=is_told, now=now)
    assert standing.state is EXHAUSTED
    return found


def test_steps_follow_after_their_waits_and_all_of_them_again_after_the_pause() -> None:
    assert told(TWICE) == [(1, 1, 0), (1, 2, 300), (1, 3, 900), (2, 1, 1800), (2, 2, 2100), (2, 3, 2700)]


def test_a_policy_without_repetition_is_exhausted_after_its_last_step() -> None:
    assert told(Course(waits=(60,))) == [(1, 1, 60)]


def test_a_step_that_tells_nobody_is_followed_at_once() -> None:
    assert [second for _, _, second in told(TWICE, is_told=False)] == [0] * 6


def test_a_late_sweep_leaves_people_the_whole_wait() -> None:
    standing = moves.stepped(moves.begun(TWICE, now=START), TWICE, is_told=True, now=after(40))

    assert standing.next_step_at == after(340)


def test_each_move_has_a_token_of_its_own() -> None:
    tokens = [(standing := moves.begun(TWICE, now=START)).token]
    for move in (
        lambda each: moves.stepped(each, TWICE, is_told=True, now=after(1)),
        lambda each: moves.snoozed(each, until=after(60)),
        lambda each: moves.acknowledged(each, TWICE, now=after(2)),
        lambda each: moves.reopened(each, TWICE, now=after(3)),
        lambda each: moves.raised(each, TWICE, now=after(4)),
        moves.ended,
    ):
        standing = move(standing)
        tokens.append(standing.token)

    assert tokens == sorted(set(tokens))


def test_who_runs_out_of_time_is_followed_by_the_first_step_of_a_new_run() -> None:
    second = moves.stepped(moves.begun(TWICE, now=START), TWICE, is_told=True, now=START)
    taken = moves.acknowledged(second, TWICE, now=after(10))

    assert (taken.state, taken.next_step_at) == (ACKNOWLEDGED, after(1810))

    again = moves.reopened(taken, TWICE, now=after(1810))
    assert (again.state, again.round, again.step, again.run, again.next_step_at) == (RUNNING, 1, 1, 2, after(1810))


def test_without_a_timeout_who_acknowledges_keeps_it() -> None:
    taken = moves.acknowledged(moves.begun(Course((0,)), now=START), Course((0,)), now=START)

    assert not taken.is_due(START + timedelta(days=3650))


def test_after_a_snooze_the_step_that_comes_next_is_due() -> None:
    second = moves.stepped(moves.begun(TWICE, now=START), TWICE, is_told=True, now=START)

    quiet = moves.snoozed(second, until=after(7200))

    assert (quiet.round, quiet.step) == (1, 2)
    assert [quiet.is_due(after(7199)), quiet.is_due(after(7200))] == [False, True]


def test_a_worse_event_begins_the_other_policy_unless_somebody_has_the_ticket() -> None:
    urgent = Course(waits=(0, 60), acknowledge_timeout=600)
    running = Standing(RUNNING, after(300), round=2, step=3, token=9)

    raised = moves.raised(running, urgent, now=after(100))
    assert (raised.state, raised.round, raised.step, raised.run, raised.next_step_at) == (RUNNING, 1, 1, 2, after(100))

    kept = moves.raised(moves.acknowledged(running, TWICE, now=START), urgent, now=after(100))
    assert (kept.state, kept.run, kept.next_step_at) == (ACKNOWLEDGED, 2, after(700))
