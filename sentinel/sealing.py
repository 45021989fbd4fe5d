"""Secrets of webhooks and integrations, sealed for the database with keys of the environment.

A room of its own: what seals takes 5 MB, and most processes only ask about API keys. docs/decisions/066, 092.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentinel.errors import NoKeyError, UnreadableSecretError
from sentinel.settings import KEY_BYTES, get_settings, split_keys

SEALED_PREFIX = "sealed:"


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
        "others, or set a new secret"
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
