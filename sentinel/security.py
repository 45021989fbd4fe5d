"""API keys: 256 random bits behind a recognisable prefix; stored as SHA-256 only. Secrets of webhooks, sealed."""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentinel.errors import NoKeyError, UnreadableSecretError
from sentinel.settings import KEY_BYTES, get_settings, split_keys

KEY_PREFIX = "sntl_"
SHOWN = 12
"""How many characters of a key people may see again: enough to tell keys apart, useless to guess the rest."""

WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105, it only says what follows
SEALED_PREFIX = "sealed:"
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


def new_secret_key() -> str:
    """Make a key for SENTINEL_SECRET_KEYS."""
    return Fernet.generate_key().decode()


def is_sealed(text: str) -> bool:
    """Whether `text` is sealed; what was stored before there were keys is not."""
    return text.startswith(SEALED_PREFIX)


def seal(text: str) -> str:
    """Encrypt a secret for the database with the first key of SENTINEL_SECRET_KEYS. Raises `NoKeyError`."""
    keys = _keys()
    if not keys:
        raise NoKeyError(
            "secrets are stored sealed only, and this installation has no key for that; "
            "set SENTINEL_SECRET_KEYS to one that `sentinel secrets new-key` prints, and restart all processes"
        )
    return SEALED_PREFIX + keys[0].encrypt(text.encode()).decode()


def unseal(text: str) -> str:
    """Decrypt what `seal` made, with any of the keys; text that was never sealed is its own secret.

    Raises `UnreadableSecretError`.
    """
    if not is_sealed(text):
        return text
    token = text.removeprefix(SEALED_PREFIX).encode()
    for key in _keys():
        with suppress(InvalidToken):
            return key.decrypt(token).decode()
    raise UnreadableSecretError(
        "this secret was sealed with a key that is not among those of SENTINEL_SECRET_KEYS; add that key behind the "
        "others, or give the endpoint a new secret"
    )


def is_sealed_freshly(text: str) -> bool:
    """Whether `text` is sealed with the key that is the first one now."""
    keys = _keys()
    if not (keys and is_sealed(text)):
        return False
    try:
        keys[0].decrypt(text.removeprefix(SEALED_PREFIX).encode())
    except InvalidToken:
        return False
    return True


def derived_keys(purpose: str) -> list[bytes]:
    """Derive a key for another purpose from each of SENTINEL_SECRET_KEYS, in their order."""
    return [_derive(base64.urlsafe_b64decode(key), purpose) for key in split_keys(get_settings().secret_keys)]


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"sentinel " + purpose.encode()).derive(key)


def _keys() -> tuple[Fernet, ...]:
    return _fernets(split_keys(get_settings().secret_keys))


@lru_cache(maxsize=1)
def _fernets(keys: tuple[str, ...]) -> tuple[Fernet, ...]:
    return tuple(Fernet(key) for key in keys)
