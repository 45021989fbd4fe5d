"""CloudEvents in their three modes, as events."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest

from sentinel.errors import InvalidInputError
from sentinel.integrations import cloudevents
from tests.unit.integrations.judging import MOST, an_event, fields_of, without


def binary(**changes: str) -> dict[str, str]:
    attributes = {name: value for name, value in cloudevents.SAMPLE.items() if name not in ("data", "datacontenttype")}
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return {name: value for name, value in (headers | {"Content-Type": "application/json"} | changes).items() if value}


def test_the_structured_and_the_binary_mode_of_one_event_are_the_same_event() -> None:
    structured = an_event(cloudevents.read(cloudevents.SAMPLE))

    from_headers = an_event(cloudevents.read_binary(binary(), orjson.dumps(cloudevents.SAMPLE["data"]), json.loads))

    assert from_headers == structured
    assert structured["event_id"] == "cloudevents:/shop/checkout A234-1234-1234"
    assert (structured["type"], structured["source"]) == ("com.example.order.failed", "/shop/checkout")
    assert (structured["name"], structured["severity"]) == ("order-4711", "high")
    assert structured["occurred_at"] == "2026-11-20T18:00:00Z"
    assert structured["data"] == {"amount": 750, "reason": "card_declined"}


def test_source_and_id_cannot_run_into_one_another() -> None:
    first, second = {"source": "a:b", "id": "c"}, {"source": "a", "id": "b:c"}

    ids = {cloudevents.read(cloudevents.SAMPLE | changes)["event_id"] for changes in (first, second)}

    assert len(ids) == 2


def test_a_refused_attribute_is_shown() -> None:
    with pytest.raises(InvalidInputError) as refused:
        cloudevents.read(cloudevents.SAMPLE | {"specversion": "0.3"})

    assert [each.value for each in refused.value.errors] == ["0.3"]


def test_headers_of_cloudevents_are_decoded_and_other_headers_are_none() -> None:
    headers = binary(**{"CE-Subject": "", "ce-subject": "caf%C3%A9", "X-Other": "1"})

    event = an_event(cloudevents.read_binary(headers, b"", json.loads))

    assert event["subject"] == event["name"] == "café"
    assert "X-Other" not in event
    assert "data" not in event


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"<a/>", "text/xml", {"data": "<a/>"}),
        (b"\xff\x00", "application/octet-stream", {"data_base64": base64.b64encode(b"\xff\x00").decode()}),
        (b"[1]", "application/vnd.acme+json; charset=utf-8", {"data": [1]}),
        (b'"x"', "", {"data": "x"}),
    ],
)
def test_data_of_any_type_is_kept(body: bytes, kind: str, expected: dict[str, Any]) -> None:
    event = cloudevents.read_binary(binary(**{"Content-Type": kind}), body, json.loads)

    assert {name: event[name] for name in cloudevents.DATA if name in event} == expected


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"id": None}, ["id"]),
        ({"id": ""}, ["id"]),
        ({"specversion": None, "type": None}, ["specversion", "type"]),
        ({"specversion": "0.3"}, ["specversion"]),
        ({"specversion": ["1.0"]}, ["specversion"]),
        ({"source": 5}, ["source"]),
        ({"time": "soon"}, ["time"]),
        ({"time": 5}, ["time"]),
        ({"time": "0001-01-01T00:00:00+10:00"}, ["time"]),
        ({"myExtension": "x"}, ["myExtension"]),
    ],
)
def test_an_event_that_the_specification_forbids_is_refused_by_name(changes: Any, fields: list[str]) -> None:
    good, bad = cloudevents.read_batch([cloudevents.SAMPLE, cloudevents.SAMPLE | changes], most=MOST)

    with pytest.raises(InvalidInputError) as refused:
        cloudevents.read(cloudevents.SAMPLE | changes)

    assert fields_of(refused.value) == fields
    assert isinstance(bad, InvalidInputError)
    assert fields_of(bad) == [f"events.1.{field}" for field in fields]
    an_event(good)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ce-id": ""}, "ce-id"),
        ({"ce-time": "soon"}, "ce-time"),
        ({"ce-time": "0001-01-01T00:00:00+10:00"}, "ce-time"),
        ({"ce-time": "9999-12-31T23:59:59-10:00"}, "ce-time"),
        ({"ce-specversion": "2"}, "ce-specversion"),
    ],
)
def test_a_header_that_the_specification_forbids_is_refused_by_name(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        cloudevents.read_binary(binary(**changes), b"{}", json.loads)

    assert fields_of(refused.value) == [field]


@pytest.mark.parametrize("name", ["id", "source", "type", "name", "severity"])
def test_a_word_that_is_too_long_is_cut_and_kept_whole_beside(name: str) -> None:
    event = an_event(cloudevents.read(cloudevents.SAMPLE | {name: "x" * 300}))

    assert event[name] == "x" * 254 + "…"
    assert event["as_sent"] == {name: "x" * 300}


def test_long_ids_that_begin_alike_are_told_apart() -> None:
    ids = {cloudevents.read(cloudevents.SAMPLE | {"id": "x" * 300 + last})["event_id"] for last in "ab"}

    assert len(ids) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": 5}, {"name": "order-4711", "severity": "high"}),
        ({"severity": 3, "severitytext": "low"}, {"name": "order-4711", "severity": "low"}),
        ({"severity": ["a"]}, {"name": "order-4711", "severity": None}),
        ({"ts": "soon"}, {"name": "order-4711", "severity": "high"}),
    ],
)
def test_an_extension_that_is_no_word_of_ours_is_kept_aside(changes: dict[str, Any], words: dict[str, Any]) -> None:
    event = an_event(cloudevents.read(cloudevents.SAMPLE | changes))

    assert {name: event.get(name) for name in words} == words
    assert event["as_sent"] == without(changes, "severitytext")
    assert "ts" not in event


def test_when_it_happened_is_what_time_says_and_no_extension() -> None:
    event = an_event(cloudevents.read(without(cloudevents.SAMPLE, "time") | {"ts": "2020-01-01T00:00:00Z"}))

    assert event["as_sent"] == {"ts": "2020-01-01T00:00:00Z"}
    assert not {"occurred_at", "ts"} & set(event)


@pytest.mark.parametrize("body", [{}, "x", None, [cloudevents.SAMPLE] * 3])
def test_what_is_no_batch_is_refused_whole(body: Any) -> None:
    with pytest.raises(InvalidInputError):
        cloudevents.read_batch(body, most=2)
