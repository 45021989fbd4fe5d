"""Segments of an SMS, as they are billed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.sms_segments import GSM_7, UCS_2, segments_of


@pytest.mark.parametrize(
    ("text", "count", "alphabet", "left"),
    [
        ("", 1, "GSM-7", 160),
        ("a" * 160, 1, "GSM-7", 0),
        ("a" * 161, 2, "GSM-7", 145),
        ("€" * 80, 1, "GSM-7", 0),
        ("€" * 80 + "a", 2, "GSM-7", 144),  # 153 places hold 76 signs, and not half of the next
        ("ж" * 70, 1, "UCS-2", 0),
        ("ж" * 71, 2, "UCS-2", 63),
        ("🚨" * 35, 1, "UCS-2", 0),
        ("🚨" * 36, 2, "UCS-2", 61),  # 33 of them in the first: one place of 67 stays empty
        ("Störung in Größe 3: ÄÖÜß", 1, "GSM-7", 136),
    ],
)
def test_texts_are_counted_as_providers_bill_them(text: str, count: int, alphabet: str, left: int) -> None:
    found = segments_of(text)

    assert (found.count, found.alphabet, found.left) == (count, alphabet, left)


def test_the_character_that_makes_it_dear_is_named() -> None:
    assert segments_of("Disk “data” is full").foreign == "“"
    assert segments_of('Disk "data" is full').foreign == ""


@given(st.text(max_size=2000))
def test_segments_hold_all_of_the_text_and_one_fewer_would_not(text: str) -> None:
    found = segments_of(text)

    alphabet = UCS_2 if found.foreign else GSM_7
    places = sum(map(alphabet.width, text))
    assert 0 <= found.left <= alphabet.alone
    if found.count == 1:
        assert places + found.left == alphabet.alone
    else:
        assert (found.count - 1) * (alphabet.joined - 1) < places <= found.count * alphabet.joined
