"""Parts of the console's forms: other targets as rows, and what two people write at one form. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.services.sending.failover import MOST_TARGETS, Target
from sentinel.web import conflicts, failover_rows

TARGETS = st.builds(
    Target,
    channel=st.sampled_from(["sms", "email", "webhook"]),
    recipient=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
    after_seconds=st.none() | st.integers(1, 604_800),
) | st.builds(Target, endpoint=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))


@given(st.lists(TARGETS, max_size=MOST_TARGETS))
def test_targets_come_back_from_their_rows_as_they_were(targets: list[Target]) -> None:
    values = failover_rows.values_of([each.as_stored() for each in targets])

    assert list(failover_rows.targets_of(values)) == targets
    assert len(failover_rows.rows_of(values)) == min(MOST_TARGETS, len(targets) + failover_rows.ROOM)


@pytest.mark.parametrize("after", ["soon", "0s", "2w", "-5m", "5"])
def test_a_time_that_cannot_be_waited_for_is_refused(after: str) -> None:
    row = {"failover-0-place": "sms", "failover-0-target": "+14155552671", "failover-0-after": after}

    with pytest.raises(InvalidInputError) as refused:
        list(failover_rows.targets_of(row))

    assert refused.value.errors[0].field == "failover"


@pytest.mark.parametrize(("text", "version"), [("7", 7), ("", 0), ("seven", 0), ("²", 0), ("9" * 40, 0)])
def test_a_version_that_is_none_has_been_read_by_nobody(text: str, version: int) -> None:
    assert conflicts.version_read({"version": text}) == version


def test_only_what_differs_is_shown_and_never_the_version() -> None:
    now = {"name": "a", "target": "x", "version": "2", "template": ""}

    assert conflicts.differing(now, {"name": "a", "target": "y", "version": "1"}) == {"target": "x"}
