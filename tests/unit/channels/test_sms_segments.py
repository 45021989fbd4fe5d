"""Segments of a text message: what carriers count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.sms_segments import GSM, GSM_TWICE, SIZES, segments_of


@pytest.mark.parametrize(
    ("text", "alphabet", "characters", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the escape is not torn from what it escapes
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("a" * 69 + "ç", "UCS-2", 70, 1),  # only the capital is in the alphabet
        ("🔥" * 35, "UCS-2", 70, 1),
        ("🔥" * 36, "UCS-2", 72, 2),
        ("🔥" * 67, "UCS-2", 134, 3),
    ],
)
def test_a_text_comes_to_so_many_segments(text: str, alphabet: str, characters: int, count: int) -> None:
    found = segments_of(text)

    assert (found.alphabet, found.characters, found.count) == (alphabet, characters, count)


def test_the_alphabet_is_as_large_as_the_standard_says() -> None:
    assert len(GSM) == 127  # and the escape
    assert len(GSM_TWICE) == 10
    assert not GSM & GSM_TWICE


@given(st.text(max_size=700))
def test_segments_hold_the_whole_text_and_no_empty_one_is_counted(text: str) -> None:
    found = segments_of(text)
    single, several = SIZES[found.alphabet]

    room = single if found.count == 1 else several * found.count
    assert found.characters <= room
    assert found.count == 1 or found.characters > (several - 1) * (found.count - 1)
