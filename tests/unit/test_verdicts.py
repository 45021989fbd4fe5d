"""Verdicts on self-tests: passed only when the message was sent in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models.event import EventStatus
from sentinel.models.status import Status
from sentinel.queries.self_tests import Standing
from sentinel.services.proving.verdicts import stages, verdict

BEGAN = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DUE = BEGAN + timedelta(seconds=60)
STORED = Standing("PENDING", BEGAN, None, None, None, None, None)
MATCHED = replace(STORED, event_status="MATCHED", matched_at=BEGAN + timedelta(seconds=1), status="PENDING")
SENT = replace(MATCHED, status="SENT", tried_at=BEGAN + timedelta(seconds=2), sent_at=BEGAN + timedelta(seconds=3))


def test_what_was_sent_in_time_has_passed_whenever_somebody_looks() -> None:
    for seconds in (3, 59, 5000):
        found = verdict(SENT, due_at=DUE, now=BEGAN + timedelta(seconds=seconds))
        assert found is not None
        assert found.status == "passed"


@pytest.mark.parametrize("standing", [STORED, MATCHED])
def test_it_may_still_pass_until_its_time_is_up(standing: Standing) -> None:
    assert verdict(standing, due_at=DUE, now=DUE - timedelta(seconds=1)) is None
    found = verdict(standing, due_at=DUE, now=DUE)
    assert found is not None
    assert (found.status, str(found.reason).startswith("late: ")) == ("failed", True)


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (None, "its event is gone"),
        (replace(STORED, event_status="UNMATCHED"), "no rule made a message of its event, which is UNMATCHED"),
        (replace(MATCHED, status="FAILED", reason="bug"), "its message is FAILED: bug"),
        (replace(MATCHED, status="SUPPRESSED", reason="client_disabled"), "SUPPRESSED: client_disabled"),
    ],
)
def test_what_cannot_pass_any_more_has_failed_at_once(standing: Standing | None, told: str) -> None:
    found = verdict(standing, due_at=DUE, now=BEGAN)

    assert found is not None
    assert found.status == "failed"
    assert told in str(found.reason)


def test_what_was_sent_too_late_has_failed() -> None:
    late = replace(SENT, sent_at=DUE + timedelta(seconds=1))

    found = verdict(late, due_at=DUE, now=DUE + timedelta(seconds=2))

    assert found is not None
    assert found.reason == "late: its message was sent after the time was up"


def test_stages_are_those_that_were_reached() -> None:
    assert [stage for stage, _ in stages(SENT)] == ["stored", "matched", "tried", "sent"]
    assert [stage for stage, _ in stages(MATCHED)] == ["stored", "matched"]
    assert stages(None) == []


MOMENTS = st.one_of(st.none(), st.integers(0, 200).map(lambda seconds: BEGAN + timedelta(seconds=seconds)))
STANDINGS = st.builds(
    Standing,
    st.sampled_from([str(each) for each in EventStatus]),
    st.just(BEGAN),
    MOMENTS,
    st.one_of(st.none(), st.sampled_from([str(each) for each in Status])),
    st.just("why"),
    MOMENTS,
    MOMENTS,
)


@given(STANDINGS, st.integers(0, 200))
def test_nothing_passes_without_proof_and_nothing_waits_for_ever(standing: Standing, seconds: int) -> None:
    now = BEGAN + timedelta(seconds=seconds)

    found = verdict(standing, due_at=DUE, now=now)

    if found is None:
        assert now < DUE
    elif found.status == "passed":
        assert standing.sent_at is not None
        assert standing.sent_at <= DUE
        assert standing.status in ("SENT", "DELIVERED")
    else:
        assert found.reason
