"""The stand-ins report about what they accepted: signed, in order, repeated, and only when asked to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from twilio.request_validator import RequestValidator

from sentinel.stand_ins import AUTH_TOKEN, News, ProviderStandIn, raw, reset
from tests.unit.channels.conftest import http_settings, mail, send, sms

SOME_ID = "0193b0a0-0000-7000-8000-000000000001"


@pytest.fixture
def listener() -> Iterator[ProviderStandIn]:
    """Takes whatever is reported below /hooks/open."""
    with ProviderStandIn() as found:
        found.always(raw(204))
        yield found


def wait_for(stand_in: ProviderStandIn, count: int) -> list[int]:
    deadline = time.monotonic() + 10
    while len(stand_in.report_answers) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return stand_in.report_answers


def test_twilio_reports_signed_in_order_and_as_often_as_wanted(
    stand_in: ProviderStandIn, listener: ProviderStandIn
) -> None:
    stand_in.report(News("sent"), News("undelivered", code=30003, times=2))

    (receipt,) = send(http_settings(stand_in.url, public_base_url=f"{listener.url}/hooks/open"), sms(id=SOME_ID))

    assert wait_for(stand_in, 3) == [204, 204, 204]
    heard = [(entry.body["MessageStatus"], entry.body.get("ErrorCode")) for entry in listener.entries]
    assert heard == [("sent", None), ("undelivered", "30003"), ("undelivered", "30003")]
    for entry in listener.entries:
        assert entry.path == f"/hooks/open/callbacks/twilio?notification_id={SOME_ID}"
        assert entry.body["MessageSid"] == receipt.provider_message_id
        signature = entry.headers["x-twilio-signature"]
        assert RequestValidator(AUTH_TOKEN).validate(listener.url + entry.path, entry.body, signature)


def test_what_was_accepted_and_not_answered_is_reported_too(
    stand_in: ProviderStandIn, listener: ProviderStandIn
) -> None:
    stand_in.script(reset())
    stand_in.report(News("sent"))

    send(http_settings(stand_in.url, public_base_url=f"{listener.url}/hooks/open"), sms(id=SOME_ID))

    assert wait_for(stand_in, 1) == [204]


def test_each_message_to_a_recipient_has_a_story_of_its_own_and_the_last_one_stays(
    stand_in: ProviderStandIn, listener: ProviderStandIn
) -> None:
    to = sms(id=SOME_ID).recipient
    stand_in.report(News("undelivered", code=30003), recipient=to)
    stand_in.report(News("delivered"), recipient=to)
    settings = http_settings(stand_in.url, public_base_url=f"{listener.url}/hooks/open")

    for sent in (1, 2, 3):
        send(settings, sms(id=SOME_ID))
        wait_for(stand_in, sent)

    assert [entry.body["MessageStatus"] for entry in listener.entries] == ["undelivered", "delivered", "delivered"]


def test_events_that_happen_together_come_in_one_signed_request(
    stand_in: ProviderStandIn, listener: ProviderStandIn
) -> None:
    events = f"{listener.url}/hooks/open/events"
    stand_in.report(News("processed"), News("delivered", times=2), News("open", after_seconds=0.05), event_url=events)

    send(http_settings(stand_in.url), mail(id=SOME_ID))

    assert wait_for(stand_in, 2) == [204, 204]
    assert all("x-twilio-email-event-webhook-signature" in entry.headers for entry in listener.entries)


def test_nobody_reports_unless_asked_to(stand_in: ProviderStandIn, listener: ProviderStandIn) -> None:
    send(http_settings(stand_in.url, public_base_url=f"{listener.url}/hooks/open"), sms(id=SOME_ID), mail(id=SOME_ID))

    time.sleep(0.2)
    assert (listener.entries, stand_in.report_answers) == ([], [])


def test_a_listener_that_is_away_stops_nothing(stand_in: ProviderStandIn) -> None:
    stand_in.report(News("sent"), News("delivered"))

    send(http_settings(stand_in.url, public_base_url="http://127.0.0.1:1"), sms(id=SOME_ID))

    assert wait_for(stand_in, 2) == [0, 0]
