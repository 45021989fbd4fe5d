"""Who adopts which message: pure, tried with doubts and sightings of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.base import Finding, Sighting
from sentinel.services.sending.adopting import TWIN_UNDER_WAY, Asked, Verdict, judge

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def asked(name: str, *sightings: Sighting, since: int = 0, trouble: str | None = None) -> Asked:
    return Asked(name, at(since), Finding(sightings, trouble))


A, B = Sighting("SMa", at(1)), Sighting("SMb", at(2))

SIGHTINGS = st.lists(st.integers(0, 8), unique=True).map(
    lambda numbers: tuple(Sighting(f"SM{number}", at(number)) for number in sorted(numbers))
)
DOUBTS = st.lists(
    st.builds(
        Asked,
        st.sampled_from("abcdefgh"),
        st.integers(0, 8).map(at),
        st.builds(Finding, SIGHTINGS, st.none() | st.just("http_500")),
    ),
    unique_by=lambda each: each.id,
)
HOLDERS = st.dictionaries(st.integers(0, 8).map(lambda number: f"SM{number}"), st.sampled_from("abcxyz"))


@given(DOUBTS, HOLDERS, st.sets(st.sampled_from("abcdefgh")))
def test_each_message_is_adopted_at_most_once_and_never_from_its_holder(
    doubts: list[Asked], holders: dict[str, str], with_twin: set[str]
) -> None:
    verdicts = judge(doubts, holders=holders, with_twin=with_twin)

    adopted = [
        (name, found.sighting.provider_message_id) for name, found in verdicts.items() if found.sighting is not None
    ]
    assert set(verdicts) == {each.id for each in doubts}
    assert len({message for _, message in adopted}) == len(adopted)
    assert all(holders.get(message, name) == name for name, message in adopted)
    assert not with_twin & {name for name, _ in adopted}


@given(DOUBTS, HOLDERS)
def test_what_counts_as_missing_has_seen_no_free_message_and_no_trouble(
    doubts: list[Asked], holders: dict[str, str]
) -> None:
    verdicts = judge(doubts, holders=holders, with_twin=())

    adopted = {found.sighting.provider_message_id for found in verdicts.values() if found.sighting is not None}
    for doubt in doubts:
        if verdicts[doubt.id] == Verdict():
            seen = {each.provider_message_id for each in doubt.finding.sightings}
            assert seen <= adopted | {message for message, holder in holders.items() if holder != doubt.id}
            assert doubt.finding.trouble is None


@given(DOUBTS)
def test_the_order_of_the_questions_does_not_matter(doubts: list[Asked]) -> None:
    assert judge(doubts, holders={}, with_twin=()) == judge(doubts[::-1], holders={}, with_twin=())


def test_of_two_equal_messages_the_one_tried_first_takes_the_only_sighting() -> None:
    verdicts = judge([asked("late", A, since=1), asked("early", A)], holders={}, with_twin=())

    assert verdicts == {"early": Verdict(A), "late": Verdict()}


def test_two_equal_messages_that_both_arrived_take_one_each() -> None:
    verdicts = judge([asked("early", A, B), asked("late", A, B, since=1)], holders={}, with_twin=())

    assert verdicts == {"early": Verdict(A), "late": Verdict(B)}


def test_a_message_of_another_notification_is_passed_over_and_our_own_is_not() -> None:
    doubt = asked("mine", A, B)

    assert judge([doubt], holders={"SMa": "other"}, with_twin=()) == {"mine": Verdict(B)}
    assert judge([doubt], holders={"SMa": "mine"}, with_twin=()) == {"mine": Verdict(A)}


def test_nothing_is_adopted_while_the_same_text_is_under_way() -> None:
    assert judge([asked("mine", A)], holders={}, with_twin={"mine"}) == {"mine": Verdict(trouble=TWIN_UNDER_WAY)}
    assert judge([asked("mine")], holders={}, with_twin={"mine"}) == {"mine": Verdict()}
