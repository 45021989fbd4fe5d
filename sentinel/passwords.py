"""Passwords of people: Argon2id. Why these costs: docs/decisions/067-passwords.md."""

from __future__ import annotations

import secrets
import unicodedata
from contextlib import suppress
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def password_hash(password: str) -> str:
    """Hash a password for storage, with a salt of its own."""
    return HASHER.hash(_typed(password))


def is_password(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; for None the work is the same, and the answer no."""
    with suppress(VerificationError, InvalidHashError):
        HASHER.verify(stored or _nobodys_hash(), _typed(password))
        return stored is not None
    return False


def renewed_hash(password: str, stored: str) -> str:
    """The hash to keep: `stored`, or one with today's costs if it was made with others."""
    return password_hash(password) if HASHER.check_needs_rehash(stored) else stored


def _typed(password: str) -> str:
    # An ü may be one character or two, as the keyboard has it: https://pages.nist.gov/800-63-4/sp800-63b.html
    return unicodedata.normalize("NFKC", password)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return password_hash(secrets.token_urlsafe())
