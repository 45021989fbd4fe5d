"""Nothing that people are or write stands in a log, even when the database refuses a row and repeats it."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from sentinel.app import create_app
from sentinel.store import get_store
from tests.conftest import Configure
from tests.integration.calls import bearer, execute, send
from tests.integration.conftest import Accept, RunPipeline

NUMBER, TEXT = "+14155550123", "geheim, line one\n[SQL: line two"
PRIVATE = ("4155550123", "geheim", "line two")
RULE_OF_THE_TABLE = "ALTER TABLE notifications ADD CONSTRAINT refuses_this CHECK (body NOT LIKE 'geheim%')"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_row_that_the_database_refuses_is_not_repeated(
    log_format: str, database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    database(SENTINEL_LOG_FORMAT=log_format, SENTINEL_LOG_LEVEL="debug")
    api, key = create_app().test_client(), bearer("mine")
    execute(RULE_OF_THE_TABLE)
    try:
        response = send(api, {"channel": "sms", "recipient": NUMBER, "body": TEXT}, **key)
    finally:
        execute("ALTER TABLE notifications DROP CONSTRAINT refuses_this")

    logged = capsys.readouterr().err
    assert response.status_code == 500
    assert "refuses_this" in logged
    assert "IntegrityError" in logged
    assert not any(word in logged + response.text for word in (*PRIVATE, key["Authorization"].split()[1]))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_error_of_ours_is_logged_without_what_the_functions_held(
    log_format: str, database: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database(SENTINEL_LOG_FORMAT=log_format, SENTINEL_LOG_LEVEL="debug")
    api, key = create_app().test_client(), bearer("mine")

    def broken(*_: object, **__: object) -> None:
        text = TEXT  # noqa: F841 - what a log with local variables would show
        raise RuntimeError("broken")

    monkeypatch.setattr("sentinel.services.notifications.new_rows", broken)
    response = send(api, {"channel": "sms", "recipient": NUMBER, "body": TEXT}, **key)

    logged = capsys.readouterr().err
    assert response.status_code == 500
    assert "RuntimeError: broken" in logged
    assert not any(word in logged + response.text for word in (*PRIVATE, key["Authorization"].split()[1]))


def test_the_error_itself_repeats_no_row_whoever_prints_it(accept: Accept) -> None:
    """Celery makes it part of its own message."""
    accept(body=TEXT, recipient=NUMBER)

    with pytest.raises(IntegrityError) as caught:
        execute("UPDATE notifications SET status = NULL")

    told = f"{caught.value} {caught.value.orig} {caught.value!r} {caught.value.orig!r}"
    assert 'null value in column "status"' in told
    assert not any(word in told for word in PRIVATE)


@pytest.mark.usefixtures("provider")
def test_sending_at_debug_level_names_no_recipient(
    accept: Accept, run_pipeline: RunPipeline, database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    database(SENTINEL_LOG_FORMAT="json", SENTINEL_LOG_LEVEL="debug")
    create_app()

    run_pipeline([accept(recipient=NUMBER, body=TEXT), accept(recipient="+15005550001", body=TEXT)])

    logged = capsys.readouterr().err
    assert logged
    assert not any(word in logged for word in (*PRIVATE, "5005550001"))


def test_redis_counts_recipients_without_their_names(accept: Accept, run_pipeline: RunPipeline) -> None:
    run_pipeline([accept(recipient=NUMBER, user_id="geheim")])

    kept = [name.decode() for name in get_store().scan_iter("*")]

    assert any("recipient" in name for name in kept), kept
    assert not any(word in name for word in PRIVATE for name in kept)
