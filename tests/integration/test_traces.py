"""Traces, from rows to the collector: one from the request to the provider's call, though batches carry many."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DataError

from sentinel import tracing
from sentinel.db import get_engine
from sentinel.services.matching import matching
from sentinel.services.sending import delivery, failover
from sentinel.stand_ins import ProviderStandIn, refused
from sentinel.tracing.recorder import MOST_LINKS
from tests.collector import Collector
from tests.integration.calls import at_once, send
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.rules import endpoint, rule
from tests.integration.spans import CALLER, SPAN, TRACE, batch, caller, exported
from tests.rows import row, rows


def trace_in_row(table: str, row_id: str) -> str | None:
    with get_engine().connect() as connection:
        found: str | None = connection.execute(
            text(f"SELECT traceparent FROM {table} WHERE id = :id"), {"id": row_id}
        ).scalar_one()
        return found


def test_a_request_goes_on_with_its_callers_trace_down_to_the_provider(
    collector: Collector, api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    answer = send(api, **CALLER)

    with batch():
        run_pipeline([answer.json["id"]])  # type: ignore[index]

    (request,), (call,) = exported(collector, "POST /notifications"), exported(collector, "send sms")
    assert (request.trace_id, request.parent_id) == (TRACE, SPAN)
    assert (call.trace_id, call.parent_id) == (TRACE, request.span_id)
    assert trace_in_row("notifications", answer.json["id"]) == f"00-{TRACE}-{request.span_id}-01"  # type: ignore[index]
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/notifications",
        "http.response.status_code": 202,
    }
    assert call.attributes == {
        "sentinel.notification.id": answer.json["id"],  # type: ignore[index]
        "sentinel.channel": "sms",
        "sentinel.provider": "twilio",
        "sentinel.attempt": 1,
        "sentinel.outcome": "OK",
        "http.response.status_code": 201,
    }
    assert {request.service, call.service} == {"sentinel"}


def test_a_batch_is_linked_to_its_members_and_each_members_call_to_the_batch(
    collector: Collector, api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    answers = at_once(5, lambda number: send(api.application.test_client(), traceparent=caller(number)))

    with batch():
        run_pipeline([answer.json["id"] for answer in answers])  # type: ignore[index]

    (whole,) = exported(collector, "a batch")
    calls, requests = collector.named("send sms"), collector.named("POST /notifications")
    assert sorted(call.trace_id for call in calls) == [f"{number:032x}" for number in range(1, 6)]
    assert {call.parent_id for call in calls} == {request.span_id for request in requests}
    assert [call.links for call in calls] == [[whole.place]] * 5
    assert set(whole.links) == {request.place for request in requests}


def test_stages_and_statements_are_inside_of_the_batch(
    collector: Collector, accept: Accept, run_pipeline: RunPipeline
) -> None:
    with batch():
        run_pipeline([accept(dedupe_key="disk")])

    (whole,), (stage,) = exported(collector, "a batch"), exported(collector, "dedupe")
    assert (stage.parent_id, stage.attributes) == (whole.span_id, {"sentinel.batch_size": 1})
    statements = [span for span in collector.spans if span.attributes.get("db.system.name") == "postgresql"]
    assert {span.trace_id for span in statements} == {whole.trace_id}
    assert any(span.parent_id == stage.span_id for span in statements), "those of the stage are inside of it"
    assert any(span.attributes["db.query.text"].startswith("WITH stored AS (") for span in statements)


def test_what_the_caller_does_not_record_is_recorded_nowhere(
    collector: Collector, api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    answer = send(api, traceparent=caller(1, flags="00"))

    run_pipeline([answer.json["id"]])  # type: ignore[index]

    assert trace_in_row("notifications", answer.json["id"]) is None  # type: ignore[index]
    assert exported(collector, "POST /notifications") == []
    assert exported(collector, "send sms") == []


@pytest.mark.parametrize("broken", ["", "x", "00-0-0-01", f"00-{'0' * 32}-{'0' * 16}-01", "ff-" + caller(1)[3:]])
def test_a_header_that_cannot_be_read_begins_a_trace(collector: Collector, api: FlaskClient, broken: str) -> None:
    assert send(api, traceparent=broken).status_code == 202

    (request,) = exported(collector, "POST /notifications")
    assert request.parent_id == ""


def test_an_event_hands_its_trace_on_to_its_messages_and_they_to_the_webhook(
    collector: Collector, api: FlaskClient, provider: ProviderStandIn
) -> None:
    rule('when event.type == "order" then notify("endpoint:shop")')
    endpoint("webhook", f"{provider.url}/hooks/open/shop", name="shop")
    event = send(api, {"type": "order"}, "/events", **CALLER)
    send(api, {"type": "order"}, "/events", traceparent=caller(7, flags="00"))

    with batch("match"):
        matching.match([event.json["id"]])  # type: ignore[index]
    (told,) = rows()
    with batch("deliver"):
        delivery.deliver("webhook", [told], worker="test@here")

    (request, *_), (call,) = exported(collector, "POST /events"), exported(collector, "send webhook")
    assert (call.trace_id, call.parent_id) == (TRACE, request.span_id)
    assert exported(collector, "match")[0].links == [request.place]
    (received,) = [entry for entry in provider.entries if entry.path == "/hooks/open/shop"]
    assert received.headers["traceparent"] == f"00-{TRACE}-{call.span_id}-01"


def test_a_webhook_of_a_request_that_is_not_recorded_gets_no_trace_of_those_it_is_sent_with(
    collector: Collector, api: FlaskClient, provider: ProviderStandIn, run_pipeline: RunPipeline
) -> None:
    hooks = [{"channel": "webhook", "recipient": f"{provider.url}/hooks/open/{name}", "body": "x"} for name in "ab"]
    ids = [
        send(api, hook, traceparent=caller(1, flags=flags)).get_json()["id"]
        for hook, flags in zip(hooks, ("00", "01"), strict=True)
    ]

    with batch():
        run_pipeline(ids, "webhook")

    given = {entry.path: "traceparent" in entry.headers for entry in provider.entries}
    assert given == {"/hooks/open/a": False, "/hooks/open/b": True}


def test_events_of_one_body_belong_to_their_request(collector: Collector, api: FlaskClient) -> None:
    answer = send(api, [{"type": "a"}, {"type": "b"}], "/events/batch", **CALLER)

    ids = [each["event"]["id"] for each in answer.get_json()]
    assert {(trace_in_row("events", each) or "").split("-")[1] for each in ids} == {TRACE}


def test_a_failed_try_and_the_next_one_are_two_calls_of_one_trace(
    collector: Collector, api: FlaskClient, provider: ProviderStandIn, run_pipeline: RunPipeline
) -> None:
    provider.script(refused(503))
    answer = send(api, **CALLER)

    again = run_pipeline([answer.json["id"]])  # type: ignore[index]
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET next_attempt_at = now()"))
    delivery.deliver("sms", again.ids or [answer.json["id"]], worker="test@here")  # type: ignore[index]

    calls = exported(collector, "send sms")
    assert [call.attributes["sentinel.attempt"] for call in calls] == [1, 2]
    assert [call.trace_id for call in calls] == [TRACE, TRACE]
    assert calls[0].failure == calls[0].attributes["sentinel.reason"]
    assert calls[1].failure is None


def test_who_takes_over_goes_on_with_the_trace(
    collector: Collector, api: FlaskClient, run_pipeline: RunPipeline
) -> None:
    other = {"failover": [{"channel": "email", "recipient": "ops@example.com"}]}
    first = send(api, {"channel": "sms", "recipient": "+14155552671", "body": "x"} | other, **CALLER)
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE notifications SET status = 'FAILED', reason = 'x', queue_at = NULL"))

    failover.sweep()

    (taken_over,) = [found for found in rows().values() if found.failover_of == first.json["id"]]  # type: ignore[index]
    assert (taken_over.traceparent or "").split("-")[1] == TRACE
    assert taken_over.traceparent == row(first.json["id"]).traceparent  # type: ignore[index]


def test_nothing_private_is_exported(
    collector: Collector, api: FlaskClient, provider: ProviderStandIn, run_pipeline: RunPipeline
) -> None:
    private = {"channel": "email", "recipient": "private.person@example.com", "subject": "private", "body": "private"}
    provider.script(refused(400))
    ids = [send(api, each).get_json()["id"] for each in (private, private | {"metadata": {"private": "private"}})]
    hook = f"{provider.url}/hooks/open/private"
    ids_of_hooks = [send(api, {"channel": "webhook", "recipient": hook, "body": "private"}).get_json()["id"]]
    api.get("/notifications?recipient=private.person@example.com&user_id=private")
    api.get("/private/path")

    with batch():
        run_pipeline(ids, "email")
        run_pipeline(ids_of_hooks, "webhook")

    assert exported(collector, "send email")
    assert exported(collector, "send webhook")
    assert exported(collector, "GET /notifications")
    assert b"private" not in collector.raw
    assert b"hooks/open" not in collector.raw


def test_a_statement_that_is_refused_says_which_kind_of_error_and_no_more(collector: Collector) -> None:
    with pytest.raises(DataError), batch(), get_engine().connect() as connection:
        connection.execute(text("SELECT 1 / CAST(:zero AS int)"), {"zero": 0})

    (statement,) = exported(collector, "postgresql SELECT")
    assert statement.failure == "DivisionByZero"
    assert exported(collector, "a batch")[0].failure == "DataError"


def test_a_large_batch_is_linked_to_so_many_and_no_more(
    collector: Collector, accept: Accept, run_pipeline: RunPipeline
) -> None:
    ids = []
    for number in range(MOST_LINKS + 20):
        with tracing.continued("accept", caller(number), kind="server", attributes={}):
            ids.append(accept(channel="inbox", recipient="user-1"))

    with batch():
        run_pipeline(ids, "inbox")

    (whole,) = exported(collector, "a batch")
    assert len(whole.links) == MOST_LINKS
    assert len(exported(collector, "send inbox")) == MOST_LINKS + 20


def test_while_traces_are_off_headers_are_read_by_nobody_and_rows_have_no_trace(
    api: FlaskClient, provider: ProviderStandIn, run_pipeline: RunPipeline
) -> None:
    answer = send(api, **CALLER)

    run_pipeline([answer.json["id"]])  # type: ignore[index]

    assert not tracing.is_on()
    assert trace_in_row("notifications", answer.json["id"]) is None  # type: ignore[index]
    assert "traceparent" not in provider.entries[0].headers
