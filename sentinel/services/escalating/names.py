"""Names of policies and rotations: they stand in addresses, in rules, and behind `rotation:`."""

from __future__ import annotations

import re

from sentinel.errors import FieldError, InvalidInputError, shown

LONGEST_NAME = 100
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")


def checked(name: str) -> str:
    """Return a name that can stand anywhere."""
    if not NAME.fullmatch(name):
        remedy = f"use up to {LONGEST_NAME} letters, digits, dots, dashes and underscores: primary, on-call.eu"
        raise InvalidInputError(FieldError("name", shown(name), "cannot be a name", remedy))
    return name
