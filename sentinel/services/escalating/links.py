"""Links in messages: signed with a key of the environment. None can be made up, and none lies in the database."""

from __future__ import annotations

import base64
import binascii
import hmac

from sentinel.sealing import derived_keys
from sentinel.settings import get_settings

PATH = "/t"
"""Short: a link must fit into an SMS."""

PURPOSE = "ticket links"
ID_BYTES, SIGNATURE_BYTES = 8, 10
"""Eighty bits of signature, behind an id that is random itself: nobody guesses one over the network."""
TOKEN_LENGTH = (ID_BYTES + SIGNATURE_BYTES) * 4 // 3


def address_of(message_id: int) -> str | None:
    """Return the link of a message; None where nobody outside could follow it, or nothing can sign it."""
    base, keys = get_settings().public_base_url, _keys()
    return f"{base}{PATH}/{_token(message_id, keys[0])}" if base and keys else None


def message_of(token: str) -> int | None:
    """Return the message whose link this is; None if we have not signed it."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    try:
        decoded = base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    message_id = int.from_bytes(decoded[:ID_BYTES])
    is_ours = any(hmac.compare_digest(_token(message_id, key), token) for key in _keys())
    return message_id if is_ours else None


def _token(message_id: int, key: bytes) -> str:
    shown = message_id.to_bytes(ID_BYTES)
    signature = hmac.digest(key, shown, "sha256")[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(shown + signature).decode()


def _keys() -> list[bytes]:
    return derived_keys(PURPOSE)
