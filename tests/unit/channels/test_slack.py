"""Slack: its error words, its webhooks' answers, the form of a message."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.colours import COLOURS, NEUTRAL, colour_of
from sentinel.channels.slack_answers import ERRORS, WEBHOOK_ANSWERS
from sentinel.channels.slack_payload import payload
from sentinel.stand_ins import (
    BOT_TOKEN,
    Fault,
    ProviderStandIn,
    delayed,
    rate_limited,
    raw,
    redirect,
    refused_by_slack,
    reset,
    silence,
)
from tests.unit.channels.conftest import SLACK, http_settings, make_settings, send, slack

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"

# Written down here a second time on purpose: the tables of the program must not change by accident.
EXPECTED = {
    Outcome.RETRY: "ratelimited rate_limited request_timeout service_unavailable team_added_to_org",
    Outcome.AMBIGUOUS: "fatal_error internal_error",
    Outcome.RECIPIENT: "cannot_dm_bot channel_not_found is_archived messages_tab_disabled not_in_channel "
    "restricted_action_read_only_channel restricted_action_thread_only_channel user_not_found",
    Outcome.MESSAGE: "attachment_payload_limit_exceeded invalid_arguments invalid_attachments invalid_json "
    "invalid_metadata_format msg_too_long no_text too_many_attachments",
    Outcome.CONFIG: "access_denied accesslimited account_inactive deprecated_endpoint ekm_access_denied "
    "enterprise_is_restricted invalid_auth method_deprecated missing_scope no_permission not_allowed_token_type "
    "not_authed org_login_required restricted_action team_access_not_granted token_expired token_revoked "
    "two_factor_setup_required unknown_method",
    Outcome.QUOTA: "message_limit_exceeded",
}
ROWS = [(word, outcome) for outcome, words in EXPECTED.items() for word in words.split()]
FOR_ONE_CHANNEL = {"no_permission", "restricted_action", "ratelimited", "rate_limited"}

WEBHOOK_ROWS = [
    (400, "invalid_payload", Outcome.MESSAGE, "invalid_request"),
    (400, "invalid_blocks", Outcome.MESSAGE, "invalid_request"),
    (400, "too_many_attachments", Outcome.MESSAGE, "invalid_request"),
    (400, "no_text", Outcome.MESSAGE, "empty_body"),
    (400, "missing_text_or_fallback_or_attachments", Outcome.MESSAGE, "empty_body"),
    (400, "user_not_found", Outcome.RECIPIENT, "user_not_found"),
    (403, "action_prohibited", Outcome.CONFIG, "restricted_action"),
    (403, "posting_to_general_channel_denied", Outcome.CONFIG, "restricted_action"),
    (403, "invalid_token", Outcome.RECIPIENT, "endpoint_gone"),
    (403, "team_disabled", Outcome.RECIPIENT, "endpoint_gone"),
    (404, "no_active_hooks", Outcome.RECIPIENT, "endpoint_gone"),
    (404, "no_service", Outcome.RECIPIENT, "endpoint_gone"),
    (404, "no_service_id", Outcome.RECIPIENT, "endpoint_gone"),
    (404, "no_team", Outcome.RECIPIENT, "endpoint_gone"),
    (404, "channel_not_found", Outcome.RECIPIENT, "channel_not_found"),
    (410, "channel_is_archived", Outcome.RECIPIENT, "channel_archived"),
    (429, "rate_limited", Outcome.RETRY, "rate_limited"),
    (500, "rollup_error", Outcome.AMBIGUOUS, "server_error"),
]
WEBHOOK_STATUSES = [
    (302, Outcome.MESSAGE),
    (400, Outcome.MESSAGE),
    (401, Outcome.RECIPIENT),
    (403, Outcome.RECIPIENT),
    (404, Outcome.RECIPIENT),
    (410, Outcome.RECIPIENT),
    (418, Outcome.MESSAGE),
    (429, Outcome.RETRY),
    (500, Outcome.AMBIGUOUS),
    (502, Outcome.AMBIGUOUS),
    (503, Outcome.RETRY),
]


def test_the_table_has_these_rows_and_no_others() -> None:
    assert {word: ruling.outcome for word, ruling in ERRORS.items()} == dict(ROWS)


@pytest.mark.parametrize(("word", "outcome"), ROWS)
def test_each_error_has_its_outcome(stand_in: ProviderStandIn, word: str, outcome: Outcome) -> None:
    receipt = SLACK.receipt(stand_in, refused_by_slack(word))

    assert (receipt.outcome, receipt.provider_code, receipt.http_status) == (outcome, word, 200)
    assert (receipt.reason, receipt.detail) == (ERRORS[word].reason, word)
    assert (receipt.hint or "").endswith("https://docs.slack.dev/reference/methods/chat.postMessage")
    if outcome in {Outcome.CONFIG, Outcome.QUOTA, Outcome.RETRY}:
        assert receipt.is_account_wide == (word not in FOR_ONE_CHANNEL)


@pytest.mark.parametrize("word", sorted(ERRORS))
def test_each_error_is_in_the_reference(word: str) -> None:
    assert _documented(word) == [(ERRORS[word].outcome.value, ERRORS[word].reason)]


def test_an_error_nobody_told_us_of_is_the_messages(stand_in: ProviderStandIn) -> None:
    receipt = SLACK.receipt(stand_in, refused_by_slack("made_up_tomorrow"))

    assert (receipt.outcome, receipt.reason, receipt.provider_code) == (Outcome.MESSAGE, "refused", "made_up_tomorrow")


def test_what_slack_adds_is_kept(stand_in: ProviderStandIn) -> None:
    scope = SLACK.receipt(stand_in, refused_by_slack("missing_scope", needed="chat:write", provided="links:read"))
    field = SLACK.receipt(
        stand_in, refused_by_slack("invalid_arguments", response_metadata={"messages": ["[ERROR] no channel", 7]})
    )

    assert scope.detail == "missing_scope; chat:write"
    assert field.detail == "invalid_arguments; [ERROR] no channel"


def test_an_accepted_message_has_channel_and_moment_as_its_id(stand_in: ProviderStandIn) -> None:
    receipt = SLACK.receipt(stand_in)

    assert (receipt.outcome, receipt.http_status) == (Outcome.OK, 200)
    assert re.fullmatch(r"C[0-9A-F]{8}/\d+\.\d{6}", receipt.provider_message_id or "")
    assert receipt.provider_message_id == stand_in.entries[0].message_id


@pytest.mark.parametrize(
    "answer",
    [raw(200), raw(200, "<html>welcome</html>"), raw(200, '{"ok": "true"}'), raw(200, "[]"), Fault(ending="truncated")],
    ids=["empty", "html", "a word", "a list", "cut off"],
)
def test_a_200_that_cannot_be_read_says_nothing(stand_in: ProviderStandIn, answer: Fault) -> None:
    receipt = SLACK.receipt(stand_in, answer)

    assert (receipt.outcome, receipt.reason, receipt.http_status) == (Outcome.AMBIGUOUS, "unreadable_answer", 200)


def test_too_many_requests_hold_up_one_channel_only(stand_in: ProviderStandIn) -> None:
    receipt = SLACK.receipt(stand_in, rate_limited(Retry_After="7"))

    assert (receipt.outcome, receipt.retry_after_seconds, receipt.is_account_wide) == (Outcome.RETRY, 7, False)


def test_without_a_token_only_the_message_fails_and_nothing_is_sent(stand_in: ProviderStandIn) -> None:
    settings = http_settings(stand_in.url, slack_bot_token=None, slack_provider="slack")

    channel, webhook = send(settings, slack(), slack(f"{stand_in.url}/services/T1/B1/x"))

    assert (channel.outcome, channel.reason, channel.is_account_wide) == (Outcome.CONFIG, "token_missing", False)
    assert "SLACK_BOT_TOKEN" in (channel.hint or "")
    assert webhook.outcome == Outcome.OK
    assert [entry.path for entry in stand_in.entries] == ["/services/T1/B1/x"]


def test_the_request_carries_the_token_the_channel_and_our_id(stand_in: ProviderStandIn) -> None:
    send(http_settings(stand_in.url), slack("C024BE91L", id="0199-7"))

    entry = stand_in.entries[0]
    assert (entry.path, entry.headers["authorization"]) == ("/api/chat.postMessage", f"Bearer {BOT_TOKEN}")
    assert (entry.body["channel"], entry.body["text"]) == ("C024BE91L", "disk is full")
    assert entry.body["metadata"]["event_payload"] == {"notification_id": "0199-7"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (slack(body="two\nlines"), "two\nlines"),
        (slack(body="all of it", subject="Disk"), "*Disk*\nall of it"),
        (slack(body="<!channel> a & b > c"), "&lt;!channel&gt; a &amp; b &gt; c"),
        (slack(body="x", subject="<@U1>"), "*&lt;@U1&gt;*\nx"),
    ],
)
def test_a_message_without_severity_is_its_text_with_nothing_smuggled_in(message: Message, text: str) -> None:
    assert payload(message) == {"text": text, "unfurl_links": False, "unfurl_media": False}


def test_a_message_with_severity_has_its_colour() -> None:
    said = payload(slack(body="Node <1> & 2", subject="Down & out", severity="critical", id="n-7"))

    (attachment,) = said["attachments"]
    assert said["text"] == attachment["fallback"] == "Down &amp; out"
    assert (attachment["color"], attachment["text"]) == (COLOURS["critical"], "Node &lt;1&gt; &amp; 2")
    assert attachment["fields"] == [{"title": "Severity", "value": "critical", "short": True}]
    assert "n-7" in attachment["footer"]


@pytest.mark.parametrize(
    ("body", "headline", "text"),
    [("disk is full", "disk is full", ""), ("first\nsecond", "first", "first\nsecond")],
)
def test_a_headline_is_not_said_twice(body: str, headline: str, text: str) -> None:
    said = payload(slack(body=body, severity="low"))

    assert (said["text"], said["attachments"][0]["text"]) == (headline, text)


def test_every_severity_has_a_colour_and_other_words_a_neutral_one() -> None:
    assert set(COLOURS) == {"critical", "high", "medium", "low"}
    assert colour_of("HIGH") == COLOURS["high"]
    assert colour_of("urgent") == NEUTRAL


# --- incoming webhooks ----------------------------------------------------------------------------------------------


def hooked(stand_in: ProviderStandIn, *faults: Fault, **overrides: Any) -> Receipt:
    stand_in.script(*faults)
    message = slack(f"{stand_in.url}/services/T1/B1/secret-part")
    return send(http_settings(stand_in.url, **overrides), message)[0]


def test_a_webhook_gets_the_same_form_and_no_token(stand_in: ProviderStandIn) -> None:
    receipt = hooked(stand_in)

    assert (receipt.outcome, receipt.provider_message_id, receipt.detail) == (Outcome.OK, None, "ok")
    assert "authorization" not in stand_in.entries[0].headers
    assert stand_in.entries[0].body == payload(slack())


def test_the_webhooks_table_has_these_rows_and_no_others() -> None:
    assert {word for _, word, _, _ in WEBHOOK_ROWS} == set(WEBHOOK_ANSWERS)


@pytest.mark.parametrize(("status", "word", "outcome", "reason"), WEBHOOK_ROWS)
def test_each_answer_of_a_webhook_has_its_outcome(
    stand_in: ProviderStandIn, status: int, word: str, outcome: Outcome, reason: str
) -> None:
    receipt = hooked(stand_in, raw(status, word))

    assert (receipt.outcome, receipt.reason, receipt.http_status) == (outcome, reason, status)
    assert not receipt.is_account_wide
    assert "docs.slack.dev" in (receipt.hint or "")
    assert (outcome.value, reason) in _documented(word)


@pytest.mark.parametrize(("status", "outcome"), WEBHOOK_STATUSES)
def test_an_answer_without_a_known_word_is_judged_by_its_status(
    stand_in: ProviderStandIn, status: int, outcome: Outcome
) -> None:
    receipt = hooked(stand_in, raw(status, "<html>"))

    assert (receipt.outcome, receipt.is_account_wide) == (outcome, False)


@pytest.mark.parametrize("body", ['{"retry_after": 3, "ok": false, "error": "rate_limited"}', "rate_limited", ""])
def test_a_webhook_that_asks_for_patience_gets_it(stand_in: ProviderStandIn, body: str) -> None:
    receipt = hooked(stand_in, raw(429, body, Retry_After="3"))

    assert (receipt.outcome, receipt.reason, receipt.retry_after_seconds) == (Outcome.RETRY, "rate_limited", 3)


@pytest.mark.parametrize(("fault", "reason"), [(reset(), "connection_reset"), (silence(), "read_timeout")])
def test_a_webhook_without_an_answer_is_in_doubt(stand_in: ProviderStandIn, fault: Fault, reason: str) -> None:
    receipt = hooked(stand_in, fault, read_timeout_seconds=0.3)

    assert (receipt.outcome, receipt.reason) == (Outcome.AMBIGUOUS, reason)


def test_a_redirect_of_a_webhook_is_not_followed(stand_in: ProviderStandIn) -> None:
    assert hooked(stand_in, redirect()).outcome == Outcome.MESSAGE
    assert [entry.method for entry in stand_in.entries] == ["POST"]


def test_a_webhooks_url_is_not_repeated_in_a_receipt(stand_in: ProviderStandIn) -> None:
    receipt = hooked(stand_in, raw(400, f"no such page: {stand_in.url}/services/T1/B1/secret-part"))

    assert "secret-part" not in repr(receipt)


def test_the_sandbox_takes_messages_to_slack_too() -> None:
    message = replace(slack(), recipient="https://hooks.slack.com/services/T1/B1/x")

    receipts = send(make_settings(), slack(), message)

    assert [receipt.detail for receipt in receipts] == ["SIMULATED: nothing was sent"] * 2


def test_a_slow_answer_within_the_timeout_is_an_answer(stand_in: ProviderStandIn) -> None:
    assert hooked(stand_in, delayed(0.2)).outcome == Outcome.OK


def _documented(word: str) -> list[tuple[str, str]]:
    rows = re.findall(rf"^\| `{word}` \| (\w+) \| `(\w+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted(set(rows))


@pytest.mark.parametrize("severity", [None, "high"])
def test_a_link_stands_below_the_text(severity: str | None) -> None:
    said = payload(slack(link="https://s.example/t/abc", severity=severity))

    text = said["attachments"][0]["text"] if severity else said["text"]
    assert text == "disk is full\n<https://s.example/t/abc|Acknowledge, snooze or resolve>"
