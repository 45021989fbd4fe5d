"""One slow receiver holds its own places and no others; one that asks for patience gets it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

import pytest

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.outcomes import concerns_account
from sentinel.channels.receivers import Receivers
from sentinel.channels.sender import Result, Sender, Sent, Unsent
from sentinel.stand_ins import BOT_TOKEN, ProviderStandIn, delayed, rate_limited, raw, refused, silence
from tests.unit.channels.conftest import hook, http_settings, make_settings, slack

UNANSWERED = Receipt(Outcome.RETRY, reason="read_timeout", is_account_wide=False)
PATIENCE = Receipt(Outcome.RETRY, http_status=429, retry_after_seconds=17, is_account_wide=False)
REFUSED = Receipt(Outcome.MESSAGE, http_status=400)
OK = Receipt(Outcome.OK, http_status=204)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def rest_after(receivers: Receivers, receipt: Receipt) -> float | None:
    receivers.note("r", receipt)
    rest = receivers.rest_of("r")
    return rest.seconds_left if rest else None


def test_a_receiver_rests_as_long_as_it_asks_within_an_hour(clock: Clock) -> None:
    assert rest_after(Receivers(make_settings()), PATIENCE) == 17
    assert rest_after(Receivers(make_settings()), replace(PATIENCE, retry_after_seconds=86_400)) == 3600


@pytest.mark.parametrize("receipt", [OK, REFUSED, replace(UNANSWERED, http_status=500)])
def test_an_answer_is_no_reason_to_rest(clock: Clock, receipt: Receipt) -> None:
    assert rest_after(Receivers(make_settings()), receipt) is None


def test_each_time_without_an_answer_doubles_the_rest_up_to_a_pause(clock: Clock) -> None:
    receivers, rests = Receivers(make_settings()), []
    for _ in range(8):
        rests.append(rest_after(receivers, UNANSWERED))
        clock.now += 100

    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]


def test_sends_that_fail_side_by_side_count_once(clock: Clock) -> None:
    receivers = Receivers(make_settings())

    assert [rest_after(receivers, UNANSWERED) for _ in range(8)] == [2] * 8


def test_an_answer_that_was_under_way_does_not_end_a_rest(clock: Clock) -> None:
    receivers = Receivers(make_settings())
    receivers.note("r", PATIENCE)

    assert rest_after(receivers, OK) == 17


def test_after_an_answer_the_count_begins_anew(clock: Clock) -> None:
    receivers = Receivers(make_settings())
    for receipt in (UNANSWERED, UNANSWERED, OK):
        receivers.note("r", receipt)
        clock.now += 100

    assert rest_after(receivers, UNANSWERED) == 2


def test_places_are_forgotten_when_nobody_wants_one() -> None:
    receivers = Receivers(make_settings(endpoint_concurrency=3))
    places = receivers.places_at("r")

    assert receivers.places_at("r") is places
    del places
    assert len(receivers._places) == 0


@pytest.mark.parametrize("outcome", [Outcome.CONFIG, Outcome.QUOTA, Outcome.RETRY])
def test_what_holds_for_one_receiver_does_not_concern_the_account(outcome: Outcome) -> None:
    receipt = Receipt(outcome, http_status=429, retry_after_seconds=5)

    assert concerns_account(receipt)
    assert not concerns_account(replace(receipt, is_account_wide=False))


# --- the sender, over the wire --------------------------------------------------------------------------------------


@pytest.fixture
def sender(stand_in: ProviderStandIn) -> Iterator[Sender]:
    made = Sender(
        http_settings(stand_in.url, read_timeout_seconds=1.0, send_deadline_seconds=2.0, endpoint_concurrency=4)
    )
    yield made
    made.close()


def results_of(sender: Sender, *messages: Message) -> list[Result]:
    before = time.monotonic() + 60
    return [
        result
        for group in sender.send(messages[0].channel, messages[0].channel, messages, start_before=before)
        for result in group
    ]


def hooks(stand_in: ProviderStandIn, name: str, count: int) -> list[Message]:
    return [hook(f"{stand_in.url}/hooks/open/{name}", id=f"{name}-{index}") for index in range(count)]


def test_a_hanging_receiver_costs_one_timeout_and_holds_up_no_other(stand_in: ProviderStandIn, sender: Sender) -> None:
    stand_in.script_recipient("/hooks/open/hangs", silence())
    began = time.time()

    results = results_of(sender, *hooks(stand_in, "hangs", 80), *hooks(stand_in, "quick", 40))

    took = time.time() - began
    quick = [entry for entry in stand_in.entries if entry.recipient.endswith("quick")]
    hanging = [entry for entry in stand_in.entries if entry.recipient.endswith("hangs")]
    assert len({entry.headers["webhook-id"] for entry in quick}) == len(quick) == 40
    assert max(entry.at for entry in quick) - began < 1.0  # nobody waited for the hanging one's timeout
    assert len(hanging) == 4
    held_back = [result for result in results if isinstance(result, Unsent)]
    assert len(held_back) == 76  # more than the account has places
    assert all(result.rest_seconds and 0 < result.rest_seconds <= 2 for result in held_back)
    assert {result.cause.reason for result in held_back if result.cause} == {"read_timeout"}
    assert took < 3.0  # one timeout, not ten


def test_a_rest_outlasts_the_batch_and_ends(stand_in: ProviderStandIn, sender: Sender) -> None:
    stand_in.script(rate_limited(Retry_After="1"))
    (first,) = results_of(sender, *hooks(stand_in, "busy", 1))
    (second,) = results_of(sender, *hooks(stand_in, "busy", 1))
    (other,) = results_of(sender, *hooks(stand_in, "calm", 1))
    time.sleep(1.1)
    (third,) = results_of(sender, *hooks(stand_in, "busy", 1))

    assert isinstance(first, Sent)
    assert isinstance(second, Unsent)
    assert isinstance(other, Sent)
    assert other.receipt.outcome == Outcome.OK
    assert isinstance(third, Sent)
    assert third.receipt.outcome == Outcome.OK


def test_names_that_take_long_to_look_up_hold_up_no_other(
    stand_in: ProviderStandIn, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = stand_in.url.rpartition(":")[2]

    def slow_for_some(host: str, *_rest: object, **_more: object) -> object:
        if host.startswith("slow"):
            time.sleep(1.5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    monkeypatch.setattr(socket, "getaddrinfo", slow_for_some)
    slow = [hook(f"http://slow-{index}.example.com:{port}/hooks/open/slow", id=f"s-{index}") for index in range(20)]
    quick = hook(f"http://quick.example.com:{port}/hooks/open/quick", id="q")
    began = time.time()

    results_of(sender, *slow, quick)

    (entry,) = [entry for entry in stand_in.entries if entry.recipient.endswith("quick")]
    assert entry.at - began < 1.0


def test_no_more_sends_to_one_receiver_than_it_has_places(stand_in: ProviderStandIn, sender: Sender) -> None:
    stand_in.always(delayed(0.02))

    results = results_of(sender, *hooks(stand_in, "a", 20), *hooks(stand_in, "b", 20))

    assert all(isinstance(result, Sent) for result in results)
    assert stand_in.connections <= 8  # four places at each


def test_one_busy_slack_channel_leaves_the_others_alone(stand_in: ProviderStandIn, sender: Sender) -> None:
    stand_in.script_recipient("#busy", refused(429, message="ratelimited", headers={"Retry-After": "30"}))

    results = results_of(sender, *[slack("#busy", id=f"b-{index}") for index in range(20)], slack("#calm", id="calm"))

    outcomes = {result.message.id: result.receipt.outcome for result in results if isinstance(result, Sent)}
    assert outcomes["calm"] == Outcome.OK
    assert len(outcomes) <= 5  # the calm one, and as many as were under way at once
    assert BOT_TOKEN not in repr(results)


def test_a_worker_builds_only_what_it_sends_with(stand_in: ProviderStandIn, sender: Sender) -> None:
    results_of(sender, *hooks(stand_in, "a", 1))

    assert list(sender._providers) == [("webhook", "webhook")]


# --- what receivers repeat ------------------------------------------------------------------------------------------

TOKEN = "AAbbCCddEEffGGhhIIjjKK-_"
LINK = f"https://sentinel.example.com/t/{TOKEN}"


@pytest.mark.parametrize("kept", [24, 18, 10])
def test_a_receiver_that_repeats_the_request_shows_nobody_the_link(
    stand_in: ProviderStandIn, sender: Sender, kept: int
) -> None:
    repeated = f"cannot read {LINK[: len(LINK) - len(TOKEN) + kept]}"
    stand_in.script(raw(HTTPStatus.BAD_REQUEST, repeated))

    (result,) = results_of(sender, hook(f"{stand_in.url}/hooks/open/repeats", link=LINK))

    assert isinstance(result, Sent)
    assert result.receipt.detail == "cannot read https://sentinel.example.com/t/***"
