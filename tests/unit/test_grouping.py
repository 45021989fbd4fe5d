"""Groups: alone at once, together when somebody is busy, and nobody pays for another's bad item."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sentinel.services.grouping import Group

PATIENCE = 10


class AwayError(Exception):
    pass


class Work:
    """Doubles numbers and notes who came together; `gate` holds it up, `bad` numbers are refused."""

    def __init__(self, *bad: int) -> None:
        self.bad = frozenset(bad)
        self.turns: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.turns.append(items)
        self.begun.release()
        assert self.gate.wait(PATIENCE)
        if refused := self.bad.intersection(items):
            raise ValueError(f"refused: {sorted(refused)}")
        return [2 * item for item in items]


def group_of(work: Callable[[list[int]], list[int]], *, most: int = 100) -> Group[int, int]:
    return Group(work, most=most, of_all=(AwayError,))


def while_busy(group: Group[int, int], work: Work, first: int, *others: int) -> list[Future[int]]:
    """Have `first` worked on, and let `others` come meanwhile, in order."""
    work.gate.clear()
    pool = ThreadPoolExecutor(1 + len(others))
    done = [pool.submit(group.do, first)]
    assert work.begun.acquire(timeout=PATIENCE)
    for number, other in enumerate(others, start=1):
        done.append(pool.submit(group.do, other))
        wait_until(lambda number=number: len(group._waiting) == number)  # type: ignore[misc]
    work.gate.set()
    pool.shutdown(wait=True)
    return done


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_alone_one_works_at_once_and_by_oneself() -> None:
    work = Work()
    group = group_of(work)

    assert [group.do(1), group.do(2)] == [2, 4]
    assert work.turns == [[1], [2]]


def test_who_comes_while_one_is_busy_is_served_together() -> None:
    work = Work()

    done = while_busy(group_of(work), work, 1, 2, 3, 4)

    assert [each.result() for each in done] == [2, 4, 6, 8]
    assert work.turns == [[1], [2, 3, 4]]


def test_no_turn_is_longer_than_allowed() -> None:
    work = Work()

    done = while_busy(group_of(work, most=2), work, 1, 2, 3, 4, 5, 6)

    assert [each.result() for each in done] == [2, 4, 6, 8, 10, 12]
    assert work.turns == [[1], [2, 3], [4, 5], [6]]


def test_a_bad_item_fails_alone() -> None:
    work = Work(3)

    done = while_busy(group_of(work), work, 1, 2, 3, 4)

    assert [done[place].result() for place in (0, 1, 3)] == [2, 4, 8]
    with pytest.raises(ValueError, match=r"refused: \[3\]"):
        done[2].result()
    assert work.turns[:2] == [[1], [2, 3, 4]]
    assert sorted(work.turns[2:]) == [[2], [3], [4]]


def test_what_may_have_been_done_is_not_done_again_and_everybody_is_told() -> None:
    turns: list[list[int]] = []
    work = Work()

    def lost(items: list[int]) -> list[int]:
        work(items)
        turns.append(items)
        if 2 in items:
            raise AwayError("no answer")
        return items

    done = while_busy(group_of(lost), work, 1, 2, 3)

    assert done[0].result() == 1
    assert [type(each.exception()) for each in done[1:]] == [AwayError, AwayError]
    assert turns == [[1], [2, 3]]


def test_a_group_goes_on_after_an_error() -> None:
    group = group_of(Work(1))

    with pytest.raises(ValueError, match="refused"):
        group.do(1)
    assert group.do(2) == 4


def test_each_of_many_threads_gets_its_own_result_and_each_item_is_done_once() -> None:
    bad = frozenset(range(0, 4000, 97))
    worked: Counter[int] = Counter()

    def work(items: list[int]) -> list[int]:
        time.sleep(0.0005)  # as a database would take
        if bad.intersection(items):
            raise ValueError("refused")
        worked.update(items)
        return [2 * item for item in items]

    group = group_of(work, most=7)

    def ask(item: int) -> int | None:
        try:
            return group.do(item)
        except ValueError:
            return None

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(4000)))

    assert answers == [None if item in bad else 2 * item for item in range(4000)]
    assert set(worked.values()) == {1}
    assert len(worked) == 4000 - len(bad)
