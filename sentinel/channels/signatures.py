"""Whether a report was signed by the provider it names. Nothing of it is read before."""

from __future__ import annotations

import base64
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from twilio.request_validator import (
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)
from werkzeug.datastructures import Headers, MultiDict

from sentinel.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

EVENT_SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
EVENT_TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
LONGEST_TIMESTAMP = 12


def twilio_secret(settings: Settings) -> str | None:
    """What Twilio's reports are signed with; None when they cannot be checked."""
    secret = settings.twilio_webhook_secret or settings.twilio_auth_token
    return secret.get_secret_value() if secret else None


def is_by_twilio(url: str, form: MultiDict[str, str], headers: Headers, *, secret: str) -> bool:
    """Whether `url`, as Twilio was told it, and `form` carry Twilio's signature."""
    signature = headers.get(SIGNATURE_HEADER)
    if not signature:
        return False
    algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER))
    return bool(RequestValidator(secret).validate(url, form, signature, algorithm))


def is_by_sendgrid(body: bytes, headers: Headers, *, public_key: str, now: datetime, tolerance_seconds: int) -> bool:
    """Whether these very bytes carry SendGrid's signature, made not long ago.

    SendGrid's own helper asks for no time: a report that somebody has kept could be sent again for ever.
    """
    stamp = headers.get(EVENT_TIMESTAMP_HEADER, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_TIMESTAMP):
        return False
    if abs(now.timestamp() - int(stamp)) > tolerance_seconds:
        return False
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 13 MB that other reports do not take
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above

    try:
        signature = base64.b64decode(headers.get(EVENT_SIGNATURE_HEADER, ""), validate=True)
        _event_key(public_key).verify(signature, stamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=4)
def _event_key(public_key: str) -> EllipticCurvePublicKey:
    """The key as SendGrid shows it: one line of base64."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - as above

    key = load_der_public_key(base64.b64decode(public_key))
    if not isinstance(key, EllipticCurvePublicKey):
        message = "not a key of an elliptic curve"
        raise ValueError(message)  # noqa: TRY004 # a value from the settings, not a type of ours
    return key
