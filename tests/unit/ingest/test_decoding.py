"""Entries as events: whatever bytes come, they are an event or have words that say why not."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import InvalidInputError
from sentinel.ingest.decoding import checked
from sentinel.ingest.entries import Entry, Form, Intake
from sentinel.ingest.event_pb2 import Event
from sentinel.services.events import CheckedEvent
from sentinel.settings import Settings, get_settings

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
NAMES = st.sampled_from([b"data", b"json", b"event", b"proto", b"type", b"ts", b"occurred_at", b"event_id", b"\xff"])
VALUES = st.one_of(
    st.sampled_from(
        ["", "null", "NaN", "1e400", "-1", "[1]", "{}", '{"a":', '"\\ud800"', '"\\u0000"', "2026-11-20T18:00Z"]
    ),
    st.text(max_size=5),
)
OBJECTS = st.dictionaries(st.sampled_from(["type", "ts", "event_id", "a"]), VALUES).map(
    lambda members: "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"
)
PAYLOADS = st.one_of(
    st.binary(max_size=40),
    (VALUES | OBJECTS).map(lambda text: text.encode(errors="surrogatepass")),
    st.builds(Event, event_id=st.text(max_size=3), type=st.text(max_size=300)).map(Event.SerializeToString),
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
BODIES = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXTS,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def entry(**fields: bytes) -> Entry:
    return Entry("s:1-0", "s", {name.encode(): value for name, value in fields.items()}, None)


def read(form: Form = Form.AUTO, **fields: bytes) -> CheckedEvent:
    return checked(entry(**fields), Intake("redis", "default", form), now=NOW)


def refusal(form: Form = Form.AUTO, **fields: bytes) -> str:
    with pytest.raises(InvalidInputError) as refused:
        read(form, **fields)
    return str(refused.value)


@given(fields=st.dictionaries(NAMES, PAYLOADS, max_size=4), form=st.sampled_from(Form))
def test_any_bytes_are_an_event_or_a_dead_letter(fields: dict[bytes, bytes], form: Form) -> None:
    entry_of_any_kind = Entry("s:1-0", "s", fields, None)

    with suppress(InvalidInputError):
        event = checked(entry_of_any_kind, Intake("redis", "default", form), now=NOW)
        assert event.event_id
        assert orjson.dumps(event.body)


@given(body=BODIES)
def test_a_protobuf_says_what_was_put_in(body: dict[str, Any]) -> None:
    below = {"below": body}  # where no name is a known field's

    assert read(proto=Event(fields=_struct(below)).SerializeToString()).body == below


def _struct(body: Any) -> Struct:
    made = Struct()
    made.update(body)
    return made


def test_known_words_of_a_protobuf_are_fields_of_the_event() -> None:
    sent = Event(event_id="e-1", type="order", user_id="u", fields=_struct({"amount": 750, "tags": ["a", {"b": 0.5}]}))
    sent.occurred_at.FromDatetime(datetime(2026, 11, 20, 17, 59, 30, 500_000, tzinfo=UTC))

    event = read(Form.PROTOBUF, data=sent.SerializeToString())

    assert (event.event_id, event.type, event.user_id) == ("e-1", "order", "u")
    assert event.occurred_at == datetime(2026, 11, 20, 17, 59, 30, 500_000, tzinfo=UTC)
    assert event.body == {
        "event_id": "e-1",
        "type": "order",
        "user_id": "u",
        "occurred_at": "2026-11-20T17:59:30.500000+00:00",
        "amount": 750,
        "tags": ["a", {"b": 0.5}],
    }
    assert type(event.body["amount"]) is int


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\xff", "is not valid Protobuf"),
        (b"\x48\x01", "has the unknown fields [9]"),
        (Event(fields=_struct({"x": math.inf})).SerializeToString(), "has the number inf, which JSON cannot write"),
        (Event(fields=_struct({"x": math.nan})).SerializeToString(), "has the number nan, which JSON cannot write"),
        (b"\x42\x04\x08\x01\x10\xff\xff\xff\xff\xff\x01"[:8], "is not valid Protobuf"),
    ],
)
def test_what_a_protobuf_cannot_say_in_json_is_refused(data: bytes, words: str) -> None:
    assert refusal(proto=data).startswith(f"proto: {words} (write an Event of ")


def test_a_timestamp_out_of_all_range_is_refused() -> None:
    sent = Event()
    sent.occurred_at.seconds = 2**62

    assert "proto: " in refusal(proto=sent.SerializeToString())


def test_an_entry_without_an_id_gets_that_of_its_place_and_one_with_an_id_keeps_it() -> None:
    assert read(data=b"{}").event_id == "s:1-0"
    assert read(data=b'{"alert_id": "a"}').event_id == "a"


def test_a_prefix_stands_before_the_place_alone() -> None:
    west = Intake("redis", "default", prefix="west:")

    found = [checked(entry(data=text), west, now=NOW).event_id for text in (b"{}", b'{"event_id": "mine"}')]

    assert found == ["west:s:1-0", "mine"]
    assert read(data=b"{}").body == {}


def test_flat_fields_are_text_and_times_may_be_numbers() -> None:
    event = read(amount=b"750", ts=b"1700000000")

    assert event.body == {"amount": "750", "ts": 1_700_000_000}
    assert event.occurred_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert read(occurred_at=b"2026-11-20T18:00:00Z").occurred_at == NOW
    assert "ts: is not a time" in refusal(ts=b"nan")
    assert "ts: is not a time" in refusal(ts=b"1e999")


def test_deep_json_is_refused() -> None:
    assert "nested deeper than 64 levels" in refusal(data=b'{"a":' * 70 + b"1" + b"}" * 70)
    assert "is not valid JSON" in refusal(data=b"[" * 5000)


def test_json_beyond_a_double_is_refused() -> None:
    assert "data: is not valid JSON" in refusal(data=b'{"a": 1e999}')


def test_protobuf_is_looked_for_where_it_is_said_to_be() -> None:
    assert "proto: is missing" in refusal(Form.PROTOBUF, json=b"{}")


def test_an_entry_may_be_as_large_as_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.ingest.decoding.get_settings", lambda: Settings(max_body_bytes=20))

    assert read(data=b'{"a": 12345678}').body
    assert "entry: has 21 bytes (send at most 20" in refusal(data=b'{"a": 1234567890}')
    assert get_settings().max_body_bytes > 20
