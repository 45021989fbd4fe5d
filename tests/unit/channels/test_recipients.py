"""Recipients in their one form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.recipients import normalise
from sentinel.channels.registry import CHANNELS
from sentinel.errors import FieldError, InvalidInputError
from sentinel.settings import get_settings


@pytest.fixture
def configure_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Settings by environment variable: what may be a recipient depends on some of them."""

    def apply(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    return apply


def refusal_of(channel: str, recipient: str) -> FieldError:
    with pytest.raises(InvalidInputError) as refused:
        normalise(channel, recipient)
    return refused.value.errors[0]


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


@pytest.mark.parametrize(
    ("recipient", "normal"),
    [
        ("#ops", "#ops"),
        (" #Big-Orders ", "#big-orders"),
        ("#général_2", "#général_2"),
        ("C024BE91L", "C024BE91L"),
        ("U061F7AUR", "U061F7AUR"),
        ("https://hooks.slack.com/services/T0/B0/aBc", "https://hooks.slack.com/services/T0/B0/aBc"),
        ("HTTPS://Hooks.Slack.COM:443/services/T0/B0/aBc", "https://hooks.slack.com/services/T0/B0/aBc"),
        ("https://hooks.slack-gov.com/services/T0/B0/aBc", "https://hooks.slack-gov.com/services/T0/B0/aBc"),
    ],
)
def test_a_slack_target_has_one_spelling(recipient: str, normal: str) -> None:
    assert normalise("slack", recipient) == normal


@pytest.mark.parametrize(
    "recipient",
    ["", "ops", "#", "#a b", "#" + "x" * 81, "#<!channel>", "@anna", "c024be91l", "X024BE91L", "C1", "C" + "1" * 30,
     "https://slack.com/services/T0/B0/aBc", "https://hooks.slack.com", "http://hooks.slack.com/services/T0/B0/aBc",
     "https://hooks.slack.com.example.com/services/x", "https://hooks.slack.com:8443/services/x",
     "https://hooks.slack.com@example.com/services/x", "https://example.com/services/T0/B0/aBc"],
)  # fmt: skip
def test_what_is_no_slack_target_is_refused(recipient: str) -> None:
    error = refusal_of("slack", recipient)

    assert (error.field, error.value[:100]) == ("recipient", recipient[:100])
    assert error.remedy


def test_a_rehearsals_slack_may_be_a_webhook_too(
    configure_environment: Callable[..., None],
) -> None:
    configure_environment(SLACK_API_BASE_URL="http://127.0.0.1:9000/api")

    assert normalise("slack", "http://127.0.0.1:9000/services/x") == "http://127.0.0.1:9000/services/x"
    assert refusal_of("slack", "http://127.0.0.1:9001/services/x").field == "recipient"


@pytest.mark.parametrize(
    ("recipient", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        (" HTTPS://Example.COM:443/Hooks?a=B ", "https://example.com/Hooks?a=B"),
        ("http://example.com:80/x", "http://example.com/x"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://134744072/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/x", "https://[2606:4700:4700::1111]/x"),
        ("https://xn--bcher-kva.example/x?q=%C3%BC&r=~", "https://xn--bcher-kva.example/x?q=%C3%BC&r=~"),
    ],
)
def test_a_webhook_has_one_spelling(recipient: str, normal: str) -> None:
    assert normalise("webhook", recipient) == normal


@pytest.mark.parametrize(
    "recipient",
    ["", "example.com", "ftp://example.com/", "https://", "https:///x", "https://user:pw@example.com/", "https://@example.com/",
     "https://example.com/#part", "https://example.com/#", "https://example.com:99999/", "https://example.com:0/",
     "https://example.com/a b", "https://example.com\\@127.0.0.1/", "https://bücher.example/", "https://exa mple.com/",
     "https://-a.example/", "https://a..example/", "https://" + "a" * 1600 + ".example/", "https://example.com/\n/x",
     "https://[::1%25eth0]/", "https://1.2.3.4.5/"],
)  # fmt: skip
def test_what_is_no_url_of_a_webhook_is_refused(recipient: str) -> None:
    error = refusal_of("webhook", recipient)

    assert (error.field, error.value[:100]) == ("recipient", recipient[:100])
    assert error.remedy


def test_a_url_may_have_1600_characters_and_no_more() -> None:
    longest = "https://example.com/" + "a" * 1580

    assert normalise("webhook", longest) == longest
    assert "longer than 1600" in refusal_of("webhook", longest + "a").message


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0x7f000001", "2130706433",
     "0177.0.0.1", "127.1", "0", "[::1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[fd00:ec2::254]", "[fe80::1]"],
)  # fmt: skip
def test_a_webhook_at_a_private_address_is_refused_unless_its_network_is_named(
    host: str, configure_environment: Callable[..., None]
) -> None:
    error = refusal_of("webhook", f"https://{host}/x")
    assert "SENTINEL_WEBHOOK_PRIVATE_NETWORKS" in error.remedy

    configure_environment(SENTINEL_WEBHOOK_PRIVATE_NETWORKS="0.0.0.0/0,::/0")
    assert normalise("webhook", f"https://{host}/x").endswith("/x")


def test_in_production_an_unencrypted_webhook_is_refused_unless_it_may_stay_inside(
    configure_environment: Callable[..., None],
) -> None:
    configure_environment(SENTINEL_ENV="production")
    assert "https://" in refusal_of("webhook", "http://example.com/x").remedy
    assert "https://" in refusal_of("webhook", "http://8.8.8.8/x").remedy
    assert normalise("webhook", "https://example.com/x")

    configure_environment(SENTINEL_WEBHOOK_PRIVATE_NETWORKS="10.1.0.0/16")
    assert normalise("webhook", "http://10.1.0.7/x")
    assert normalise("webhook", "http://inside.example.com/x")  # where it leads is judged when we connect
    assert refusal_of("webhook", "http://8.8.8.8/x").field == "recipient"


@pytest.mark.parametrize(("recipient", "normal"), [("user-17", "user-17"), ("  Änne ", "Änne"), ("x" * 255, "x" * 255)])
def test_an_inbox_belongs_to_a_user_id(recipient: str, normal: str) -> None:
    assert normalise("inbox", recipient) == normal


@pytest.mark.parametrize("recipient", ["", "  ", "x" * 256, "a\nb", "a\x00", "a\u200fb"])
def test_what_cannot_be_a_user_id_is_refused(recipient: str) -> None:
    assert "255" in refusal_of("inbox", recipient).remedy


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        normalise("pigeon", "+14155552671")

    error = refused.value.errors[0]
    assert (error.field, error.value) == ("channel", "pigeon")
    assert "sms, email, slack, webhook, push, inbox" in error.remedy


@given(st.sampled_from(CHANNELS), st.text(max_size=80))
def test_any_text_is_normalised_or_refused_and_never_an_exception(channel: str, recipient: str) -> None:
    try:
        normal = normalise(channel, recipient)
    except InvalidInputError:
        return
    assert normalise(channel, normal) == normal


URLS = st.from_regex(
    r"https?://[a-z0-9.:\[\]-]{1,30}(/[!-~]{0,20})?", fullmatch=True, alphabet=st.characters(max_codepoint=127)
)


@given(URLS)
def test_a_url_is_stable_or_refused_and_never_an_exception(url: str) -> None:
    try:
        normal = normalise("webhook", url)
    except InvalidInputError:
        return
    assert normalise("webhook", normal) == normal


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
