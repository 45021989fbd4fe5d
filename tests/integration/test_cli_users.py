"""`sentinel users` as an operator meets it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import cli
from sentinel.errors import ConflictError, InvalidInputError, NotFoundError, SentinelError
from sentinel.models import User
from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work

PASSWORD = "correct horse battery"


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=typed, catch_exceptions=False)


def create(name: str = "alice", *more: str, password: str = PASSWORD) -> Result:
    return run("users", "create", name, *more, typed=f"{password}\n")


def log_in(name: str = "alice", password: str = PASSWORD) -> User | None:
    with unit_of_work() as uow:
        return users.log_in(uow, name, password, origin="127.0.0.1")


def test_a_user_is_made_with_a_password_that_comes_on_standard_input() -> None:
    result = create("Alice", "--role", "admin")

    assert result.output == "User alice (admin) may log in.\n"
    found = log_in("ALICE ")
    assert found is not None
    assert (found.name, found.role) == ("alice", "admin")


def test_in_a_terminal_the_password_is_typed_twice_and_not_shown() -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "sentinel", "users", "create", "alice"]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True) as process:
        os.close(slave)
        said = answered(master, b"Password: ", PASSWORD)
        said += answered(master, b"Repeat for confirmation: ", PASSWORD)
        said += answered(master, b"may log in.")
        assert process.wait(timeout=30) == 0
    os.close(master)

    assert PASSWORD.encode() not in said
    assert log_in() is not None


def answered(terminal: int, question: bytes, answer: str = "") -> bytes:
    """Read up to a question and type the answer; returns what the terminal showed."""
    shown = b""
    while question not in shown:
        shown += os.read(terminal, 1024)
    if answer:
        os.write(terminal, f"{answer}\n".encode())
    return shown


def test_a_user_looks_unless_said_otherwise() -> None:
    assert "alice (viewer)" in create().output


def test_a_password_is_stored_as_a_hash_with_a_salt_of_its_own() -> None:
    create("alice")
    create("bob")

    with unit_of_work() as uow:
        hashes = [user.password_hash for user in users.everybody(uow)]
    assert len(set(hashes)) == 2
    assert all(each.startswith("$argon2id$") and PASSWORD not in each for each in hashes)


def test_the_same_password_in_another_writing_is_the_same() -> None:
    create(password="zwölf Boxkämpfer")

    assert log_in(password="zwo\u0308lf Boxka\u0308mpfer") is not None
    assert log_in(password="zwolf Boxkampfer") is None


@pytest.mark.parametrize(
    ("password", "words"),
    [("shor7", "too short or too long"), ("x" * 201, "too short or too long"), ("alice-alice.", "little more than")],
)
def test_a_password_that_is_easily_guessed_is_refused_and_not_repeated(password: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        create("alice-alice" if "alice" in password else "alice", password=password)

    assert password not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "ünal", "-a", "x" * 101, "a\nb"])
def test_a_name_that_could_be_mistaken_is_refused_before_a_password_is_asked(name: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be a user's name"):
        run("users", "create", "--", name)


def test_a_name_is_given_once() -> None:
    create("alice")

    with pytest.raises(ConflictError, match="sentinel users passwd alice"):
        create("ALICE", password="another horse battery")

    assert log_in() is not None


def test_no_password_is_an_error_and_no_user() -> None:
    with pytest.raises(SentinelError, match="no password came"):
        create(password="")

    assert "There is no user yet" in run("users", "list").output


def test_a_new_password_replaces_the_old_one() -> None:
    create()

    run("users", "passwd", "alice", typed="another horse battery\n")

    assert log_in() is None
    assert log_in(password="another horse battery") is not None


def test_who_is_disabled_cannot_log_in_until_enabled_again() -> None:
    create()

    run("users", "disable", "alice")
    assert log_in() is None
    assert "disabled" in run("users", "list").output

    run("users", "enable", "alice")
    assert log_in() is not None


def test_a_role_is_changed() -> None:
    create()

    assert run("users", "role", "alice", "admin").exit_code == 0

    found = log_in()
    assert found is not None
    assert found.role == "admin"


@pytest.mark.parametrize("command", [["passwd"], ["disable"], ["enable"], ["role"]])
def test_a_user_who_does_not_exist_is_an_error(command: list[str]) -> None:
    arguments = [*command, "nobody", *(["admin"] if command == ["role"] else [])]

    with pytest.raises(NotFoundError, match="there is no user nobody; see `sentinel users list`"):
        run("users", *arguments, typed=f"{PASSWORD}\n")


def test_the_list_shows_no_hash() -> None:
    create("alice", "--role", "admin")
    create("bob")

    listed = run("users", "list").output

    assert [line.split()[1] for line in listed.splitlines() if "may log in" in line] == ["alice", "bob"]
    assert "argon2" not in listed


def test_a_password_that_changes_while_somebody_logs_in_stays_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    create()

    def changed_meanwhile(password: str, stored: str) -> str:
        run("users", "passwd", "alice", typed="another horse battery\n")
        return stored

    monkeypatch.setattr(users, "renewed_hash", changed_meanwhile)

    assert log_in() is None
    monkeypatch.undo()
    assert log_in(password="another horse battery") is not None
