"""API keys: 256 random bits behind a recognisable prefix; stored as SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets

KEY_PREFIX = "sntl_"
SHOWN = 12
"""How many characters of a key people may see again: enough to tell keys apart, useless to guess the rest."""


def new_api_key() -> str:
    """Make a key; it is shown once and never stored."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """Hash a key for storage and look-up. Random 256-bit keys need no slow hash: there is nothing to guess."""
    return hashlib.sha256(key.encode()).digest()


def request_hash(*parts: bytes) -> bytes:
    """Hash what makes two requests the same; parts cannot run into one another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
