"""Amazon SNS as a receiver meets it: its certificate, its confirmations, and messages signed with its key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer

from sentinel.integrations import sns

CERTIFICATE_PATH = "/SimpleNotificationService-0123abcd.pem"
CONFIRMATION = "Action=ConfirmSubscription&TopicArn=a&Token=t"
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])


class Amazon:
    """A key, its certificate, and the server where both lie."""

    def __init__(self, server: HTTPServer, *, valid_for: timedelta = timedelta(days=1)) -> None:
        self.server = server
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.base = server.url_for("").rstrip("/")
        self.certificate = self._certificate(valid_for)
        server.expect_request(CERTIFICATE_PATH).respond_with_data(self.certificate)

    def _certificate(self, valid_for: timedelta) -> bytes:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(self.key.public_key())
        dated = made.serial_number(1).not_valid_before(now - timedelta(days=2)).not_valid_after(now + valid_for)
        return dated.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def signed(self, version: str = "2", **changes: Any) -> dict[str, Any]:
        """The sample message with `changes`, signed as it is then; None leaves a part out."""
        body = sns.SAMPLE | {"SigningCertURL": self.base + CERTIFICATE_PATH, "SignatureVersion": version} | changes
        body = {name: value for name, value in body.items() if value is not None}
        algorithm = SHA1() if version == "1" else SHA256()  # noqa: S303 - version 1 is made with it
        signature = self.key.sign(sns.opened(body).signed, padding.PKCS1v15(), algorithm)
        return body | {"Signature": base64.b64encode(signature).decode()}

    def subscription(self, **changes: Any) -> dict[str, Any]:
        """What asks whether SNS may send."""
        url = f"{self.base}/?{CONFIRMATION}"
        return self.signed(
            **{"Type": sns.SUBSCRIPTION, "Token": "t", "SubscribeURL": url, "Subject": None, "Message": "Confirm."}
            | changes
        )

    def confirm(self, status: int = 200, **headers: str) -> None:
        """Answer confirmations from now on."""
        self.server.expect_request("/", query_string=CONFIRMATION).respond_with_data(
            "<ok/>", status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request, _ in self.server.log]
