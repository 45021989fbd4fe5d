"""A preview is what the channel would send, from the channel's own hand."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.channels.registry import CHANNELS
from sentinel.errors import InvalidInputError
from sentinel.rendering import TemplateError, Wording
from sentinel.services import previews
from sentinel.services.previews import Preview
from sentinel.services.unit_of_work import unit_of_work

CUSTOMER = Wording("{{ name }} of {{ source }}", "{{ event.customer.name }} could not pay <{{ event.amount }}>.")


def preview(channel: str, wording: Wording | None = CUSTOMER, event: dict[str, Any] | None = None) -> Preview:
    with unit_of_work() as uow:
        return previews.of_wording(uow, "shop", channel, wording, event)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_can_show_the_built_in_wording(channel: str) -> None:
    found = preview(channel, None)

    assert "payments/card_declined" in (found.subject or found.message.body)
    assert found.message.recipient


def test_a_text_message_has_segments_and_no_subject() -> None:
    found = preview("sms")

    assert (found.subject, found.message.body) == (None, "Ada could not pay <750>.")
    assert found.segments is not None
    assert (found.segments.count, found.segments.alphabet, found.foreign) == (1, "GSM-7", "")
    assert preview("sms", Wording(None, "“{{ name }}” failed")).foreign == "“"


def test_a_mail_has_a_page_where_it_has_a_severity_and_nothing_in_it_is_markup() -> None:
    page = preview("email").page

    assert page is not None
    assert "&lt;750&gt;" in page
    assert preview("email", event={"type": "note"}).page is None


def test_slack_and_webhooks_show_what_would_be_posted() -> None:
    slack, webhook = preview("slack").payload, preview("webhook").payload

    assert slack is not None
    assert webhook is not None
    assert slack["text"] == "card_declined of payments"
    assert slack["attachments"][0]["text"] == "Ada could not pay &lt;750&gt;."
    assert (webhook["data"]["body"], webhook["data"]["event"]["amount"]) == ("Ada could not pay <750>.", 750)


def test_what_is_wrong_with_a_wording_is_said_with_its_line() -> None:
    with pytest.raises(TemplateError) as refused:
        preview("sms", Wording(None, "fine\n{{ event.amount | rond }}"))

    assert (refused.value.errors[0].field, refused.value.line) == ("body", 2)


@pytest.mark.parametrize(("text", "words"), [("{", "is no JSON: line 1"), ("[1]", "is no JSON object")])
def test_an_event_that_cannot_be_read_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        previews.event_of(text)

    assert words in refused.value.errors[0].message


def test_an_event_that_somebody_wrote_is_read_and_none_is_none() -> None:
    assert previews.event_of('{"amount": 7}') == {"amount": 7}
    assert previews.event_of(" \n") is None
