"""The screens of users, and of oneself."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from sentinel.errors import ConflictError
from sentinel.models import User
from sentinel.passwords import password_hash
from sentinel.services.access import administering, users
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.conftest import application
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import Visit, actions
from tests.integration.meanwhile import begun_during

PASSWORD = "correct horse battery"
OTHER = "staple and a second one"


def user(name: str) -> User:
    with unit_of_work() as uow:
        return uow.session.scalars(select(User).where(User.name == name)).one()


def make(name: str, role: str = "viewer") -> None:
    with unit_of_work() as uow:
        users.create(uow, name, PASSWORD, role=role)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_admins_see_users(role: str, as_role: AsRole) -> None:
    assert as_role(role).get("/console/users").status_code == 403
    assert as_role(role).get("/console/users/alice").status_code == 403


def test_whoever_may_not_see_users_is_led_to_none(as_role: AsRole) -> None:
    assert 'href="/console/users"' not in as_role("operator").get("/console/me").text
    assert 'href="/console/users"' in as_role("admin").get("/console/me").text


def test_users_are_listed_with_role_and_state(visit: Visit) -> None:
    make("bob", "operator")
    with unit_of_work() as uow:
        users.disable(uow, "bob")

    shown = visit.get("/console/users").text

    assert (">bob</a>" in shown, "disabled" in shown, "operator" in shown) == (True, True, True)
    assert "you</span>" in shown


def test_an_admin_makes_a_user_who_may_log_in(visit: Visit) -> None:
    answer = visit.send("/console/users", name="Bob", password=PASSWORD, role="operator")

    assert "bob may log in as operator." in visit.follow(answer).text
    with unit_of_work() as uow:
        assert users.log_in(uow, "bob", PASSWORD, origin="here") is not None
    assert actions()[0] == ("alice", "user.create", "user bob", None)


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"name": "not a name"}, 422, "cannot be a user&#39;s name"),
        ({"password": "short"}, 422, "is too short or too long"),
        ({"role": "god"}, 422, "is no role"),
        ({"name": "alice"}, 409, "there is a user alice already"),
    ],
)
def test_a_user_that_cannot_be_made_is_refused_with_its_form_as_it_was(
    fields: dict[str, str], status: int, message: str, visit: Visit
) -> None:
    answer = visit.send("/console/users", MultiDict({"name": "bob", "password": PASSWORD, "role": "operator"} | fields))

    assert (answer.status_code, message in answer.text) == (status, True)
    assert f'value="{fields.get("name", "bob")}"' in answer.text
    assert PASSWORD not in answer.text
    assert actions() == []


def test_an_admin_gives_another_role(visit: Visit) -> None:
    make("bob")

    visit.send("/console/users/bob/role", role="operator")

    assert user("bob").role == "operator"
    assert actions() == [("alice", "user.role", "user bob", None)]


def test_nobody_takes_the_own_admin_role_or_login_away(visit: Visit) -> None:
    make("bob", "admin")

    for name in ("alice", "ALICE", "Alice%20"):
        for path, fields in (("role", {"role": "viewer"}), ("disable", {})):
            answer = visit.send(f"/console/users/{name}/{path}", MultiDict(fields))
            assert "You cannot" in visit.follow(answer).text

    assert (user("alice").role, user("alice").is_active) == ("admin", True)
    assert actions() == []


def test_the_last_admin_stays_though_two_take_each_others_role_at_once(visit: Visit) -> None:
    make("bob", "admin")

    answer = begun_during(
        "UPDATE users SET role = 'viewer' WHERE name = 'alice'",
        lambda: visit.send("/console/users/bob/role", role="viewer"),
    )

    assert answer.status_code == 303
    assert (user("alice").role, user("bob").role) == ("viewer", "admin")
    assert actions() == []


def test_the_last_admin_is_not_disabled(visit: Visit) -> None:
    make("bob", "admin")
    with unit_of_work() as uow:
        users.set_role(uow, "alice", "viewer")
        with pytest.raises(ConflictError, match="last admin"):
            administering.shut_out(uow, "bob", by="carol")


def test_whoever_is_disabled_is_out_at_once_and_may_come_back(visit: Visit) -> None:
    bob = Visit(application(), "operator", name="bob")

    visit.send("/console/users/bob/disable")
    assert bob.get("/console").status_code == 303
    visit.send("/console/users/bob/enable")

    assert user("bob").is_active
    assert [action for _, action, _, _ in actions()] == ["user.disable", "user.enable"]


def test_an_admin_logs_somebody_out_everywhere(visit: Visit) -> None:
    bob = Visit(application(), "operator", name="bob")

    visit.send("/console/users/bob/sessions")

    assert bob.get("/console").status_code == 303
    assert actions() == [("alice", "user.log_out", "user bob", None)]


def test_an_admin_sets_a_new_password_and_none_that_is_too_short(visit: Visit) -> None:
    make("bob")

    refused = visit.send("/console/users/bob/password", password="short")
    visit.send("/console/users/bob/password", password=OTHER)

    assert (refused.status_code, "is too short or too long" in refused.text) == (422, True)
    with unit_of_work() as uow:
        assert users.log_in(uow, "bob", OTHER, origin="here") is not None
    assert actions()[0] == ("alice", "user.password", "user bob", None)


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_the_own_password_is_not_reset_but_changed(name: str, visit: Visit) -> None:
    answer = visit.send(f"/console/users/{name}/password", password=OTHER)

    assert answer.headers["Location"] == "/console/me"
    assert actions() == []


def test_somebody_who_does_not_exist_is_said_as_a_page(visit: Visit) -> None:
    for path in ("role", "disable", "enable", "password", "sessions"):
        answer = visit.send(f"/console/users/nobody/{path}", role="viewer", password=OTHER)
        assert (answer.status_code, "<h1" in answer.text) == (404, True), path


def test_everybody_changes_the_own_password_and_stays_logged_in_here_alone(as_role: AsRole) -> None:
    viewer, elsewhere = as_role("viewer"), as_role("viewer")
    learn("viewer-alice")

    answer = viewer.send("/console/me", old_password=PASSWORD, password=OTHER, again=OTHER)

    assert "Your password is changed" in viewer.follow(answer).text
    assert elsewhere.get("/console").status_code == 303
    with unit_of_work() as uow:
        assert users.log_in(uow, "viewer-alice", OTHER, origin="here") is not None
    assert actions()[0] == ("viewer-alice", "user.password", "user viewer-alice", None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"old_password": "not this one"}, "is not your password"),
        ({"again": "something else"}, "is not the same as the new one"),
        ({"password": "short", "again": "short"}, "is too short or too long"),
    ],
)
def test_a_password_that_cannot_be_changed_says_why(fields: dict[str, str], message: str, visit: Visit) -> None:
    learn("alice")

    answer = visit.send(
        "/console/me", MultiDict({"old_password": PASSWORD, "password": OTHER, "again": OTHER} | fields)
    )

    assert (answer.status_code, message in answer.text) == (422, True)
    assert "user.password" not in [action for _, action, _, _ in actions()]


def test_the_password_one_has_is_not_guessed_without_end(visit: Visit) -> None:
    learn("alice")
    guess = {"old_password": "not this one", "password": OTHER, "again": OTHER}

    answers = [visit.send("/console/me", MultiDict(guess)) for _ in range(7)]

    assert [each.status_code for each in answers] == [422] * 5 + [429] * 2
    refused = ("alice", "session.refuse", "user alice", None)
    assert actions() == [refused] * 5 + [("(unknown)", "session.throttle", "login", None)]


def test_what_is_so_already_is_not_written_down_as_done(visit: Visit) -> None:
    make("bob", "operator")

    for path, fields in (("role", {"role": "operator"}), ("enable", {})):
        assert " already." in visit.follow(visit.send(f"/console/users/bob/{path}", MultiDict(fields))).text

    assert actions() == []


def test_a_name_that_nobody_can_have_is_nobody(visit: Visit) -> None:
    assert visit.get("/console/users/a%00b").status_code == 404


def learn(name: str) -> None:
    """Give a visitor a password without ending the session."""
    execute("UPDATE users SET password_hash = :known WHERE name = :name", known=password_hash(PASSWORD), name=name)
