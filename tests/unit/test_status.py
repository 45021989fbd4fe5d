"""The state machine as data: what its table promises."""

from __future__ import annotations

import pytest

from sentinel.models.status import (
    ALLOWED,
    CANCELLABLE,
    FINAL,
    IN_FLIGHT,
    RETRYABLE,
    WAITING,
    Status,
    sources,
)


def _reachable(start: Status) -> set[Status]:
    found, edge = {start}, {start}
    while edge:
        edge = {after for status in edge for after in ALLOWED[status]} - found
        found |= edge
    return found


def test_every_status_is_in_the_table_and_reachable() -> None:
    assert set(ALLOWED) == set(Status)
    assert _reachable(Status.PENDING) == set(Status)


def test_every_status_in_flight_can_come_to_an_end() -> None:
    assert all(_reachable(status) & FINAL for status in IN_FLIGHT)


def test_no_status_follows_itself() -> None:
    assert all(status not in after for status, after in ALLOWED.items())


def test_ends_are_final_but_for_the_operators_retry_and_the_providers_report() -> None:
    ways_out = {(status, after) for status in FINAL for after in ALLOWED[status]}

    assert ways_out == {
        (Status.FAILED, Status.PENDING),
        (Status.UNDELIVERED, Status.PENDING),
        (Status.SENT, Status.DELIVERED),
        (Status.SENT, Status.UNDELIVERED),
        (Status.SENT, Status.RETRYING),
    }


def test_every_status_either_flies_or_has_ended() -> None:
    assert set(Status) == IN_FLIGHT | FINAL
    assert not IN_FLIGHT & FINAL
    assert WAITING < IN_FLIGHT


def test_nothing_that_has_been_sent_can_be_sent_again_by_itself_or_by_an_operator() -> None:
    assert Status.SENT not in RETRYABLE
    assert Status.DELIVERED not in RETRYABLE
    assert {Status.FAILED, Status.UNDELIVERED} == RETRYABLE


def test_what_is_on_its_way_or_in_doubt_cannot_be_cancelled() -> None:
    assert {Status.PENDING, Status.RETRYING} == CANCELLABLE


@pytest.mark.parametrize("target", list(Status))
def test_sources_is_the_table_read_backwards(target: Status) -> None:
    found = sources(target)

    assert found == sorted(found)
    assert {Status(each) for each in found} == {status for status in Status if target in ALLOWED[status]}


def test_statuses_are_written_as_their_names() -> None:
    assert all(status.value == status.name and len(status) <= 12 for status in Status)
