"""The dashboard: is everything going out, what is stuck and why; and the first minute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentinel import metrics, presence
from sentinel.broker import celery
from sentinel.clock import utc_now
from sentinel.db import get_engine
from sentinel.queries import accounts, sweeping
from sentinel.queries.accounts import Standing
from sentinel.services.sending import breaker
from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import history
from sentinel.services.watching.gauges import get_gauges
from sentinel.web.words import NOTHING
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.test_history import look


@pytest.fixture(autouse=True)
def _fresh_gauges() -> Iterator[None]:
    get_gauges.forget()
    yield
    get_gauges.forget()


@pytest.fixture
def workers(database: Configure) -> None:
    """Somebody who serves every queue, and a clock that rings."""
    now = utc_now().timestamp()
    queues = tuple(queue.name for queue in celery.conf.task_queues)
    presence.tell(presence.Node("all-1@here", queues, 4, "thread", 1, now - 60, now))
    with unit_of_work() as uow:
        for rung in celery.conf.beat_schedule:
            sweeping.record_run(uow.session, rung.replace("-", "_"), 0, now=uow.now)


def refuse(name: str, **changes: object) -> None:
    """Let a provider refuse us, as it did four minutes ago."""
    now = utc_now()
    standing = Standing(
        state="open",
        reason="token_revoked",
        hint="Make a new token.",
        opened_at=now - timedelta(minutes=4),
        paused_until=now + timedelta(minutes=5),
        openings=1,
    )
    with unit_of_work() as uow:
        accounts.write(uow.session, name, replace(standing, **changes), now=now)  # type: ignore[arg-type]


def words(html: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def row_of(html: str, name: str) -> list[str]:
    """The cells of the line that begins with `name`."""
    line = re.search(rf'<th scope="row"[^>]*>\s*(?:<(?:a|span)[^>]*>)*{name}\b.*?</tr>', html, re.DOTALL)
    assert line, f"no line of {name}"
    return [words(cell).strip() for cell in re.findall(r"<td.*?</td>", line[0], re.DOTALL)]


def test_a_new_installation_is_ready_and_shows_the_first_step(visit: Visit, workers: None) -> None:
    page = visit.get("/console").text

    assert "Everything runs. Nothing has been accepted yet." in words(page)
    assert "Send a first message" in page
    assert "nothing leaves this machine" in page
    assert 'value="+14155552671"' in page


def test_the_first_message_is_a_real_one(visit: Visit, workers: None) -> None:
    answer = visit.send("/console/dashboard/first-message", recipient="+1 415 555 2671", body="Hallo, Wörld")

    assert answer.status_code == 303
    with get_engine().connect() as connection:
        [row] = connection.execute(text("SELECT id::text, channel, recipient, body, status FROM notifications"))
    assert tuple(row)[1:] == ("sms", "+14155552671", "Hallo, Wörld", "PENDING")
    assert actions() == [("alice", "notification.send", f"notification {row[0]}", "default")]
    assert "Send a first message" not in visit.get("/console").text


def test_who_clicks_twice_sends_one_and_a_live_provider_leads_to_the_message(
    visit: Visit, workers: None, database: Configure
) -> None:
    database(SENTINEL_SMS_PROVIDER="twilio", TWILIO_ACCOUNT_SID="AC1", TWILIO_AUTH_TOKEN="t", TWILIO_FROM_NUMBER="+1")
    page = visit.get("/console").text
    [once] = re.findall(r'name="once" value="([^"]+)"', page)

    answers = [visit.send("/console/dashboard/first-message", once=once) for _ in range(2)]

    assert "this is a real message to that number" in words(page)
    with get_engine().connect() as connection:
        found = connection.execute(text("SELECT id::text, dedupe_key FROM notifications ORDER BY id")).all()
    assert [key for _, key in found] == [once, once], "the second is suppressed as the first one's double"
    assert [each.headers["Location"] for each in answers] == [f"/console/notifications/{id_}" for id_, _ in found]


def test_a_provider_that_is_half_set_up_is_a_trouble_and_no_error(
    visit: Visit, workers: None, database: Configure
) -> None:
    database(SENTINEL_SMS_PROVIDER="twilio")

    page = visit.get("/console")

    assert page.status_code == 200
    assert "sms's provider is half set up SENTINEL_SMS_PROVIDER names twilio, but" in words(page.text).replace(
        "&#39;", "'"
    )
    assert "no provider" in row_of(page.text, "sms")[0] or "no provider" in words(page.text)
    assert visit.get("/console/load-tests").status_code == 200
    assert visit.send("/console/dashboard/providers/nobody/hold").status_code == 404


def test_a_database_that_is_slow_is_not_shown_as_empty(
    visit: Visit, workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_gauges(), "read", lambda: {("part_up", "database"): 0.0, ("part_up", "broker"): 1.0})

    page = visit.get("/console").text

    assert row_of(page, "sms")[:4] == [NOTHING] * 4
    assert words(page).count("Not known: the database does not answer in time.") == 2
    assert "Not audited yet" not in page


def test_a_clock_that_never_rang_is_told(visit: Visit, workers: None) -> None:
    execute("DELETE FROM sweeper_runs")

    assert "The clock stands still" in visit.get("/console").text


def test_a_first_message_that_cannot_be_sent_is_asked_for_again(visit: Visit) -> None:
    answer = visit.send("/console/dashboard/first-message", recipient="not a number", body="Hello")

    assert answer.status_code == 422
    assert 'value="not a number"' in answer.text
    assert 'aria-describedby="recipient-error"' in answer.text
    assert actions() == []


def test_where_all_is_well_it_says_so(visit: Visit, workers: None, accept: Accept) -> None:
    accept()
    execute("UPDATE notifications SET status = 'SENT', queue_at = NULL, sent_at = now()")

    page = words(visit.get("/console").text)

    assert "Everything is going out" in page
    assert "Nothing that could go waits." in page
    assert "What does not work" not in page


def test_a_refused_provider_is_told_first_with_who_waits_and_what_to_do(
    visit: Visit, workers: None, accept: Accept
) -> None:
    accept()
    execute("UPDATE notifications SET reason = 'account_paused', queue_at = now() + interval '5 minutes'")
    refuse("sandbox")

    page = visit.get("/console").text

    told = words(page)
    assert "Not everything is going out" in told
    assert "sandbox is refused: token_revoked" in told
    assert "1 message of sms waits for it. It began 4 min ago" in told
    assert "Make a new token. It is tried again by itself at" in told
    assert row_of(page, "sms")[0] == "1"


def test_the_live_part_is_the_same_as_in_the_page(visit: Visit, workers: None) -> None:
    page = visit.get("/console", over="1h").text
    part = visit.get("/console/dashboard/now", over="1h").text

    assert 'data-live="/console/dashboard/now?over=1h"' in page
    assert "<html" not in part
    assert words(part).strip() in words(page)


def test_the_curves_show_what_was_counted(visit: Visit, workers: None, accept: Accept) -> None:
    accept()
    now = datetime.now(UTC)
    look(now - timedelta(seconds=20))
    metrics.count("notifications_accepted_total", 120, channel="sms")
    metrics.count("notifications_sent_total", 100, channel="sms", provider="sandbox")
    look(now - timedelta(seconds=10))

    page = visit.get("/console").text

    assert "accepted 120, sent 100, suppressed 0, failed 0; the most of one kind 720 a minute" in page
    assert page.count('<rect class="chart-column"') == 1
    assert [each.name for each in history.WINDOWS] == re.findall(r'id="over-(\w+)"', page)


def test_without_redis_it_says_so_and_shows_what_it_can(visit: Visit, database: Configure, accept: Accept) -> None:
    accept()
    database(REDIS_URL="redis://127.0.0.1:1/0")

    page = words(visit.get("/console").text)

    assert "Redis does not answer" in page
    assert "No curves" in page
    assert "No worker is running" not in page


def test_without_workers_that_is_what_stands_still(visit: Visit, accept: Accept) -> None:
    accept()

    page = words(visit.get("/console").text)

    assert "Not everything is going out" in page
    assert "No worker is running" in page


def test_tickets_and_the_books_are_told(visit: Visit, workers: None) -> None:
    execute(
        "INSERT INTO audit_runs (started_at, finished_at, checked, discrepancies, report)"
        " VALUES (now() - interval '5 minutes', now() - interval '4 minutes', 10, 3, '{}')"
    )

    page = words(visit.get("/console").text)

    assert "The books do not balance" in page
    assert "3 discrepancies , audited 4 min ago" in page
    assert "0 open 0 acknowledged" in page


def test_an_operator_holds_an_account_and_resumes_it(as_role: AsRole) -> None:
    operator = as_role("operator")

    held = operator.follow(operator.send("/console/dashboard/providers/sandbox/hold", reason="number is being moved"))
    assert "sandbox is held: number is being moved" in words(held.text)
    resumed = operator.follow(operator.send("/console/dashboard/providers/sandbox/resume"))

    assert "sandbox is used again; nothing waits for it." in words(resumed.text)
    with unit_of_work() as uow:
        assert breaker.get(uow, "sandbox").standing.state == "closed"
    assert actions() == [
        ("operator-alice", "provider.hold", "provider sandbox", None),
        ("operator-alice", "provider.resume", "provider sandbox", None),
    ]


def test_what_works_cannot_be_resumed_and_that_is_no_action(visit: Visit) -> None:
    answer = visit.send("/console/dashboard/providers/sandbox/resume")

    assert (answer.status_code, "was not stopped" in answer.text) == (409, True)
    assert visit.send("/console/dashboard/providers/nobody/hold").status_code == 404
    assert actions() == []


def test_a_viewer_sees_everything_and_is_told_what_takes_more(as_role: AsRole, workers: None) -> None:
    page = as_role("viewer").get("/console").text

    assert "takes the role operator; yours is viewer" in words(page)
    assert "/hold" not in page
    assert "first-message" not in page
