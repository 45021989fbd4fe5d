"""How often each of several words comes: `HIGH:30,MEDIUM:30,LOW:30,CRITICAL:10`."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from sentinel.errors import FieldError, InvalidInputError

WHOLE = 100.0
EXAMPLE = 'for example "HIGH:30,MEDIUM:30,LOW:30,CRITICAL:10"'


@dataclass(frozen=True, slots=True)
class Shares:
    """Words, and the weight of each."""

    words: tuple[str, ...]
    weights: tuple[float, ...]

    def draw(self, chance: random.Random) -> str:
        """Return one of the words."""
        return chance.choices(self.words, self.weights)[0]


def even(*words: str) -> Shares:
    """Give every word the same share."""
    return Shares(words, (1.0,) * len(words))


def read_shares(name: str, text: str) -> Shares:
    """Read words and their percentages, which must add up to 100; `name` is what a refusal calls them."""
    pairs = [_read_pair(name, each) for each in text.split(",")]
    words = tuple(word for word, _ in pairs)
    total = sum(percent for _, percent in pairs)
    if not math.isclose(total, WHOLE, abs_tol=1e-6):
        raise _refusal(name, text, f"adds up to {total:g} and not to 100")
    if len(set(words)) < len(words):
        raise _refusal(name, text, "names a word twice")
    return Shares(words, tuple(percent for _, percent in pairs))


def _read_pair(name: str, text: str) -> tuple[str, float]:
    word, _, percent = text.rpartition(":")
    try:
        share = float(percent)
    except ValueError:
        share = -1.0
    if not word.strip() or not 0 <= share <= WHOLE:
        raise _refusal(name, text.strip(), "is not a word with its percentage")
    return word.strip(), share


def _refusal(name: str, text: str, message: str) -> InvalidInputError:
    return InvalidInputError(FieldError(name, text, f'"{text}" {message}', EXAMPLE))
