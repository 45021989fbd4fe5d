"""Secrets of webhooks and integrations, sealed for the database with keys of the environment.

What seals takes 13 MB and is loaded when it is first asked for: most processes never are. docs/decisions/066, 207.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

from sentinel.errors import NoKeyError, UnreadableSecretError
from sentinel.settings import KEY_BYTES, get_settings, split_keys

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SEALED_PREFIX = "sealed:"


def new_secret_key() -> str:
    """Make a key for SENTINEL_SECRET_KEYS."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


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
    for key in _keys():
        if (secret := _opened(text, key)) is not None:
            return secret
    raise UnreadableSecretError(
        "this secret was sealed with a key that is not among those of SENTINEL_SECRET_KEYS; add that key behind the "
        "others, or set a new secret"
    )


def is_sealed_freshly(text: str) -> bool:
    """Whether `text` is sealed with the key that is the first one now."""
    keys = _keys()
    return bool(keys) and is_sealed(text) and _opened(text, keys[0]) is not None


def _opened(text: str, key: Fernet) -> str | None:
    """What was sealed with this key; None if it was another one."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see above

    try:
        return key.decrypt(text.removeprefix(SEALED_PREFIX).encode()).decode()
    except InvalidToken:
        return None


def derived_keys(purpose: str) -> list[bytes]:
    """Derive a key for another purpose from each of SENTINEL_SECRET_KEYS, in their order."""
    return [_derive(base64.urlsafe_b64decode(key), purpose) for key in split_keys(get_settings().secret_keys)]


def _derive(key: bytes, purpose: str) -> bytes:
    """HKDF with SHA-256, no salt and one block (RFC 5869): what the library makes, without the library."""
    pseudorandom = hmac.digest(bytes(hashlib.sha256().digest_size), key, "sha256")
    return hmac.digest(pseudorandom, b"sentinel " + purpose.encode() + b"\x01", "sha256")


def _keys() -> tuple[Fernet, ...]:
    return _fernets(split_keys(get_settings().secret_keys))


@lru_cache(maxsize=1)
def _fernets(keys: tuple[str, ...]) -> tuple[Fernet, ...]:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

    return tuple(Fernet(key) for key in keys)
