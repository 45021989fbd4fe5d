"""Deliveries of GitHub: their signatures, and the events that they are."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from sentinel.errors import InvalidInputError
from sentinel.integrations import github
from tests.unit.integrations.judging import an_event, fields_of, without


def test_a_signature_of_github_holds_for_these_very_bytes_and_this_secret() -> None:
    body = b'{"a": 1}'
    signature = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()

    assert github.is_signed(body, signature, secret="secret")
    assert not github.is_signed(body + b" ", signature, secret="secret")
    assert not github.is_signed(body, signature, secret="other")
    assert not github.is_signed(body, signature.replace("sha256=", "sha1="), secret="secret")
    assert not github.is_signed(body, None, secret="secret")
    assert not github.is_signed(body, "sha256=ü", secret="secret")


@pytest.mark.parametrize(
    ("payload", "source"),
    [
        (github.SAMPLE, "acme/shop"),
        ({"organization": {"login": "acme"}}, "acme"),
        ({"repository": None, "enterprise": {"slug": "big"}}, "big"),
        ({"repository": "odd"}, "github"),
    ],
)
def test_an_event_of_github_says_where_it_happened(payload: dict[str, Any], source: str) -> None:
    event = an_event(github.read(payload, {"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-1"}))

    assert (event["type"], event["source"], event["event_id"]) == ("github.issues", source, "github:d-1")
    assert event["payload"] == payload


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_a_delivery_without_its_headers_is_refused_by_name(missing: str) -> None:
    headers = without({"X-GitHub-Event": "push", "X-GitHub-Delivery": "d"}, missing)

    with pytest.raises(InvalidInputError) as refused:
        github.read({}, headers)

    assert fields_of(refused.value) == [missing]
