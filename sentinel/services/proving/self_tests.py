"""Self-tests: an event of our own goes the whole way, and only when it has arrived the outside hears that we live."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.errors import InvalidInputError
from sentinel.ids import new_id
from sentinel.logs import get_logger
from sentinel.models import SelfTest
from sentinel.queries import clients, rules, self_tests, sweeping
from sentinel.services import events, notifications
from sentinel.services.access.clients import Caller
from sentinel.services.notifications import CheckedRequest, Request
from sentinel.services.proving.verdicts import FAILED, PASSED, Verdict, stages, verdict
from sentinel.services.sending import operators
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

CLIENT = "sentinel-self-test"
"""Whose events and messages these are, so that nobody meets them among their own."""

RULE_NAME = "self-test"
RULE = 'when event.type == "self_test" then notify("inbox:self-test")'

BEAT, OPERATOR = "beat", "operator"
EVER = timedelta(0)


def sweep() -> int:
    """Judge the self-test that is under way, and begin the next when its time has come; returns how many of both."""
    period = get_settings().self_test_seconds
    with unit_of_work() as uow:
        count = int(judge(uow))
        sweeping.record_run(uow.session, "sweep_self_tests", count, now=uow.now)
    if not period:
        return count
    with unit_of_work() as uow:
        return count + int(begin(uow, BEAT, apart=timedelta(seconds=period)) is not None)


def begin(uow: UnitOfWork, started_by: str, *, apart: timedelta = EVER) -> str | None:
    """Begin a self-test and return its id; None if one is under way, or began less than `apart` ago."""
    self_test_id = new_id(uow.now)
    due_at = uow.now + timedelta(seconds=get_settings().self_test_deadline_seconds)
    since = uow.now - apart
    if not self_tests.begin(uow.session, self_test_id, started_by, now=uow.now, due_at=due_at, since=since):
        return None
    caller = _caller(uow)
    body = {"type": "self_test", "source": "sentinel", "name": "self_test", "event_id": _event_id(self_test_id)}
    events.ingest(uow, caller, [events.check(body, now=uow.now)])
    return self_test_id


def judge(uow: UnitOfWork) -> bool:
    """End the self-test that is under way if it has passed or failed; what follows from it is stored with it."""
    running = self_tests.running(uow.session)
    if running is None:
        return False
    standing = self_tests.standing(uow.session, _caller(uow).client_id, _event_id(running.id))
    running.stages = [{"stage": stage, "at": at.isoformat()} for stage, at in stages(standing)]
    found = verdict(standing, due_at=running.due_at, now=uow.now)
    if found is None:
        return False
    _end(uow, running, found)
    return True


def last(uow: UnitOfWork) -> SelfTest | None:
    """Return the last self-test that has ended."""
    return self_tests.last_finished(uow.session)


def _event_id(self_test_id: str) -> str:
    return f"self-test:{self_test_id}"


def _caller(uow: UnitOfWork) -> Caller:
    """The client of self-tests, made with its rule when there is none."""
    found = clients.caller_by_name(uow.session, CLIENT)
    client_id = found[0] if found else clients.ensure(uow.session, CLIENT, now=uow.now).id
    caller = Caller(client_id, CLIENT, frozenset())
    if not rules.by_names(uow.session, client_id, [RULE_NAME]):
        _make_rule(uow, caller)
    return caller


def _make_rule(uow: UnitOfWork, caller: Caller) -> None:
    # Once in the life of an installation: until then a worker does without the parser.
    from sentinel.services.ruling.rules import Written, create_many, draft  # noqa: PLC0415

    create_many(uow, caller, [draft(uow, caller.client_id, Written(RULE_NAME, RULE))])


def _end(uow: UnitOfWork, running: SelfTest, found: Verdict) -> None:
    before = self_tests.last_finished(uow.session)
    running.status, running.reason, running.finished_at = found.status, found.reason, uow.now
    uow.count("self_tests_total", result=found.status)
    log.info("self_test_ended", self_test_id=running.id, status=found.status, reason=found.reason)
    _tell_operators(uow, running, was_failing=before is not None and before.status == FAILED)
    if found.status == PASSED and running.started_by == BEAT:
        _ping(uow, running)


def _tell_operators(uow: UnitOfWork, ended: SelfTest, *, was_failing: bool) -> None:
    """Once when it fails, once when it passes again."""
    if (ended.status == FAILED) == was_failing:
        return
    if was_failing:
        operators.tell(uow, "Sentinel's self-test passes again", "An event went the whole way in time.")
    else:
        operators.tell(uow, "Sentinel's self-test has failed", f"{ended.reason}. See `sentinel doctor`.")


def _ping(uow: UnitOfWork, passed: SelfTest) -> None:
    """Store a call of each URL that waits for a sign of life, while the proof is fresh and as long as it is."""
    fresh_until = passed.started_at + timedelta(seconds=get_settings().self_test_seconds)
    if fresh_until <= uow.now:
        return
    calls = [_call(url, passed, fresh_until, uow.now) for url in get_settings().dead_man_addresses]
    notifications.accept(uow, _caller(uow).client_id, [each for each in calls if each is not None])


def _call(url: str, passed: SelfTest, fresh_until: datetime, now: datetime) -> CheckedRequest | None:
    request = Request(
        channel="webhook",
        recipient=url,
        subject="Sentinel is alive",
        body="Sentinel is alive: an event went the whole way in time.",
        metadata={"self_test": passed.id},
        expires_at=fresh_until,
        has_chain=False,
    )
    try:
        return notifications.check(request, now=now)
    except InvalidInputError as error:  # the proof stands all the same, and so do the other calls
        log.exception("dead_man_url_is_wrong", error=[each.message for each in error.errors])
        return None
