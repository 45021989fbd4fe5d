"""Sends in doubt, with whole processes: what has arrived is found at the provider, and no second copy leaves."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import text

from sentinel.db import new_session
from sentinel.stand_ins import ProviderProcess, delayed, refused, reset
from tests.rows import count_ambiguous, count_statuses, have_ended
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("reconcile")]


def texts(count: int) -> list[dict[str, str]]:
    return [{"channel": "sms", "recipient": f"+1415555{number:04}", "body": "hi"} for number in range(count)]


def copies(ledger: ProviderProcess) -> Counter[str]:
    """How many messages the provider took for each recipient, whether it could say so or not."""
    return Counter(entry.recipient for entry in ledger.entries if entry.message_id is not None)


def told(kind: str) -> int:
    """How many timeline entries there are of a kind."""
    with new_session() as session:
        counted = session.execute(text("SELECT count(*) FROM timeline_entries WHERE kind = :kind"), {"kind": kind})
        return int(counted.scalar_one())


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """No account rests because of the faults of these tests: each send has its own."""
    return {"SENTINEL_BREAKER_TRIES": "10000"}


@pytest.fixture
def ledger(lasting_ledger: ProviderProcess) -> ProviderProcess:
    """Twilio, with what it took."""
    return lasting_ledger


@pytest.fixture
def system(lasting_system: System) -> System:
    """The installation that all of these tests share."""
    return lasting_system


def all_end() -> None:
    eventually(have_ended, seconds=120, message=lambda: f"everything to end: {count_statuses()}")


def test_of_200_texts_that_arrived_without_an_answer_none_is_sent_twice(
    system: System, ledger: ProviderProcess
) -> None:
    ledger.script(*[reset()] * 200)
    system.start_everything()

    system.post_batch(texts(200))

    all_end()
    assert count_statuses() == {"SENT": 200}
    assert set(copies(ledger).values()) == {1}
    assert (count_ambiguous(), told("reconciled"), told("doubt_decided")) == (200, 200, 0)


def test_texts_that_never_arrived_are_sent_again_and_equal_ones_are_told_apart(
    system: System, ledger: ProviderProcess
) -> None:
    """Half of the texts get an error that may mean anything, and are not taken; each text is there twice."""
    ledger.script(*[reset(), refused(500, 20500)] * 20)
    system.start_everything()

    system.post_batch([text for text in texts(20) for _ in range(2)])

    all_end()
    assert count_statuses() == {"SENT": 40}
    assert set(copies(ledger).values()) == {2}
    assert (count_ambiguous(), told("reconciled"), told("doubt_decided")) == (40, 20, 20)


def test_a_worker_killed_in_mid_send_leaves_no_second_copy(system: System, ledger: ProviderProcess) -> None:
    ledger.always(delayed(0.3))
    system.start_everything()
    system.post_batch(texts(500))
    eventually(lambda: 60 < len(ledger.entries) < 400, seconds=60, message="some deliveries, not all")

    system.kill("sms-1")
    system.start_worker("sms-1", "--channel", "sms")

    all_end()
    assert count_statuses() == {"SENT": 500}
    assert count_ambiguous() > 0
    assert set(copies(ledger).values()) == {1}
    assert len(copies(ledger)) == 500
