"""Twilio's list of messages: what is found there of a send in doubt, and when nothing can be concluded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sentinel.channels.base import Finding, LooksUp, Question
from sentinel.channels.inquiry import Inquiry
from sentinel.channels.twilio_lookup import MOST_PAGES, PAGE_SIZE
from sentinel.stand_ins import (
    ACCOUNT_SID,
    Fault,
    ProviderProcess,
    ProviderStandIn,
    raw,
    refused,
    reset,
    reset_unread,
    silence,
)
from sentinel.stand_ins.messages import AUTH_TOKEN
from tests.unit.channels.conftest import built_providers, close_all, http_settings, send, sms

SERVICE = "MG" + "0" * 32


def ask(
    stand_in: ProviderStandIn | ProviderProcess, *questions: Question, deadline: float = 20.0, **overrides: Any
) -> list[Finding]:
    """What Twilio's provider finds."""

    async def run() -> list[Finding]:
        providers = built_providers(http_settings(stand_in.url, **overrides))
        provider = providers["sms"]
        assert isinstance(provider, LooksUp)
        try:
            return await Inquiry(provider, deadline_seconds=deadline).run(questions)
        finally:
            await close_all(providers)

    return asyncio.run(run())


def doubt(body: str = "disk is full", recipient: str = "+14155552671", *, seconds_ago: float = 1) -> Question:
    return Question(sms(recipient, body), datetime.now(UTC) - timedelta(seconds=seconds_ago))


def listed(*messages: dict[str, Any]) -> Fault:
    """A page of Twilio's list with these messages."""
    usual = {
        "sid": "SM1",
        "to": "+14155552671",
        "from": "+15005550006",
        "direction": "outbound-api",
        "body": "disk is full",
        "date_created": format_datetime(datetime.now(UTC)),
        "messaging_service_sid": None,
        "status": "sent",
    }
    return raw(200, json.dumps({"messages": [usual | each for each in messages], "next_page_uri": None}))


def sids(finding: Finding) -> list[str]:
    return [each.provider_message_id for each in finding.sightings]


def test_a_message_that_was_taken_without_an_answer_is_found(stand_in: ProviderStandIn) -> None:
    stand_in.script(reset())
    assert send(http_settings(stand_in.url), sms())[0].reason == "connection_reset"

    (finding,) = ask(stand_in, doubt())

    assert sids(finding) == [stand_in.entries[0].message_id]
    assert abs((finding.sightings[0].accepted_at - datetime.now(UTC)).total_seconds()) < 5
    assert finding.trouble is None


def test_a_message_that_never_arrived_is_not_found(stand_in: ProviderStandIn) -> None:
    stand_in.script(reset_unread(), refused(500, 20500))
    send(http_settings(stand_in.url), sms(), sms(), at_once=1)

    assert ask(stand_in, doubt()) == [Finding()]


@pytest.mark.parametrize("other", [sms(body="disk is empty"), sms("+14155552672")])
def test_other_texts_and_other_numbers_are_not_taken_for_it(stand_in: ProviderStandIn, other: Any) -> None:
    send(http_settings(stand_in.url), other)

    assert ask(stand_in, doubt()) == [Finding()]


def test_what_is_older_than_the_doubt_is_not_taken_for_it(stand_in: ProviderStandIn) -> None:
    old = format_datetime(datetime.now(UTC) - timedelta(minutes=5))
    stand_in.script_lookups(listed({"date_created": old}), listed({"date_created": "soon"}), listed({}))

    findings = [ask(stand_in, doubt())[0] for _ in range(3)]

    assert [sids(finding) for finding in findings] == [[], [], ["SM1"]]


def test_clocks_may_differ_by_a_minute(stand_in: ProviderStandIn) -> None:
    stand_in.script_lookups(listed({"date_created": format_datetime(datetime.now(UTC) - timedelta(seconds=50))}))

    assert sids(ask(stand_in, doubt())[0]) == ["SM1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "Sent from your Twilio trial account - disk is full"},
        {"body": " disk  is\r\nfull "},
        {"status": "failed"},
        {"status": "undelivered"},
    ],
)
def test_what_twilio_adds_or_says_of_it_later_does_not_hide_it(
    stand_in: ProviderStandIn, changes: dict[str, str]
) -> None:
    stand_in.script_lookups(listed(changes))

    assert sids(ask(stand_in, doubt())[0]) == ["SM1"]


@pytest.mark.parametrize("changes", [{"direction": "inbound"}, {"direction": "outbound-reply"}, {"sid": None}])
def test_what_the_api_did_not_send_is_not_taken_for_it(stand_in: ProviderStandIn, changes: dict[str, Any]) -> None:
    stand_in.script_lookups(listed(changes))

    assert ask(stand_in, doubt()) == [Finding()]


def test_a_number_is_asked_for_and_a_messaging_service_is_compared(stand_in: ProviderStandIn) -> None:
    ask(stand_in, doubt())
    stand_in.script_lookups(listed({"messaging_service_sid": SERVICE}, {"sid": "SM2"}))

    (finding,) = ask(stand_in, doubt(), twilio_messaging_service_sid=SERVICE)

    assert sids(finding) == ["SM1"]
    assert stand_in.lookups == [
        f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?To=%2B14155552671&From=%2B15005550006&PageSize={PAGE_SIZE}",
        f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?To=%2B14155552671&PageSize={PAGE_SIZE}",
    ]


def test_the_oldest_of_several_comes_first(stand_in: ProviderStandIn) -> None:
    def created(seconds_ago: int) -> str:
        return format_datetime(datetime.now(UTC) - timedelta(seconds=seconds_ago))

    stand_in.script_lookups(
        listed({"sid": "SM3", "date_created": created(1)}, {"sid": "SM1", "date_created": created(30)})
    )

    assert sids(ask(stand_in, doubt())[0]) == ["SM1", "SM3"]


def test_pages_are_read_as_far_back_as_the_doubt(stand_in: ProviderStandIn) -> None:
    texts = [sms(body="disk is full"), *(sms(body=f"other {number}") for number in range(2 * PAGE_SIZE))]
    send(http_settings(stand_in.url), *texts, at_once=1)

    (finding,) = ask(stand_in, doubt(seconds_ago=30))

    assert sids(finding) == [stand_in.entries[0].message_id]
    assert len(stand_in.lookups) == 3


def test_a_page_of_long_texts_is_read_whole(stand_in: ProviderStandIn) -> None:
    long = [sms(body="ž" * 1590 + str(number)) for number in range(PAGE_SIZE)]
    send(http_settings(stand_in.url), *long, at_once=8)

    (finding,) = ask(stand_in, doubt("ž" * 1590 + "7"))

    assert len(sids(finding)) == 1


def test_more_messages_than_are_read_leave_the_doubt(stand_in: ProviderStandIn) -> None:
    more = json.loads(listed({"body": "other"}).body or "") | {"next_page_uri": "/2010-04-01/more"}
    stand_in.script_lookups(*[raw(200, json.dumps(more))] * (MOST_PAGES + 1))

    assert ask(stand_in, doubt()) == [Finding(trouble="too_many_messages")]
    assert len(stand_in.lookups) == MOST_PAGES


def test_a_stand_in_lists_what_it_took_to_nobody_else(tmp_path: Path) -> None:
    with ProviderProcess(tmp_path / "ledger") as stand_in:
        send(http_settings(stand_in.url), sms())
        found = ask(stand_in, doubt())
        refused_us = ask(stand_in, doubt(), twilio_auth_token="wrong")
        of_another = ask(stand_in, doubt(), twilio_account_sid="AC" + "f" * 32)
        entries = stand_in.entries
        stand_in.forget()
        forgotten = ask(stand_in, doubt())

    assert [sids(each) for each in found] == [[entries[0].message_id]]
    assert refused_us == of_another == [Finding(trouble="http_401")]
    assert forgotten == [Finding()]
    assert len(entries) == 1, "questions are not in the ledger"


def test_struck_out_texts_leave_the_doubt(stand_in: ProviderStandIn) -> None:
    stand_in.script_lookups(listed({"body": ""}))

    assert ask(stand_in, doubt()) == [Finding(trouble="text_withheld")]


def test_credentials_follow_no_address_to_another_host(stand_in: ProviderStandIn) -> None:
    page = json.loads(listed({"body": "other"}).body or "") | {"next_page_uri": "@127.0.0.1:9/"}
    stand_in.script_lookups(raw(200, json.dumps(page)))

    assert ask(stand_in, doubt()) == [Finding()]
    assert len(stand_in.lookups) == 1


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (refused(500, 20500), "http_500"),
        (refused(503, 20503), "http_503"),
        (refused(404, 20404), "http_404"),
        (reset(), "connection_reset"),
        (raw(200, "<html>"), "malformed_answer"),
        (raw(200, '{"messages": [1]}'), "malformed_answer"),
        (Fault(ending="truncated"), "malformed_answer"),
        (Fault(ending="drip"), "deadline_passed"),
        (silence(), "deadline_passed"),
    ],
)
def test_who_cannot_be_asked_leaves_the_doubt(stand_in: ProviderStandIn, fault: Fault, trouble: str) -> None:
    send(http_settings(stand_in.url), sms())
    stand_in.script_lookups(fault, fault)  # a GET that was cut off is sent again at once

    assert ask(stand_in, doubt(), deadline=0.5) == [Finding(trouble=trouble)]


@pytest.mark.parametrize("status", [401, 429])
def test_a_refused_account_is_not_asked_again_and_again(stand_in: ProviderStandIn, status: int) -> None:
    stand_in.always(refused(status))

    findings = ask(stand_in, *[doubt()] * 50)

    assert {finding.trouble for finding in findings} == {f"http_{status}"}
    assert len(stand_in.lookups) < 20


def test_our_own_mistake_leaves_the_doubt_and_shows_no_secret(
    stand_in: ProviderStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.script_lookups(listed({}))
    wrong = Question(sms(body=None), datetime.now(UTC))  # type: ignore[arg-type]

    assert ask(stand_in, wrong) == [Finding(trouble="bug")]
    assert AUTH_TOKEN not in "".join(capsys.readouterr())


def test_a_message_with_a_link_is_found_by_all_that_was_sent(stand_in: ProviderStandIn) -> None:
    linked = sms(link="https://s.example/t/abc")
    stand_in.script(reset())
    send(http_settings(stand_in.url), linked)

    (found,) = ask(stand_in, Question(linked, datetime.now(UTC) - timedelta(seconds=1)))

    assert len(found.sightings) == 1
