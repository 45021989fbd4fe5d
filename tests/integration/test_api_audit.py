"""`GET /audit`: the last look at the books, for operators."""

from __future__ import annotations

import schemathesis
from flask.testing import FlaskClient

from sentinel.services.bookkeeping import audit
from tests.integration.calls import bearer, execute, refused
from tests.integration.conftest import Accept


def test_before_the_first_audit_there_is_nothing_to_show(api: FlaskClient) -> None:
    answer = api.get("/audit")

    assert answer.status_code == 404
    assert "sentinel audit" in answer.get_json()["message"]


def test_the_last_audit_is_shown_with_what_it_found(api: FlaskClient, accept: Accept) -> None:
    notification_id = accept()
    execute("UPDATE notifications SET attempts = 1")
    audit.audit_and_keep()

    shown = api.get("/audit").get_json()

    assert (shown["checked"], shown["discrepancies"], shown["is_complete"]) == (1, 1, True)
    assert [(each["channel"], each["accepted"], each["in_flight"]) for each in shown["balance"]] == [("sms", 1, 1)]
    assert [(each["kind"], each["count"]) for each in shown["kinds"]] == [("attempts_differ", 1)]
    assert [(each["id"], each["client"]) for each in shown["found"]] == [(notification_id, "default")]


def test_what_is_shown_is_as_described(api: FlaskClient, accept: Accept) -> None:
    accept()
    execute("UPDATE notifications SET attempts = 1")
    audit.audit_and_keep()

    described = schemathesis.openapi.from_wsgi("/openapi.json", api.application)["/audit"]["GET"]

    described.validate_response(api.get("/audit"))


def test_it_can_be_narrowed_to_a_client(api: FlaskClient, accept: Accept) -> None:
    accept()
    execute("UPDATE notifications SET attempts = 1")
    audit.audit_and_keep()
    bearer("shop")

    assert api.get("/audit?client=shop").get_json()["found"] == []
    assert len(api.get("/audit?client=default").get_json()["found"]) == 1
    assert api.get("/audit?client=shpo").status_code == 404


def test_it_takes_the_scope_admin(api: FlaskClient) -> None:
    answer = api.get("/audit", headers=bearer("shop"))

    assert answer.status_code == 403
    assert "admin" in answer.get_json()["message"]
    assert refused(api.get("/audit?since=1h")) != {}
