"""How many segments a text message takes: carriers count and charge them. Pure.

GSM 03.38's alphabet has 7 bits a character, 160 in a segment; one character beyond it makes all of them UCS-2, 70 in a
segment. Of several segments each loses a few to its header: https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

from __future__ import annotations

from dataclasses import dataclass

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE = frozenset("\f^{}\\[~]|€")
"""Written with an escape before them: two places each."""

SIZES = {"GSM-7": (160, 153), "UCS-2": (70, 67)}
"""Characters of a message that is one segment, and of each of several."""


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text comes to."""

    alphabet: str
    characters: int
    count: int


def segments_of(text: str) -> Segments:
    """Count the segments of a text; an empty one is sent as one."""
    alphabet = "GSM-7" if (GSM | GSM_TWICE).issuperset(text) else "UCS-2"
    widths = [_width(each, alphabet) for each in text]
    single, several = SIZES[alphabet]
    total = sum(widths)
    return Segments(alphabet, total, 1 if total <= single else _parts(widths, several))


def _width(character: str, alphabet: str) -> int:
    """Places that a character takes; one that takes two is not torn apart."""
    if alphabet == "GSM-7":
        return 2 if character in GSM_TWICE else 1
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - UTF-16 writes those as two


def _parts(widths: list[int], size: int) -> int:
    count, left = 1, size
    for width in widths:
        if width > left:
            count, left = count + 1, size
        left -= width
    return count


def foreign_in(text: str) -> str:
    """The first character that makes all of them UCS-2; nothing where none does."""
    return next((each for each in text if each not in GSM and each not in GSM_TWICE), "")
