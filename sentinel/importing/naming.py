"""What imported things are called: by what they stand for, so that a second import finds them again. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

LONGEST_ENDPOINT = 100
LONGEST_RULE = 200
HASH_CHARACTERS = 8


def fitting(name: str, longest: int) -> str:
    """The name, or as much of it as fits and a mark that tells it from others that begin so."""
    plain = "".join(each if each.isprintable() else "?" for each in name)
    if plain == name and len(name) <= longest:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARACTERS]
    return f"{plain[: longest - len(mark) - 2]}… {mark}"[:longest]


def distinct(name: str, taken: Collection[str], longest: int) -> str:
    """The name, with a number where another thing has it."""
    number, found = 1, fitting(name, longest)
    while found in taken:
        number += 1
        found = fitting(f"{name} ({number})", longest)
    return found
