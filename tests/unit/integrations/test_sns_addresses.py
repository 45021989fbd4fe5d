"""Where a certificate of SNS may lie, and what a confirmation may call: Amazon's own hosts and nothing else."""

from __future__ import annotations

import pytest

from sentinel.integrations.sns_signatures import is_certificate_address, is_confirmation_address

HOME = "https://sns.eu-central-1.amazonaws.com"
CERTIFICATE = "/SimpleNotificationService-0123abcd.pem"
CONFIRMATION = "/?Action=ConfirmSubscription&TopicArn=a&Token=t"
REHEARSAL = "http://127.0.0.1:9"

NOT_AMAZON = [
    "http://sns.eu-central-1.amazonaws.com",
    "https://sns.eu-central-1.amazonaws.com.evil.example",
    "https://evil.example/sns.eu-central-1.amazonaws.com",
    "https://sns.eu-central-1.amazonaws.com@evil.example",
    "https://evil.example@sns.eu-central-1.amazonaws.com",
    "https://sns.eu-central-1.amazonaws.com:8443",
    "https://sns.eu-central-1.amazonaws.com\\@evil.example",
    "https://sns.eu-central-1.amazonaws.com\n.evil.example",
    "https://evil.example#.sns.eu-central-1.amazonaws.com",
    "https://sns.a.b.amazonaws.com",
    "https://s3.eu-central-1.amazonaws.com",
    "https://sns-eu-central-1.amazonaws.com",
    "https://xsns.eu-central-1.amazonaws.com",
    "https://sns.eu-central-1.amazonaws.com.",
    "https://127.0.0.1",
    "https://[::1]",
    "https://[",
    "file://sns.eu-central-1.amazonaws.com",
    "//sns.eu-central-1.amazonaws.com",
    "",
    "https://sns.eu-central-1.amazon\u0430ws.com",
]


@pytest.mark.parametrize(
    "home", [HOME, "https://sns.cn-north-1.amazonaws.com.cn", "https://sns.us-gov-west-1.amazonaws.com"]
)
def test_hosts_of_amazon_are_believed(home: str) -> None:
    assert is_certificate_address(home + CERTIFICATE, base=None)
    assert is_confirmation_address(home + CONFIRMATION, base=None)


@pytest.mark.parametrize("elsewhere", NOT_AMAZON)
def test_no_other_host_is_ever_asked(elsewhere: str) -> None:
    assert not is_certificate_address(elsewhere + CERTIFICATE, base=None)
    assert not is_confirmation_address(elsewhere + CONFIRMATION, base=None)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/other.pem",
        "/SimpleNotificationService-0123abcd.pem?Action=Publish",
        "/SimpleNotificationService-../x.pem",
        "/a/SimpleNotificationService-0123abcd.pem",
        "/SimpleNotificationService-0123abcd.pem/../x",
        "/?Action=ConfirmSubscription",
    ],
)
def test_only_a_certificate_is_fetched_as_one(path: str) -> None:
    assert not is_certificate_address(HOME + path, base=None)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        CERTIFICATE,
        "/?Action=Unsubscribe&SubscriptionArn=a",
        "/?Action=Publish&Action=ConfirmSubscription",
        "/x?Action=ConfirmSubscription",
        "/?action=ConfirmSubscription",
    ],
)
def test_only_a_confirmation_is_called_as_one(path: str) -> None:
    assert not is_confirmation_address(HOME + path, base=None)


def test_a_rehearsal_takes_the_place_of_amazon_and_of_nobody_else() -> None:
    assert is_certificate_address(REHEARSAL + CERTIFICATE, base=REHEARSAL)
    assert is_confirmation_address(REHEARSAL + CONFIRMATION, base=REHEARSAL)
    assert is_certificate_address(f"{REHEARSAL}/aws{CERTIFICATE}", base=f"{REHEARSAL}/aws")
    for url in (HOME, f"{REHEARSAL}9", f"{REHEARSAL}@evil.example"):
        assert not is_certificate_address(url + CERTIFICATE, base=REHEARSAL)
        assert not is_confirmation_address(url + CONFIRMATION, base=REHEARSAL)
