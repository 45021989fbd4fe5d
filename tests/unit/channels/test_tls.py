"""Who is trusted is read once, and anew where another file names it."""

from __future__ import annotations

import pytest

from sentinel.channels.tls import trusting_context
from sentinel.stand_ins import Certificate


def test_connections_share_what_this_machine_trusts() -> None:
    assert trusting_context() is trusting_context()


def test_another_file_of_authorities_is_read(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = trusting_context()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))

    assert trusting_context() is not usual
    assert len(trusting_context().get_ca_certs()) == 1
