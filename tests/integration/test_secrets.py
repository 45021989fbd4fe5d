"""Secrets of webhooks in the database: sealed, moved to the next key, and what follows when no key opens them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import text

from sentinel.cli import cli
from sentinel.db import get_engine
from sentinel.errors import ConflictError
from sentinel.sealing import new_secret_key, seal, unseal
from sentinel.services.access import secrets
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn
from sentinel.stand_ins.messages import WEBHOOK_SECRET
from tests.conftest import SECRET_KEY, Configure
from tests.integration.conftest import Accept, RunPipeline
from tests.rows import row, tries
from tests.system import eventually

OWN_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
HOOK = {"channel": "webhook", "target": "https://example.com/hooks/1"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def stored(endpoint_id: int) -> str:
    with get_engine().connect() as connection:
        found: str = connection.scalar(text("SELECT secret FROM endpoints WHERE id = :id"), {"id": endpoint_id})
        return found


def an_endpoint(secret: str, target: str = HOOK["target"]) -> int:
    statement = text(
        "INSERT INTO endpoints (client_id, channel, target, secret, version, created_at, updated_at)"
        " VALUES (1, 'webhook', :target, :secret, 1, now(), now()) RETURNING id"
    )
    with get_engine().begin() as connection:
        found: int = connection.execute(statement, {"target": target, "secret": secret}).scalar_one()
    return found


def make(api: FlaskClient, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/endpoints", json=HOOK | more).get_json()
    return made


def test_a_secret_is_shown_once_as_it_is_and_stored_sealed(api: FlaskClient) -> None:
    made = make(api)

    assert made["secret"].startswith("whsec_")
    assert stored(made["id"]).startswith("sealed:")
    assert unseal(stored(made["id"])) == made["secret"]


def test_an_endpoint_that_is_replaced_keeps_its_secret_and_one_in_clear_is_sealed(api: FlaskClient) -> None:
    endpoint_id = an_endpoint(WEBHOOK_SECRET)

    for version in (1, 2):
        assert api.put(f"/endpoints/{endpoint_id}", json=HOOK | {"version": version}).status_code == 200

        assert stored(endpoint_id).startswith("sealed:")
        assert unseal(stored(endpoint_id)) == WEBHOOK_SECRET


def test_a_secret_that_nothing_opens_is_no_obstacle_to_a_new_one(api: FlaskClient, database: Configure) -> None:
    endpoint_id = make(api)["id"]
    database(SENTINEL_SECRET_KEYS=new_secret_key())

    assert api.get(f"/endpoints/{endpoint_id}").get_json()["has_secret"]
    answer = api.post(f"/endpoints/{endpoint_id}/rotate-secret").get_json()

    assert unseal(stored(endpoint_id)) == answer["secret"]


def test_without_a_key_a_webhook_is_refused_with_the_remedy_and_other_channels_are_not(
    api: FlaskClient, database: Configure
) -> None:
    database(SENTINEL_SECRET_KEYS="")

    refused = api.post("/endpoints", json=HOOK)

    assert refused.status_code == 409
    assert "sentinel secrets new-key" in refused.get_json()["message"]
    assert api.post("/endpoints", json={"channel": "inbox", "target": "u-1"}).status_code == 201
    assert api.get("/endpoints").get_json()[0]["channel"] == "inbox"


def test_what_is_sealed_signs_what_is_sent(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    target = f"{provider.url}/hooks/shop"
    notification_id = to_endpoint(accept(channel="webhook", recipient=target), an_endpoint(seal(WEBHOOK_SECRET)))
    database(SENTINEL_SECRET_KEYS=f"{new_secret_key()},{SECRET_KEY}")

    run_pipeline([notification_id], "webhook")

    assert row(notification_id).status == "SENT"
    assert [entry.status for entry in provider.entries] == [204]


def test_one_secret_that_nothing_opens_holds_up_its_message_alone_and_says_so(
    accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    target = f"{provider.url}/hooks/shop"
    lost = an_endpoint(seal(WEBHOOK_SECRET))
    database(SENTINEL_SECRET_KEYS=new_secret_key())
    well = an_endpoint(seal(WEBHOOK_SECRET))
    first, second = (to_endpoint(accept(channel="webhook", recipient=target), each) for each in (lost, well))

    run_pipeline([first, second], "webhook")

    assert (row(first).status, row(first).reason) == ("FAILED", "secret_unreadable")
    assert row(second).status == "SENT"
    (attempt,) = tries(first)
    assert (attempt.outcome, attempt.reason) == ("CONFIG", "secret_unreadable")
    assert "SENTINEL_SECRET_KEYS" in str(attempt.hint)
    assert [entry.headers["webhook-id"] for entry in provider.entries] == [second]


def to_endpoint(notification_id: str, endpoint_id: int) -> str:
    with get_engine().begin() as connection:
        values = {"id": notification_id, "endpoint_id": endpoint_id}
        connection.execute(text("UPDATE notifications SET endpoint_id = :endpoint_id WHERE id = :id"), values)
    return notification_id


def test_rotation_seals_everything_with_the_first_key_in_batches(
    database: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "BATCH", 2)
    ids = [an_endpoint(seal(WEBHOOK_SECRET)) for _ in range(3)] + [an_endpoint(WEBHOOK_SECRET) for _ in range(2)]
    new = new_secret_key()
    database(SENTINEL_SECRET_KEYS=f"{new},{SECRET_KEY}")

    assert "0 secrets are sealed with the first key, 3 with another, 2 not at all." in run("secrets", "check").output
    assert run("secrets", "rotate").output.startswith("5 secrets are sealed anew with the first key, 0 were")
    assert run("secrets", "rotate").output.startswith("0 secrets are sealed anew with the first key, 5 were")

    database(SENTINEL_SECRET_KEYS=new)
    assert {unseal(stored(each)) for each in ids} == {WEBHOOK_SECRET}
    checked = run("secrets", "check")
    assert (checked.exit_code, checked.output) == (
        0,
        "5 secrets are sealed with the first key, 0 with another, 0 not at all.\n",
    )


def test_a_secret_that_changes_while_keys_rotate_stays_changed(database: Configure) -> None:
    endpoint_id = an_endpoint(WEBHOOK_SECRET)
    with ThreadPoolExecutor() as threads, get_engine().begin() as connection:
        values = {"id": endpoint_id, "secret": seal(OWN_SECRET)}
        connection.execute(text("UPDATE endpoints SET secret = :secret WHERE id = :id"), values)
        rotation = threads.submit(secrets.rotate, unit_of_work)
        eventually(is_anybody_waiting, seconds=10, message="the rotation does not wait for the row")
        connection.commit()
        rotation.result(timeout=30)

    assert unseal(stored(endpoint_id)) == OWN_SECRET


def is_anybody_waiting() -> bool:
    with get_engine().connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_rotation_leaves_versions_and_times_alone(database: Configure) -> None:
    endpoint_id = an_endpoint(WEBHOOK_SECRET)
    before = version_of(endpoint_id)

    run("secrets", "rotate")

    assert version_of(endpoint_id) == before
    assert stored(endpoint_id).startswith("sealed:")


def version_of(endpoint_id: int) -> tuple[Any, ...]:
    with get_engine().connect() as connection:
        values = {"id": endpoint_id}
        found = connection.execute(text("SELECT version, updated_at FROM endpoints WHERE id = :id"), values)
        return tuple(found.one())


@pytest.mark.parametrize("command", ["rotate", "check"])
def test_secrets_that_nothing_opens_are_named_and_left_as_they_are(command: str, database: Configure) -> None:
    endpoint_id = an_endpoint(seal(WEBHOOK_SECRET))
    before = stored(endpoint_id)
    database(SENTINEL_SECRET_KEYS=new_secret_key())
    an_endpoint(WEBHOOK_SECRET)

    result = run("secrets", command)

    assert result.exit_code == 1
    assert f"1 secrets cannot be opened: endpoint {endpoint_id}. Add the key" in result.stderr
    assert stored(endpoint_id) == before


def test_rotation_without_a_key_is_refused(database: Configure) -> None:
    an_endpoint(WEBHOOK_SECRET)
    database(SENTINEL_SECRET_KEYS="")

    with pytest.raises(ConflictError, match="new-key"):
        CliRunner().invoke(cli, ["secrets", "rotate"], catch_exceptions=False)


def test_a_new_key_stands_alone_on_standard_output() -> None:
    first, second = run("secrets", "new-key").stdout, run("secrets", "new-key").stdout

    assert len(first.strip()) == 44
    assert first != second


CLEAR_TEXTS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'jsonb', 'json')
"""


def test_no_column_of_the_database_holds_a_secret_in_clear_after_it_was_used(
    api: FlaskClient, accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn, database: Configure
) -> None:
    target = f"{provider.url}/hooks/shop"
    given = make(api, secret=OWN_SECRET)
    rotated = api.post(f"/endpoints/{make(api)['id']}/rotate-secret").get_json()
    notification_id = to_endpoint(accept(channel="webhook", recipient=target), an_endpoint(seal(WEBHOOK_SECRET)))
    run_pipeline([notification_id], "webhook")
    database(SENTINEL_WEBHOOK_PROVIDER="sandbox", SENTINEL_EMAIL_PROVIDER="sandbox")
    assert run("demo-data", "--clients", "1", "--webhooks").exit_code == 0
    assert (given["secret"], row(notification_id).status) == (OWN_SECRET, "SENT")

    for secret in (
        "whsec_",
        *(each.removeprefix("whsec_") for each in (OWN_SECRET, rotated["secret"], WEBHOOK_SECRET)),
    ):
        assert columns_with(secret) == []
    assert columns_with("sealed:") == ["endpoints.secret"]


def columns_with(words: str) -> list[str]:
    """Every column of every table in which these words stand somewhere."""
    with get_engine().connect() as connection:
        columns = connection.execute(text(CLEAR_TEXTS)).all()
        return [
            f"{table}.{column}"
            for table, column in columns
            if connection.scalar(
                text(f'SELECT EXISTS (SELECT FROM "{table}" WHERE strpos(CAST("{column}" AS text), :words) > 0)'),
                {"words": words},
            )
        ]
