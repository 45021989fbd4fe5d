"""API keys: 256 random bits behind a recognisable prefix; stored as SHA-256 only. What signs webhooks."""

from __future__ import annotations

import base64
import hashlib
import secrets

KEY_PREFIX = "sntl_"
SHOWN = 12
"""How many characters of a key people may see again: enough to tell keys apart, useless to guess the rest."""

WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105, it only says what follows
SHORTEST_SECRET, LONGEST_SECRET = 24, 64


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


def new_webhook_secret() -> str:
    """Make a secret that signs what is sent to one webhook, as Standard Webhooks writes it."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_webhook_secret(text: str) -> bool:
    """Whether `text` is a secret of Standard Webhooks: 24 to 64 bytes in base64 behind its prefix."""
    if not text.startswith(WEBHOOK_SECRET_PREFIX):
        return False
    try:
        size = len(base64.b64decode(text.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True))
    except ValueError:
        return False
    return SHORTEST_SECRET <= size <= LONGEST_SECRET
