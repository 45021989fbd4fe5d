"""Bulk replays: a row that a sweeper carries on with, that tells how far it is, and that somebody can stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from sentinel.models import LetterReplay
from sentinel.models.letter_replay import ReplayStatus
from sentinel.models.status import Status
from sentinel.queries import letter_replays as queries
from sentinel.queries import notifications as notification_queries
from sentinel.queries.notifications import Filter
from sentinel.services import notifications
from sentinel.services.bookkeeping import replays
from sentinel.services.bookkeeping.replays import Progress
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import bearer, execute, send
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import count_statuses, row
from tests.system import eventually


@pytest.fixture
def failed(accept: Accept) -> list[str]:
    """Thirty letters, oldest first."""
    ids = [accept(body=f"message {number}") for number in range(30)]
    execute("UPDATE notifications SET status = 'FAILED', reason = 'attempts_exhausted', queue_at = NULL")
    return ids


def begin(*, rate: int = 1, total: int = 30, wanted: Filter | None = None) -> LetterReplay:
    with unit_of_work() as uow:
        return replays.begin(uow, wanted or Filter(), total=total, rate=rate, by="ann")


def progress(replay_id: int) -> Progress:
    with unit_of_work() as uow:
        return replays.get(uow, replay_id, client_id=None)


def pass_time(seconds: int) -> None:
    """As if everything had been done so much earlier."""
    for table, columns in {
        "letter_replays": ("paced_from", "began_at", "next_look_at", "ended_at"),
        "notifications": ("next_attempt_at", "queue_at"),
    }.items():
        moved = ", ".join(f"{each} = {each} - make_interval(secs => {seconds})" for each in columns)
        execute(f"UPDATE {table} SET {moved}")


def test_only_letters_whose_turn_comes_soon_are_taken_up(failed: list[str]) -> None:
    begun = begin()

    assert replays.sweep() == 10
    found = progress(begun.id)
    assert (found.replay.seen, found.left, found.waiting, found.through) == (10, 20, 10, 0)
    assert [row(each).status for each in failed[:20]] == [Status.FAILED] * 20
    assert {row(each).replay_id for each in failed[20:]} == {begun.id}


def test_a_second_sweeper_finds_nothing_to_do(failed: list[str]) -> None:
    begin()

    assert [replays.sweep(), replays.sweep()] == [10, 0]


def test_what_another_sweeper_carries_on_is_left_to_it(failed: list[str]) -> None:
    begin()

    with unit_of_work() as other:
        assert queries.take_due(other.session, now=other.now) is not None
        assert replays.sweep() == 0

    assert replays.sweep() == 10


def test_what_a_killed_worker_began_is_as_if_it_had_not(failed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = begin()
    with monkeypatch.context() as dying:
        dying.setattr(notifications, "retry_many", killed)
        with pytest.raises(KeyboardInterrupt):
            replays.sweep()
    assert (progress(begun.id).replay.seen, count_statuses()) == (0, {"FAILED": 30})

    assert replays.sweep() == 10


def killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_it_is_carried_on_until_every_letter_had_its_turn(failed: list[str]) -> None:
    begun = begin()
    done = 0
    for _ in range(10):
        done += replays.sweep()
        pass_time(5)

    found = progress(begun.id)
    assert (done, found.replay.status, found.left) == (30, ReplayStatus.FINISHED, 0)
    assert count_statuses() == {"PENDING": 30}


def test_it_tells_how_its_letters_ended(
    failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    begun = begin(rate=1000)
    replays.sweep()
    provider.script(*[refused(400, 21211)] * 4)
    run_pipeline(failed[:20])
    with unit_of_work() as uow:
        notifications.cancel(uow, failed[20], client_id=None)

    found = progress(begun.id)

    assert (found.through, found.failed, found.held_back, found.waiting) == (16, 4, 1, 9)
    assert found.replay.settled_at is None


def test_once_the_last_letter_has_ended_the_figures_stay(
    failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    begun = begin(rate=1000)
    replays.sweep()
    run_pipeline(failed)
    pass_time(10)

    replays.sweep()
    execute("DELETE FROM notifications")

    found = progress(begun.id)
    assert found.replay.settled_at is not None
    assert (found.through, found.waiting, found.failed) == (30, 0, 0)


def test_while_a_letter_waits_somebody_looks_again(failed: list[str]) -> None:
    begun = begin(rate=1000)
    replays.sweep()
    pass_time(10)

    replays.sweep()

    found = progress(begun.id).replay
    assert found.settled_at is None
    assert found.next_look_at is not None


def test_what_is_stopped_leaves_the_letters_as_they_were(failed: list[str]) -> None:
    begun = begin()
    replays.sweep()

    with unit_of_work() as uow:
        found = replays.stop(uow, begun.id, client_id=None, by="bob")

    pass_time(60)
    assert replays.sweep() == 0
    assert (found.replay.status, found.replay.stopped_by, found.left) == (ReplayStatus.STOPPED, "bob", 20)
    assert {(row(each).status, row(each).reason) for each in failed[:20]} == {("FAILED", "attempts_exhausted")}


@pytest.fixture
def slow_letters(accept: Accept) -> Iterator[None]:
    """A thousand letters, each of which takes the database three milliseconds to write."""
    accept()
    execute("""
        INSERT INTO notifications (
            id, client_id, channel, recipient, body, status, reason, attempt_limit, created_at, updated_at)
        SELECT gen_random_uuid(), client_id, channel, recipient, body, 'FAILED', 'attempts_exhausted', 6, created_at,
            created_at
        FROM notifications, generate_series(1, 1000)""")
    execute("""
        CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$""")
    execute("CREATE TRIGGER be_slow BEFORE UPDATE ON notifications FOR EACH ROW EXECUTE FUNCTION be_slow()")
    yield
    execute("DROP FUNCTION be_slow CASCADE")


def test_a_stop_is_heard_within_about_a_second_however_many_letters_have_their_turn(slow_letters: None) -> None:
    begun = begin(rate=1000, total=1000)
    driver = threading.Thread(target=lambda: list(replays.drive(begun.id)))
    driver.start()
    eventually(lambda: is_taken(begun.id), seconds=10, message="nobody carries the replay on")

    asked = time.monotonic()
    with unit_of_work() as uow:
        found = replays.stop(uow, begun.id, client_id=None, by="bob")
    seconds = time.monotonic() - asked
    driver.join()

    assert seconds < 1.5
    assert found.left >= 600
    assert progress(begun.id).replay.seen == found.replay.seen


def is_taken(replay_id: int) -> bool:
    """Whether another transaction has the row of a replay."""
    with unit_of_work() as uow:
        return queries.take(uow.session, replay_id) is None


def test_our_own_mistake_holds_up_one_replay_and_not_those_behind_it(failed: list[str]) -> None:
    broken, good = begin(), begin()
    execute("""UPDATE letter_replays SET narrowed_to = '{"colour": "red"}' WHERE id = :id""", id=broken.id)

    assert replays.sweep() == 10
    assert (progress(broken.id).replay.seen, progress(good.id).replay.seen) == (0, 10)


def test_chosen_letters_are_replayed_and_no_others(failed: list[str]) -> None:
    begun = begin(rate=50, total=2, wanted=Filter(ids=(failed[3], failed[7])))

    assert replays.sweep() == 2
    assert progress(begun.id).replay.status == ReplayStatus.FINISHED
    assert count_statuses() == {"PENDING": 2, "FAILED": 28}


def test_letters_without_a_reason_are_a_group_too(failed: list[str]) -> None:
    execute("UPDATE notifications SET reason = NULL WHERE id = :id", id=failed[0])

    begin(rate=50, total=30, wanted=Filter(without=("reason",)))

    assert replays.sweep() == 1


def test_a_time_span_is_kept_as_it_was_asked_for(failed: list[str]) -> None:
    now = row(failed[0]).created_at
    wanted = Filter(since=now - timedelta(hours=1), until=now + timedelta(hours=1), statuses=("FAILED",))

    begun = begin(wanted=wanted)

    kept = replays.filter_of(begun)
    assert (kept.since, kept.until, kept.statuses) == (wanted.since, wanted.until, wanted.statuses)


def test_a_single_retry_does_not_take_a_letter_out_of_its_replay(
    failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    begun = begin(rate=1000)
    replays.sweep()
    provider.script(refused(400, 21211))
    run_pipeline(failed[:1])

    with unit_of_work() as uow:
        notifications.retry(uow, failed[0], client_id=None)

    assert row(failed[0]).replay_id == begun.id


def test_the_api_tells_how_far_a_replay_is_and_stops_it(api: FlaskClient, failed: list[str]) -> None:
    replay_id = send(api, {"rate_per_second": 1}, "/dead-letters/replay").get_json()["replay_id"]

    assert [each["id"] for each in api.get("/dead-letters/replays").get_json()] == [replay_id]
    shown = api.get(f"/dead-letters/replays/{replay_id}").get_json()
    assert (shown["status"], shown["total"], shown["seen"], shown["waiting"]) == ("running", 30, 10, 10)

    stopped = send(api, {}, f"/dead-letters/replays/{replay_id}/stop")
    again = send(api, {}, f"/dead-letters/replays/{replay_id}/stop")
    assert (stopped.status_code, stopped.get_json()["status"], again.status_code) == (200, "stopped", 409)


def test_a_client_sees_its_own_replays_only(api: FlaskClient, failed: list[str]) -> None:
    replay_id = send(api, {}, "/dead-letters/replay").get_json()["replay_id"]
    shop: dict[str, Any] = bearer("shop")

    assert api.get("/dead-letters/replays", headers=shop).get_json() == []
    assert api.get(f"/dead-letters/replays/{replay_id}", headers=shop).status_code == 404
    assert send(api, {}, f"/dead-letters/replays/{replay_id}/stop", **shop).status_code == 404


def test_letters_that_another_replay_has_taken_over_did_not_get_through_in_this_one(failed: list[str]) -> None:
    first = begin(rate=50, total=30)
    replays.sweep()
    execute("UPDATE notifications SET status = 'FAILED', reason = 'attempts_exhausted', queue_at = NULL")
    second = begin(rate=50, total=30)
    replays.sweep()

    assert (progress(first.id).through, progress(first.id).gone) == (0, 30)
    execute("UPDATE notifications SET status = 'SENT', reason = NULL, queue_at = NULL, next_attempt_at = NULL")
    pass_time(60)
    replays.sweep()
    assert [(found.through, found.gone) for found in map(progress, (first.id, second.id))] == [(0, 30), (30, 0)]
    assert progress(first.id).replay.settled_at is not None


def test_one_that_the_database_cannot_serve_holds_up_none_behind_it(
    failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other = begin(wanted=Filter(reason="attempts_exhausted")), begin(wanted=Filter(ids=tuple(failed[:1])))
    look = notification_queries.ids

    def looked(session: Session, wanted: Filter, *, size: int) -> Sequence[str]:
        if wanted.ids:
            return look(session, wanted, size=size)
        session.execute(text("SET LOCAL statement_timeout = 50"))
        return session.scalars(text("SELECT pg_sleep(5)")).all()

    monkeypatch.setattr(notification_queries, "ids", looked)

    assert replays.sweep() == 1
    assert (progress(slow.id).replay.seen, progress(other.id).replay.seen) == (0, 1)


def test_one_with_fewer_letters_than_were_counted_is_told_as_a_whole(failed: list[str]) -> None:
    begun = begin(rate=50, total=40)
    replays.sweep()

    found = progress(begun.id)
    assert (found.replay.status, found.left, found.waiting) == (ReplayStatus.FINISHED, 10, 30)
