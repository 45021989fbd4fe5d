"""Validation messages as people meet them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields, validate

from sentinel.api.field_errors import field_errors
from sentinel.errors import SHOWN, shown


class Order(ma.Schema):
    """A request to make mistakes in."""

    number = fields.Integer(required=True, metadata={"example": 4711})
    state = fields.String(validate=validate.OneOf(["open"]), metadata={"remedy": "use open"})
    tags = fields.List(fields.String())
    details = fields.Dict(keys=fields.String(), values=fields.Integer())
    renamed = fields.String(data_key="from")


def _found(data: Any) -> list[tuple[str, Any, str, str]]:
    schema = Order()
    return [(e.field, e.value, e.message, e.remedy) for e in field_errors(schema.validate(data), schema, data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ("number", None, "Missing data for required field.", "add it: for example 4711")),
        ({"number": "x"}, ("number", "x", "Not a valid integer.", "for example 4711")),
        ({"number": 1, "state": "shut"}, ("state", "shut", "Must be one of: open.", "use open")),
        ({"number": 1, "stat": "open"}, ("stat", "open", "Unknown field.", 'did you mean "state"?')),
        ({"number": 1, "From": "x"}, ("From", "x", "Unknown field.", 'did you mean "from"?')),
        ({"number": 1, "from": 5}, ("from", 5, "Not a valid string.", "see /docs")),
        ({"number": 1, "tags": ["a", 5]}, ("tags.1", 5, "Not a valid string.", "see /docs")),
        ({"number": [1]}, ("number", "(array)", "Not a valid integer.", "for example 4711")),
        ({"number": {"a": 1}}, ("number", "(object)", "Not a valid integer.", "for example 4711")),
        ([], ("request", "(array)", "Invalid input type.", "send a JSON object; see /docs for its fields")),
        (None, ("request", None, "Invalid input type.", "send a JSON object; see /docs for its fields")),
    ],
)
def test_a_mistake_is_told_by_field_value_message_and_remedy(data: Any, expected: tuple[str, Any, str, str]) -> None:
    assert _found(data) == [expected]


def test_a_field_that_resembles_nothing_is_answered_with_all_there_are() -> None:
    ((_, _, _, remedy),) = _found({"number": 1, "zzz": 1})

    assert remedy == "leave it out; known are: details, from, number, state, tags"


def test_messages_that_are_no_mapping_concern_the_whole_request() -> None:
    (found,) = field_errors(["Is wrong.", "Is late."], Order(), "text")

    assert (found.field, found.value, found.message) == ("request", "text", "Is wrong. Is late.")


def test_every_mistake_is_told() -> None:
    found = {field for field, *_ in _found({"state": "shut", "x": 1, "tags": [1, 2]})}

    assert found == {"number", "state", "tags.0", "tags.1", "x"}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=10,
)


@given(value=json)
def test_what_is_shown_of_a_value_is_short_and_plain(value: Any) -> None:
    found = shown(value)

    assert isinstance(found, (str, bool, int, float, type(None)))
    assert not isinstance(found, str) or len(found) <= SHOWN + 1


@given(data=json)
def test_any_json_at_all_gets_an_answer(data: Any) -> None:
    assert _found(data)
