"""Recipients in their one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.recipients import normalise
from sentinel.channels.registry import CHANNELS
from sentinel.errors import InvalidInputError


@pytest.mark.parametrize(
    ("recipient", "normal"),
    [
        ("+91-9876543210", "+919876543210"),
        ("+14155552671", "+14155552671"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("  +44 20 7946 0958 ", "+442079460958"),
        ("+15005550001", "+15005550001"),
        ("+15005550009", "+15005550009"),
        ("+15005550006", "+15005550006"),
    ],
)
def test_a_phone_number_becomes_e164(recipient: str, normal: str) -> None:
    assert normalise("sms", recipient) == normal


@pytest.mark.parametrize(
    "recipient",
    ["", "12345", "nope", "+", "+1", "+1415", "4155552671", "0044 20 7946 0958", "+999999999999", "+1415555267112345",
     "+14155552671 ext. 5", "+14155552671;ext=5", "oncall@example.com", "+" + "1" * 500, "+1415\x00"],
)  # fmt: skip
def test_what_cannot_be_a_phone_number_is_refused(recipient: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalise("sms", recipient)

    error = refused.value.errors[0]
    assert error.field == "recipient"
    assert recipient[:100] in error.value
    assert len(error.value) <= 101
    assert "+14155552671" in error.remedy


@pytest.mark.parametrize(
    ("recipient", "normal"),
    [
        ("oncall@example.com", "oncall@example.com"),
        ("On.Call+disk@EXAMPLE.Com", "On.Call+disk@example.com"),
        ("  a@example.test ", "a@example.test"),
        ("a@sub.domain.example.org", "a@sub.domain.example.org"),
        ("a@bücher.example.com", "a@xn--bcher-kva.example.com"),
    ],
)
def test_a_mail_address_keeps_all_but_the_domains_case(recipient: str, normal: str) -> None:
    assert normalise("email", recipient) == normal


@pytest.mark.parametrize(
    "recipient",
    ["", "a", "a@", "@example.com", "a@b@example.com", "Name <a@example.com>", "a@example.com, b@example.com",
     "a@example.com\nBcc: b@example.com", "a b@example.com", "ü@example.com", '"a b"@example.com', "a@[127.0.0.1]",
     "a" * 300 + "@example.com", "a@localhost", "a@example..com"],
)  # fmt: skip
def test_what_is_not_one_bare_address_is_refused(recipient: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalise("email", recipient)

    error = refused.value.errors[0]
    assert (error.field, error.value[:100]) == ("recipient", recipient[:100])
    assert "oncall@example.com" in error.remedy


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalise("pigeon", "+14155552671")

    error = refused.value.errors[0]
    assert (error.field, error.value) == ("channel", "pigeon")
    assert "sms, email, slack, webhook, inbox" in error.remedy


@given(st.sampled_from(CHANNELS), st.text(max_size=80))
def test_any_text_is_normalised_or_refused_and_never_an_exception(channel: str, recipient: str) -> None:
    try:
        normal = normalise(channel, recipient)
    except InvalidInputError:
        return
    assert normalise(channel, normal) == normal


@given(st.from_regex(r"\+(1[2-9][0-9]{9}|91[6-9][0-9]{9}|49[1-9][0-9]{8})", fullmatch=True), st.data())
def test_spaces_dashes_and_brackets_do_not_matter(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=2, max_value=len(number) - 1))
    mark = data.draw(st.sampled_from([" ", "-", ".", " - "]))

    assert normalise("sms", number[:place] + mark + number[place:]) == normalise("sms", number)


@given(st.emails())
def test_what_hypothesis_calls_an_address_is_stable_or_refused(address: str) -> None:
    try:
        normal = normalise("email", address)
    except InvalidInputError:
        return
    assert normalise("email", normal) == normal
    assert normal.rpartition("@")[0] == address.rpartition("@")[0]
    assert normal.rpartition("@")[2] == normal.rpartition("@")[2].lower()
