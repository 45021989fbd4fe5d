"""`sentinel keys` as an operator meets it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from sentinel.cli import cli, main
from tests.conftest import Configure

BODY = {"channel": "sms", "recipient": "+14155552671", "body": "hi"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def created(*more: str) -> str:
    return run("keys", "create", "--client", "shop", "--name", "CI", *more).stdout.strip()


def post(api: FlaskClient, key: str) -> int:
    return api.post("/notifications", json=BODY, headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_created_key_works_and_stands_alone_on_standard_output(api: FlaskClient) -> None:
    result = run("keys", "create", "--client", "shop", "--name", "CI")

    key = result.stdout.removesuffix("\n")
    assert key.startswith("sntl_")
    assert key.isprintable()
    assert f"Authorization: Bearer {key}" in result.stderr
    assert "shown only now" in result.stderr
    assert post(api, key) == 202


def test_a_key_without_the_scope_is_refused(api: FlaskClient) -> None:
    key = created("--scope", "notifications:read")

    assert post(api, key) == 403


def test_a_revoked_key_is_refused_and_listed_as_revoked(api: FlaskClient) -> None:
    key = created()

    run("keys", "revoke", only_id())

    assert post(api, key) == 401
    assert "revoked" in run("keys", "list").stdout


def test_revoking_twice_is_an_error_that_names_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    created()
    key_id = only_id()
    run("keys", "revoke", key_id)

    assert failing(capsys, "keys", "revoke", key_id) == (
        f"error: no working API key with id {key_id}; see `sentinel keys list`"
    )


def test_the_list_shows_prefixes_and_never_keys() -> None:
    key = created("--expires", "90d")

    listed = run("keys", "list", "--client", "shop").stdout

    assert f"{key[:12]}…" in listed
    assert key not in listed
    assert "works" in listed


@pytest.mark.parametrize("given", ["0d", "2020-01-01T00:00:00Z", "2099-01-01", "soon", ""])
def test_an_expiry_that_cannot_be_meant_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = failing(capsys, "keys", "create", "--client", "shop", "--name", "CI", "--expires", given)

    assert error.startswith(f'error: --expires: "{given}" is ')
    assert "90d" in error


def test_an_unknown_client_is_an_error_and_not_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    error = failing(capsys, "keys", "list", "--client", "shpo")

    assert "there is no client 'shpo'" in error


def test_an_unreachable_database_is_one_sentence(database: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    database(DATABASE_URL="postgresql://someone:secret@127.0.0.1:1/nothing")

    error = failing(capsys, "keys", "list")

    assert error.startswith("error: the database of DATABASE_URL cannot be used: ")
    assert "sentinel doctor" in error
    assert "secret" not in error


def only_id() -> str:
    return run("keys", "list", "--client", "shop").stdout.splitlines()[-1].split()[0]


def failing(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that `main` prints for an expected error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["sentinel", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 1
    return capsys.readouterr().err.strip()
