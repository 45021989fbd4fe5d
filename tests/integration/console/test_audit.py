"""The screen of the audit: who did what, and the books."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from sentinel import broker
from sentinel.broker import UNREACHABLE
from sentinel.passwords import SHORTEST
from sentinel.services.access import actions as trail
from sentinel.services.access import users
from sentinel.services.access.actions import Actor
from sentinel.services.bookkeeping import audit
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acting
from tests.conftest import Configure
from tests.integration.calls import execute
from tests.integration.conftest import Accept, application
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions

PASSWORD = "correct horse battery"
SUBJECT = re.compile(r'<td class="action-subject[^>]*>\s*(?:<a [^>]*>)?([^<\n]+)')


def did(actor: str, action: str, subject: str, client: str | None = None, **detail: Any) -> None:
    with unit_of_work() as uow:
        trail.note(uow, Actor(actor, "admin", "192.0.2.1"), action, subject, client=client, detail=detail)


def test_an_empty_trail_says_what_will_stand_there(visit: Visit) -> None:
    assert "Nobody has done anything yet" in visit.get("/console/audit").text


def test_an_action_stands_there_with_who_what_and_from_where(as_role: AsRole) -> None:
    did("bob", "rule.update", "rule 7", "acme-польша", fields=["condition"], before={"version": 3})

    shown = as_role("viewer").get("/console/audit").text

    for words in ("bob", "rule.update", "rule 7", "acme-польша", "192.0.2.1", "before version 3 · fields condition"):
        assert words in shown


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"actor": "bob"}, {"rule 7", "rule 8"}),
        ({"action": "rule"}, {"rule 7", "rule 8"}),
        ({"action": "rule.delete"}, {"rule 8"}),
        ({"subject": "rule 7"}, {"rule 7"}),
        ({"client": "acme"}, {"rule 7"}),
        ({"actor": "carol", "action": "silence"}, {"silence 9"}),
        ({"since": "1h"}, {"rule 7", "rule 8", "silence 9"}),
        ({"since": "2100-01-01T00:00:00Z"}, set()),
        ({"action": "rul_"}, set()),
    ],
)
def test_filters_narrow_the_trail(asked: dict[str, str], expected: set[str], visit: Visit) -> None:
    did("bob", "rule.update", "rule 7", "acme")
    did("bob", "rule.delete", "rule 8")
    did("carol", "silence.create", "silence 9")

    shown = visit.get("/console/audit", **asked).text

    assert set(SUBJECT.findall(shown)) == expected


def test_subjects_lead_to_what_shows_them(visit: Visit, as_role: AsRole) -> None:
    for subject in ("client 7", "user bob", "rotation primary", "user (unknown)"):
        did("bob", "a.b", subject)

    shown = visit.get("/console/audit").text

    assert all(f'href="/console/{path}"' in shown for path in ("clients/7", "users/bob", "on-call"))
    assert "unknown)</a>" not in shown
    assert 'href="/console/users/bob"' not in as_role("viewer").get("/console/audit").text


def test_a_time_that_is_none_is_said_with_what_to_write(visit: Visit) -> None:
    shown = visit.get("/console/audit", since="yesterday").text

    assert "Since: yesterday is not a time; write how long ago" in shown


def test_pages_of_the_trail_follow_each_other_and_miss_nothing(visit: Visit) -> None:
    for number in range(60):
        did("bob", "rule.update", f"rule {number}")

    first = visit.get("/console/audit", size=25, actor="bob").text
    cursor = first.partition("cursor=")[2].partition('"')[0].partition("&")[0]
    second = visit.get("/console/audit", size=25, actor="bob", cursor=cursor).text

    assert ("rule 59" in first, "rule 35" in first, "rule 34" in first) == (True, True, False)
    assert ("rule 34" in second, "rule 10" in second, "First page" in second) == (True, True, True)


def test_logins_are_in_the_trail_and_those_that_were_refused(database: Configure) -> None:
    with unit_of_work() as uow:
        users.create(uow, "alice", PASSWORD, role="operator")
    browser = application().test_client()

    log_in(browser, "alice", "x" * SHORTEST)
    log_in(browser, "a password in the wrong field", PASSWORD)
    log_in(browser, "Alice", PASSWORD)
    browser.post("/logout", data={"csrf_token": token_of(browser, "/console")})

    assert actions() == [
        ("alice", "session.refuse", "user alice", None),
        ("(unknown)", "session.refuse", "login", None),
        ("alice", "session.begin", "user alice", None),
        ("alice", "session.end", "user alice", None),
    ]


def test_whoever_goes_on_trying_does_not_fill_the_trail(database: Configure) -> None:
    browser = application().test_client()

    answers = [log_in(browser, "mallory", PASSWORD).status_code for _ in range(9)]

    assert answers == [422] * 5 + [429] * 4
    assert [action for _, action, _, _ in actions()] == ["session.refuse"] * 5 + ["session.throttle"]


def log_in(browser: Any, name: str, password: str) -> Any:
    data = {"name": name, "password": password, "next": "/console", "csrf_token": token_of(browser, "/login")}
    return browser.post("/login", data=data)


def token_of(browser: Any, path: str) -> str:
    found: str = browser.get(path).text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    return found


def test_books_that_nobody_has_looked_at_say_so(visit: Visit) -> None:
    assert "Nobody has looked yet" in visit.get("/console/audit/books").text


def test_books_that_balance_say_so_with_the_days(visit: Visit, accept: Accept) -> None:
    accept()
    audit.audit_and_keep()

    shown = visit.get("/console/audit/books").text

    assert "The books balance" in shown
    assert 'scope="row">sms</th>' in shown


def test_a_discrepancy_is_explained_and_named_by_its_id(visit: Visit, accept: Accept) -> None:
    lost, stranger = accept(), uuid4()
    execute("UPDATE notifications SET status = 'SENT', queue_at = NULL WHERE id = :id", id=lost)
    audit.audit_and_keep()

    shown = visit.get("/console/audit/books").text

    assert "sent_without_evidence" in shown
    assert "Counts as sent, yet no try, look-up or receipt shows that a provider has it." in shown
    assert f"notification {lost}" in shown
    assert str(stranger) not in shown


def test_an_operator_has_a_worker_look_now(as_role: AsRole, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = as_role("operator")

    answer = operator.send("/console/audit/books", after="0")
    shown = operator.follow(answer).text

    assert "A worker was asked" in shown
    assert "is asked to look" in shown
    assert actions() == [("operator-alice", "audit.run", "books", None)]
    assert broker.queue_lengths(broker.celery.connection_for_read())["maintenance"] == 1


def test_what_was_asked_for_is_shown_as_it_comes_and_not_asked_for_again(visit: Visit) -> None:
    assert "data-live-until-done" not in visit.get("/console/audit/books/looks", after=0).text
    audit.audit_and_keep()

    assert "data-live-until-done" in visit.get("/console/audit/books/looks", after=0).text
    assert "data-live-until-done" not in visit.get("/console/audit/books/looks").text


def test_without_a_broker_nobody_is_asked_and_it_is_said(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "publish_audit", lambda **_: False)

    shown = visit.follow(visit.send("/console/audit/books")).text

    assert "The broker does not answer" in shown
    assert actions() == []


def test_a_viewer_sees_the_books_and_that_an_operator_may_look(as_role: AsRole) -> None:
    shown = as_role("viewer").get("/console/audit/books").text

    assert "An operator may have it look at once." in shown
    assert "Look now" not in shown


def test_a_broker_that_cannot_be_reached_takes_no_audit(database: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UNREACHABLE[0]("no broker")

    monkeypatch.setattr(broker.celery, "signature", refuse)

    assert not broker.publish_audit(seconds=1)


def test_an_action_is_forgotten_with_its_transaction(visit: Visit) -> None:
    with (
        application().test_request_context("/console"),
        pytest.raises(RuntimeError, match="nobody"),
        acting("a.b", "c"),
    ):
        pass
    assert actions() == []
