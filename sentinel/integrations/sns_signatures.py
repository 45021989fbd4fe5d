"""Whether SNS sent it: its signature, and the certificate that is fetched from its own host and nowhere else."""

from __future__ import annotations

import base64
import re
import time
import urllib.error
import urllib.request
from datetime import datetime
from functools import lru_cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sentinel.errors import SentinelError
from sentinel.integrations.sns import Envelope

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?")
CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem")
CONFIRMATION = "ConfirmSubscription"

DEADLINE_SECONDS = 5.0
"""Each wait for the connection and for bytes; when it has passed since the beginning, no more bytes are waited for."""

LARGEST_BYTES = 65_536
PIECE_BYTES = 4_096
KEPT_CERTIFICATES = 32
"""Amazon has one a region, and changes it about once a year."""


class UnreachableError(SentinelError):
    """SNS could not be asked for what belongs to its message, which it will send again."""


def is_certificate_address(url: str, *, base: str | None) -> bool:
    """Whether a certificate of SNS can lie there; `base` stands for Amazon's own hosts, where it is given."""
    return _is_at_home(url, base) and bool(CERTIFICATE_PATH.fullmatch(_path(url, base))) and not urlsplit(url).query


def is_confirmation_address(url: str, *, base: str | None) -> bool:
    """Whether a visit there confirms a subscription, and does nothing else."""
    query = parse_qs(urlsplit(url).query) if _is_at_home(url, base) else {}
    return query.get("Action") == [CONFIRMATION] and _path(url, base) in ("", "/")


def _is_at_home(url: str, base: str | None) -> bool:
    if not (url.isascii() and url.isprintable()) or "\\" in url or "#" in url:
        return False
    if base is not None:
        return url.startswith((f"{base}/", f"{base}?"))
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(HOST.fullmatch(parts.netloc))  # no port, and nobody's name before an @
    except ValueError:
        return False


def _path(url: str, base: str | None) -> str:
    path = urlsplit(url).path
    return path.removeprefix(urlsplit(base).path) if base is not None else path


def is_signed(envelope: Envelope, certificate: Certificate, *, now: datetime) -> bool:
    """Whether the holder of a certificate that is valid now signed what stands in the envelope."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - of this request alone
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256  # noqa: PLC0415 - as above

    key = certificate.public_key()
    is_valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    if not is_valid or not isinstance(key, rsa.RSAPublicKey):
        return False
    algorithm = SHA1() if envelope.signature_version == "1" else SHA256()  # noqa: S303 - version 1 is made with it
    try:
        signature = base64.b64decode(envelope.signature, validate=True)
        key.verify(signature, envelope.signed, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=KEPT_CERTIFICATES)
def certificate_at(url: str) -> Certificate:
    """Fetch a certificate, once. Raises `UnreachableError`."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - of this request alone

    try:
        return load_pem_x509_certificate(fetch(url))
    except ValueError:
        raise UnreachableError("what lies at SigningCertURL is no certificate") from None


def fetch(url: str) -> bytes:
    """Read an address that was judged before: no redirects, and an end in time and size. Raises `UnreachableError`."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    found = bytearray()
    try:
        with _OPENER.open(url, timeout=DEADLINE_SECONDS) as answer:
            while piece := answer.read1(PIECE_BYTES):
                found += piece
                if len(found) > LARGEST_BYTES or time.monotonic() > ends_at:
                    raise UnreachableError("the answer of SNS is too long, or takes too long")
    except urllib.error.HTTPError as error:
        error.close()
        raise UnreachableError(f"SNS answers {error.code}") from None
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"SNS does not answer: {error}") from None
    return bytes(found)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where SNS points to elsewhere, nobody goes."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse: the answer becomes an error."""
        return


_OPENER = urllib.request.build_opener(_NoRedirects)
