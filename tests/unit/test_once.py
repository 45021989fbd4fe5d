"""What a process makes once, whichever of its threads asks first."""

from __future__ import annotations

import os
import threading

import pytest

from sentinel.once import Once

THREADS = 8


def test_threads_that_ask_at_the_same_moment_get_the_same_one() -> None:
    together = threading.Barrier(THREADS)
    made: list[object] = []

    @Once
    def get_thing() -> object:
        first_ones.wait(timeout=0.2)  # long enough for every thread to find that there is none
        made.append(object())
        return made[-1]

    first_ones = threading.Event()
    got: list[object] = []

    def ask() -> None:
        together.wait()
        got.append(get_thing())

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert set(map(id, got)) == {id(made[0])}


def test_what_failed_is_made_by_the_next_who_asks() -> None:
    answers = [ValueError("not yet"), None]

    @Once
    def get_thing() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "made"

    with pytest.raises(ValueError, match="not yet"):
        get_thing()
    assert not get_thing.is_made
    assert get_thing() == "made"
    assert get_thing.is_made


def test_another_is_made_after_the_first_was_forgotten() -> None:
    get_thing = Once(object)
    first = get_thing()
    get_thing.forget()
    assert not get_thing.is_made
    assert get_thing() is not first


def test_a_child_can_make_what_a_thread_of_its_parent_was_making_when_it_was_forked() -> None:
    is_making, may_end = threading.Event(), threading.Event()
    asked = []

    @Once
    def get_thing() -> str:
        asked.append(1)
        if len(asked) == 1:
            is_making.set()
            may_end.wait(timeout=10)
        return "made"

    thread = threading.Thread(target=get_thing)
    thread.start()
    is_making.wait(timeout=10)
    child = os.fork()
    if child == 0:
        os._exit(0 if get_thing() == "made" else 1)
    may_end.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
