"""Ids through the logs: of a request, of a task, and of the notifications and events they are about."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sentinel import tracing
from sentinel.app import create_app
from sentinel.logs import get_logger
from sentinel.services.matching import matching
from tests.collector import collecting
from tests.conftest import Configure
from tests.integration.calls import at_once, send
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.rules import rule

Lines = list[dict[str, Any]]


def talkative(database: Configure) -> FlaskClient:
    """The API, which says all it can, in JSON. Made in the test itself: only then `capsys` hears it."""
    return create_app(database(SENTINEL_LOG_FORMAT="json", SENTINEL_LOG_LEVEL="debug")).test_client()


def said(capsys: pytest.CaptureFixture[str], *names: str) -> Lines:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] in names]


def request_id(answer: TestResponse) -> str:
    return answer.headers["X-Request-Id"]


@pytest.mark.parametrize("given", ["7b1f", "req_01HZX.4:5/6+7=@8-9", "a" * 128])
def test_the_callers_id_is_kept(api: FlaskClient, given: str) -> None:
    assert request_id(send(api, X_Request_Id=given)) == given


@pytest.mark.parametrize("given", ["", "-x", "a b", "a\tb", 'a"b', "ä", "a" * 129])
def test_an_id_of_another_form_is_replaced(api: FlaskClient, given: str) -> None:
    assert request_id(send(api, X_Request_Id=given)) != given


def test_each_request_has_an_id_of_its_own_whatever_is_answered(api: FlaskClient) -> None:
    answers = [send(api), send(api, {}), api.get("/health"), api.get("/nowhere"), api.get("/docs")]

    assert len({request_id(answer) for answer in answers}) == len(answers)


def test_lines_of_requests_at_the_same_moment_have_their_own_ids(
    database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    api = talkative(database)
    app = api.application
    answers = at_once(8, lambda number: send(app.test_client(), X_Request_Id=f"request-{number}"))

    told = {line["notification_id"]: line["request_id"] for line in said(capsys, "notification_accepted")}
    assert told == {answer.get_json()["id"]: request_id(answer) for answer in answers}


def test_a_batch_and_an_event_are_told_by_their_ids(database: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    api = talkative(database)
    batch = send(api, [{"type": "a"}, {"type": "b"}], "/events/batch", X_Request_Id="both")
    event = send(api, {"type": "c"}, "/events", X_Request_Id="one")

    ids = [each["event"]["id"] for each in batch.get_json()]
    assert [(line["event_id"], line["request_id"]) for line in said(capsys, "event_accepted")] == [
        (ids[0], "both"),
        (ids[1], "both"),
        (event.get_json()["id"], "one"),
    ]


def test_an_error_is_logged_under_the_requests_id(
    database: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = talkative(database)
    monkeypatch.setattr("sentinel.services.notifications.new_rows", None)

    answer = send(api)

    (line,) = said(capsys, "request_failed")
    assert answer.status_code == 500
    assert line["request_id"] == request_id(answer)


def test_the_next_request_of_a_thread_and_what_comes_after_it_do_not_inherit_the_id(
    database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    api = talkative(database)
    send(api, X_Request_Id="first")

    get_logger("tests").warning("afterwards")

    (line,) = said(capsys, "afterwards")
    assert "request_id" not in line


def test_an_event_its_messages_and_their_tries_can_be_followed(
    database: Configure, capsys: pytest.CaptureFixture[str], run_pipeline: RunPipeline
) -> None:
    api = talkative(database)
    rule('when event.type == "order" then notify("sms:+14155552671")')
    event_id = send(api, {"type": "order"}, "/events").get_json()["id"]
    matching.match([event_id])
    lines = said(capsys, "notification_accepted")
    (made,) = [line["notification_id"] for line in lines if line["event_id"] == event_id]

    run_pipeline([made])

    (tried,) = said(capsys, "notification_tried")
    assert (tried["notification_id"], tried["outcome"], tried["status"]) == (made, "OK", "SENT")


def test_lines_of_a_task_name_it_its_channel_and_how_many_it_has(
    database: Configure, accept: Accept, capsys: pytest.CaptureFixture[str]
) -> None:
    import tasks.delivery

    talkative(database)
    ids = [accept(channel="inbox", recipient="user-1") for _ in range(3)]
    tasks.delivery.deliver.apply([ids], {"channel": "inbox"}, task_id="task-1")
    get_logger("tests").warning("afterwards")

    (sent, after) = said(capsys, "batch_sent", "afterwards")
    assert (sent["task_id"], sent["task"], sent["channel"]) == ("task-1", "tasks.delivery.deliver", "inbox")
    assert sent["batch_size"] == 3
    assert not {"task_id", "task", "channel", "batch_size"} & set(after)


def test_at_the_usual_level_nothing_is_said_of_single_notifications(
    database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    api = create_app(database(SENTINEL_LOG_FORMAT="json")).test_client()

    send(api)

    assert said(capsys, "notification_accepted") == []


def test_while_traces_are_on_each_line_says_where_it_belongs(
    database: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    with collecting() as collector:
        settings = database(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, SENTINEL_LOG_FORMAT="json", SENTINEL_LOG_LEVEL="debug"
        )
        tracing.start()
        send(create_app(settings).test_client())
        tracing.stop()

    (line,) = said(capsys, "notification_accepted")
    (span,) = collector.named("POST /notifications")
    assert (line["trace_id"], line["span_id"]) == span.place
