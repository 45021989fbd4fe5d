"""Slack, webhooks, pushes and the inbox through real processes: a named worker, a receiver that hangs, a kill."""

from __future__ import annotations

from collections import Counter

import pytest

from sentinel.stand_ins import ProviderProcess, delayed, refused, silence
from tests.rows import count_statuses, have_ended, rows, tries
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("workers")]


CATHERINE = ("--channel", "slack", "--channel", "webhook", "--channel", "push")


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return {"SENTINEL_PUSH_PROVIDER": "apprise"}


@pytest.fixture
def ledger(lasting_ledger: ProviderProcess) -> ProviderProcess:
    """What Slack, the webhooks and the devices have got."""
    return lasting_ledger


@pytest.fixture
def catherine(lasting_system: System) -> System:
    """An installation whose one outgoing worker takes Slack, webhooks and pushes."""
    if not lasting_system.processes:
        lasting_system.start("beat", "beat")
        lasting_system.start_api()
        lasting_system.start_worker("pipeline-1", "--pipeline")
        lasting_system.start_worker("catherine", *CATHERINE)
    return lasting_system


def test_catherine_serves_slack_webhooks_and_pushes_and_the_pipeline_the_inbox(
    catherine: System, ledger: ProviderProcess
) -> None:
    catherine.post(channel="slack", recipient="#ops", body="to a channel")
    catherine.post(channel="slack", recipient=f"{ledger.url}/services/T1/B1/x", body="to Slack's webhook")
    catherine.post(channel="webhook", recipient=f"{ledger.url}/hooks/open/shop", body="to a webhook")
    device = f"gotify://{ledger.url.removeprefix('http://')}/push/token"
    catherine.post(channel="push", recipient=device, body="to a device")
    catherine.post(channel="inbox", recipient="user-17", body="to an inbox")

    eventually(
        lambda: count_statuses() == {"SENT": 5}, seconds=30, message=lambda: f"all to be sent: {count_statuses()}"
    )

    texts = sorted(entry.text for entry in ledger.entries)
    assert texts == ["to Slack's webhook", "to a channel", "to a device", "to a webhook"]
    workers = {found.channel: (tries(found.id)[0].worker or "").partition("@")[0] for found in rows().values()}
    assert workers == {"slack": "catherine", "webhook": "catherine", "push": "catherine", "inbox": "pipeline-1"}


def test_a_hanging_receiver_does_not_hold_up_a_quick_one(catherine: System, ledger: ProviderProcess) -> None:
    ledger.script_recipients({"/hooks/open/hangs": [silence()]})
    hanging, quick = (f"{ledger.url}/hooks/open/{name}" for name in ("hangs", "quick"))
    catherine.post_batch([{"channel": "webhook", "recipient": hanging, "body": str(each)} for each in range(200)])
    ids = catherine.post_batch([{"channel": "webhook", "recipient": quick, "body": str(each)} for each in range(200)])

    eventually(
        lambda: all(rows()[each].status == "SENT" for each in ids),
        seconds=60,
        message=lambda: f"quick ones: {count_statuses()}",
    )

    # What the receiver has seen: a row that is claimed counts its attempt before it has a place there.
    tries_at_hanging = sum(entry.path == "/hooks/open/hangs" for entry in ledger.entries)
    assert 0 < tries_at_hanging < 200, "most have waited without using up an attempt"
    ledger.script_recipients({})
    eventually(have_ended, seconds=60, message=lambda: f"the others to end: {count_statuses()}")


def test_a_worker_killed_in_the_middle_repeats_a_webhook_under_the_same_id(
    catherine: System, ledger: ProviderProcess
) -> None:
    ledger.always(delayed(0.5))
    ids = catherine.post_batch(
        [{"channel": "webhook", "recipient": f"{ledger.url}/hooks/open/{each}", "body": "x"} for each in range(20)]
    )
    eventually(lambda: ledger.entries, seconds=20, message="the first requests")

    catherine.kill("catherine")
    ledger.always(None)
    catherine.start_worker("catherine", *CATHERINE)
    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")

    arrived = Counter(entry.headers["webhook-id"] for entry in ledger.entries)
    assert set(arrived) == set(ids)
    assert count_statuses() == {"SENT": 20}


def test_an_outage_of_one_receiver_ends_with_every_message_delivered(
    catherine: System, ledger: ProviderProcess
) -> None:
    url = f"{ledger.url}/hooks/open/shop"
    ledger.script_recipients({"/hooks/open/shop": [refused(503, headers={"Retry-After": "1"})]})
    ids = catherine.post_batch([{"channel": "webhook", "recipient": url, "body": str(each)} for each in range(50)])
    eventually(lambda: len(ledger.entries) >= 2, seconds=20, message="some tries")

    ledger.script_recipients({})
    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")

    assert count_statuses() == {"SENT": 50}
    accepted = Counter(entry.headers["webhook-id"] for entry in ledger.entries if entry.is_accepted)
    assert accepted == dict.fromkeys(ids, 1)
