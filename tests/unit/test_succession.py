"""Who is next in a list of other targets: named endpoints as they are now, and nobody twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sentinel.queries.endpoints import Destination
from sentinel.services.sending.succession import next_of

PHONE = Destination(7, 1, None, None, "phone", "sms", "+14155552671", None)
MAIL = {"channel": "email", "recipient": "a@example.com", "after_seconds": None}
NAMED = {"endpoint": "phone", "after_seconds": 300}


def test_a_named_endpoint_is_looked_up() -> None:
    found = next_of([NAMED, MAIL], set(), {"phone": PHONE})

    assert (found.place, found.endpoint_id, list(found.left)) == (("sms", "+14155552671"), 7, [MAIL])


def test_an_endpoint_that_is_gone_is_passed_over_and_told_of() -> None:
    found = next_of([NAMED, MAIL], set(), {})

    assert found.place == ("email", "a@example.com")
    assert found.passed == [{"target": "phone", "reason": "no enabled endpoint of this name"}]


def test_a_target_is_not_tried_again_under_another_name() -> None:
    found = next_of([NAMED], {("sms", "+14155552671")}, {"phone": PHONE})

    assert (found.place, found.passed) == (None, [{"target": "phone", "reason": "was tried before"}])


PLACES = st.tuples(st.sampled_from(["sms", "email"]), st.sampled_from("abc"))
TARGETS = st.one_of(
    PLACES.map(lambda place: {"channel": place[0], "recipient": place[1], "after_seconds": None}),
    st.sampled_from("xyz").map(lambda name: {"endpoint": name, "after_seconds": None}),
)
ENDPOINTS = st.dictionaries(
    st.sampled_from("xyz"), PLACES.map(lambda place: Destination(1, 1, None, None, None, place[0], place[1], None))
)


@given(st.lists(TARGETS, max_size=5), ENDPOINTS)
def test_following_the_list_ends_and_tries_each_place_once(
    targets: list[dict[str, Any]], endpoints: dict[str, Destination]
) -> None:
    tried = {("sms", "a")}
    left: Any = targets

    while (found := next_of(left, tried, endpoints)).place is not None:
        assert found.place not in tried
        assert len(found.left) < len(left)
        tried.add(found.place)
        left = found.left

    assert len(found.passed) == len(left)
