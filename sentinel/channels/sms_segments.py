"""Of how many segments an SMS is made: what phones receive as one text, providers send and bill in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The alphabet of GSM 03.38, seven bits a character: https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding"""
EXTENDED = frozenset("^{}\\[~]|€\f")
"""Characters of the same alphabet that take two places."""

LARGEST_BASIC = 0xFFFF
"""Of UCS-2: what is beyond (emoji) takes two places."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """How a text is written, and how much fits into one segment alone and into one of several."""

    name: str
    alone: int
    joined: int
    width: Callable[[str], int]


GSM_7 = Alphabet("GSM-7", 160, 153, lambda each: 2 if each in EXTENDED else 1)
UCS_2 = Alphabet("UCS-2", 70, 67, lambda each: 2 if ord(each) > LARGEST_BASIC else 1)


@dataclass(frozen=True, slots=True)
class Segments:
    """How many segments a text takes, in which alphabet, and how many more places the last one has."""

    count: int
    alphabet: str
    left: int
    foreign: str = ""
    """The first character because of which the larger alphabet is needed; with none, it is not."""


def segments_of(text: str) -> Segments:
    """Count the segments of a text, as Twilio bills them."""
    foreign = next((each for each in text if each not in BASIC and each not in EXTENDED), "")
    alphabet = UCS_2 if foreign else GSM_7
    widths = [alphabet.width(each) for each in text]
    if sum(widths) <= alphabet.alone:
        return Segments(1, alphabet.name, alphabet.alone - sum(widths), foreign)
    count, used = _packed(widths, alphabet.joined)
    return Segments(count, alphabet.name, alphabet.joined - used, foreign)


def _packed(widths: Iterable[int], size: int) -> tuple[int, int]:
    """How many segments, and what of the last one is used: no character is torn apart."""
    count, used = 1, 0
    for width in widths:
        if used + width > size:
            count, used = count + 1, 0
        used += width
    return count, used
