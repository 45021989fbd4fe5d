"""Providers report to a running installation: signed callbacks, out of order, twice, and after failures."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from sentinel.db import new_session
from sentinel.models import Suppression
from sentinel.models.receipt import Receipt
from sentinel.stand_ins import EVENT_PUBLIC_KEY, WEBHOOK_SECRET, Entry, News, ProviderProcess, reset
from tests.rows import row
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("workers")]

ARRIVES = [News("delivered"), News("sent", times=2), News("queued"), News("delivered", times=3)]
OUT_OF_REACH = [News("sent"), News("undelivered", code=30003, times=2)]
COMES_BACK = [News("processed"), News("bounce", type="bounce", reason="550 no such user", times=2)]


@pytest.fixture
def reporting(system: System, ledger: ProviderProcess) -> System:
    """An installation that its providers can reach, and that tries again within seconds."""
    system.environment |= {
        "PUBLIC_BASE_URL": system.url,
        "SENDGRID_WEBHOOK_PUBLIC_KEY": EVENT_PUBLIC_KEY,
        "SENTINEL_RESEND_LATER_SECONDS": "1",
        "SENTINEL_AMBIGUOUS_WAIT_SECONDS": "30",
    }
    system.start("beat", "beat")
    system.start_worker("everything", "--pipeline", "--channel", "sms", "--channel", "email", "--channel", "webhook")
    system.start_api()
    return system


def test_reports_bring_messages_to_their_ends_and_the_client_is_told(
    reporting: System, ledger: ProviderProcess
) -> None:
    fine, away, lost, doubtful = "+14155552671", "+14155552672", "gone@example.com", "doubt@example.com"
    stories = {
        fine: [ARRIVES],
        away: [OUT_OF_REACH, [News("sent"), News("delivered")]],
        lost: [COMES_BACK],
        doubtful: [[News("processed"), News("delivered")]],
    }
    ledger.report(stories, event_url=f"{reporting.url}/callbacks/sendgrid")
    ledger.script_recipients({doubtful: [reset()]})

    _follow(reporting, ledger)
    ids = {to: _post(reporting, to) for to in stories}
    wanted = {fine: "DELIVERED", away: "DELIVERED", lost: "UNDELIVERED", doubtful: "DELIVERED"}
    eventually(lambda: _statuses(ids) == wanted, seconds=60, message=lambda: f"ends: {_statuses(ids)}")

    told = {ids[to]: f"notification.{status.lower()}" for to, status in wanted.items()}
    eventually(lambda: _told(ledger) == told, seconds=20, message=lambda: f"told: {_told(ledger)}")
    accepted = [entry.recipient for entry in ledger.entries if entry.message_id and not _is_hook(entry)]
    assert sorted(accepted) == sorted([fine, away, away, lost, doubtful]), "only one was sent to again"
    with new_session() as session:
        suppressed = session.execute(select(Suppression.recipient, Suppression.reason)).all()
        waiting = session.scalar(select(func.count()).select_from(Receipt).where(Receipt.status != "APPLIED"))
        assert suppressed == [(lost, "bounced")]
        assert waiting == session.scalar(select(func.count()).select_from(Receipt).where(Receipt.status == "IGNORED"))
    _ends_at_once_as_suppressed(reporting, lost, ledger)


def _follow(system: System, ledger: ProviderProcess) -> None:
    """Have the client told, by a webhook that checks signatures."""
    target = f"{ledger.url}/hooks/statuses"
    endpoint = {"channel": "webhook", "target": target, "purpose": "statuses", "secret": WEBHOOK_SECRET}
    assert system.http.post(f"{system.url}/endpoints", json=endpoint, timeout=10).status_code == 201


def _is_hook(entry: Entry) -> bool:
    return entry.path == "/hooks/statuses"


def _told(ledger: ProviderProcess) -> dict[str, str]:
    """The last that was told of each notification."""
    heard = [entry.body for entry in ledger.entries if _is_hook(entry) and entry.status == 204]
    return {body["data"]["id"]: body["type"] for body in sorted(heard, key=lambda body: str(body["data"]["at"]))}


def _post(system: System, recipient: str) -> str:
    channel = "email" if "@" in recipient else "sms"
    found: str = system.post(channel=channel, recipient=recipient, body="Disk full")["id"]
    return found


def _statuses(ids: dict[str, str]) -> dict[str, str]:
    return {to: row(each).status for to, each in ids.items()}


def _ends_at_once_as_suppressed(system: System, recipient: str, ledger: ProviderProcess) -> None:
    sends = [entry for entry in ledger.entries if not _is_hook(entry)]
    again = _post(system, recipient)
    eventually(lambda: row(again).status == "SUPPRESSED", seconds=20, message=lambda: f"{row(again).status}")
    assert row(again).reason == "bounced"
    assert [entry for entry in ledger.entries if not _is_hook(entry)] == sends
