"""Whether work moves: sweepers, backlog, paused accounts, and whether anybody could call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sentinel.broker import celery
from sentinel.channels.recipients import normalise
from sentinel.channels.registry import provider_name
from sentinel.durations import told
from sentinel.errors import InvalidInputError
from sentinel.models import AuditRun, ProviderAccount, SelfTest
from sentinel.queries import audit, diagnosis, self_tests
from sentinel.queries.diagnosis import Backlog
from sentinel.services.escalating import links
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching.diagnosis.findings import Finding, broken, ok, warning
from sentinel.services.watching.punctuality import is_silent
from sentinel.settings import Settings

OVERDUE = timedelta(seconds=60)


def check_flow(uow: UnitOfWork, settings: Settings) -> Iterator[Finding]:
    """Everything the rows tell."""
    yield from check_sweepers(diagnosis.sweeper_runs(uow.session), now=uow.now)
    yield check_backlog(diagnosis.backlog(uow.session), now=uow.now)
    yield from check_books(audit.last_run(uow.session), now=uow.now)
    yield from check_self_tests(self_tests.last_finished(uow.session), settings, now=uow.now)
    for account in diagnosis.resting_accounts(uow.session, now=uow.now):
        yield _resting(account)
    if links.address_of(0) is None and diagnosis.has_escalation_policies(uow.session):
        remedy = "set PUBLIC_BASE_URL to how the outside reaches the API, and SENTINEL_SECRET_KEYS"
        yield warning("escalations", "messages about tickets carry no link by which people could act", remedy)
    if not settings.is_open and not diagnosis.has_working_key(uow.session, now=uow.now):
        yield warning("access", "there is no working API key", "make one with `sentinel keys create`")


def _resting(account: ProviderAccount) -> Finding:
    if account.is_held:
        remedy = f"`sentinel providers resume {account.name}` ends that"
        return warning("provider account", f"{account.name} is held: {account.reason}", remedy)
    until = f"rests until {account.paused_until:%H:%M:%SZ}" if account.paused_until else "rests"
    remedy = account.hint or "see the attempts of a waiting notification"
    return warning("provider account", f"{account.name} {until}: {account.reason}", remedy)


def check_sweepers(runs: dict[str, datetime], *, now: datetime) -> Iterator[Finding]:
    """Beat rings them, the worker of the queue `maintenance` runs them; silence of either shows here."""
    remedy = "run `sentinel beat` (exactly one) and `sentinel worker --pipeline`"
    for rung, entry in celery.conf.beat_schedule.items():
        name = rung.replace("-", "_")
        period = float(entry["schedule"])
        last = runs.get(name)
        if last is None:
            judge = broken if is_silent(None, period=period) else warning
            yield judge("sweepers", f"{name} has never run", remedy)
        elif is_silent((now - last).total_seconds(), period=period):
            yield broken("sweepers", f"{name} ran last {_ago(now - last)} ago", remedy)
        else:
            yield ok("sweepers", f"{name} ran {_ago(now - last)} ago")


def check_backlog(backlog: Backlog, *, now: datetime) -> Finding:
    """Waiting is no fault; being overdue is."""
    message = f"{backlog.waiting} waiting"
    due = [moment for moment in (backlog.oldest_queue_at, backlog.oldest_lease_until) if moment is not None]
    overdue = now - min(due, default=now)
    if overdue > OVERDUE:
        remedy = "see the lines above on sweepers and workers; if they are well, start more workers"
        return broken("backlog", f"{message}, the oldest should have been looked at {_ago(overdue)} ago", remedy)
    return ok("backlog", f"{message}, none overdue")


def check_books(last: AuditRun | None, *, now: datetime) -> Iterator[Finding]:
    """What the last audit has found; before the first one there is nothing to say."""
    if last is None:
        return
    message = f"{last.discrepancies} discrepancies, audited {_ago(now - last.finished_at)} ago"
    if last.discrepancies:
        yield broken("books", message, "`sentinel audit --since 2d` lists them by id, with what to do")
    else:
        yield ok("books", message)


def check_self_tests(last: SelfTest | None, settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Whether an event of our own goes the whole way, where that is tried, and whether the outside hears of it."""
    if not settings.self_test_seconds:
        return
    remedy = "run `sentinel self-test`: it shows how far an event comes"
    if last is None:
        yield warning("self-test", "none has ended yet", remedy)
    elif last.status == "failed":
        yield broken("self-test", f"failed {_ago(now - last.started_at)} ago: {last.reason}", remedy)
    elif now - last.started_at > 2 * timedelta(seconds=settings.self_test_seconds) + OVERDUE:
        yield broken(
            "self-test", f"the last one began {_ago(now - last.started_at)} ago", "is `sentinel beat` running?"
        )
    else:
        yield ok("self-test", f"passed {_ago(now - last.started_at)} ago")
    yield from _check_switches(settings)


def _check_switches(settings: Settings) -> Iterator[Finding]:
    """Whether services that wait for a sign of life can be called. Their URLs are credentials, and not shown."""
    for place, url in enumerate(settings.dead_man_addresses, start=1):
        try:
            normalise("webhook", url)
        except InvalidInputError as error:
            [wrong] = error.errors
            yield broken("dead man's switch", f"URL {place} {wrong.message}", wrong.remedy)
    if settings.dead_man_addresses and provider_name("webhook", settings) != "webhook":
        hint = "set SENTINEL_WEBHOOK_PROVIDER=webhook"
        yield warning("dead man's switch", "no call leaves: webhooks are not sent here", hint)


def _ago(duration: timedelta) -> str:
    return told(int(duration.total_seconds()))
