"""POST /notifications: what is accepted, in which form it is stored, and how each field is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from tests.integration.calls import EMAIL, SMS, refused, send, send_raw, stored


def _in(**time: float) -> str:
    return (utc_now() + timedelta(**time)).isoformat()


def test_the_answer_is_202_with_the_pending_row_and_its_address(api: FlaskClient) -> None:
    response = send(api)

    body = response.get_json()
    assert response.status_code == 202
    assert (body["status"], body["channel"], body["recipient"], body["client"]) == (
        "PENDING",
        "sms",
        "+14155552671",
        "default",
    )
    assert response.headers["Location"] == f"/notifications/{body['id']}"
    assert api.get(response.headers["Location"]).get_json() == body


def test_every_field_comes_back_as_it_was_given(api: FlaskClient) -> None:
    given = EMAIL | {
        "subject": "Größe ✓ 漢字",
        "body": "line\nline 🚨",
        "severity": "high",
        "user_id": "user-17",
        "dedupe_key": "disk-full",
        "metadata": {"order": 4711, "nested": {"list": [1, 2.5, None, True, "ü"]}, "": "", "big": 2**63},
    }

    response = send(api, given)

    kept = api.get(response.headers["Location"]).get_json()
    assert {name: kept[name] for name in given} == given


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"channel": "SMS"}, {"channel": "sms"}),
        ({"channel": "Email", "recipient": " OnCall@EXAMPLE.com "}, {"recipient": "OnCall@example.com"}),
        ({"severity": "CRITICAL"}, {"severity": "critical"}),
        ({"recipient": "+1 (415) 555-2671"}, {"recipient": "+14155552671"}),
        ({"channel": "email", "recipient": "oncall@büro.example"}, {"recipient": "oncall@xn--bro-hoa.example"}),
        ({"subject": None, "severity": None, "user_id": None, "dedupe_key": None}, {"subject": None}),
        ({"send_at": None, "expires_at": None, "metadata": None}, {"metadata": {}}),
        ({"body": "x" * 1600}, {}),
        (EMAIL | {"body": "x" * 100_000}, {}),
        ({"subject": "x" * 998, "user_id": "u" * 255, "dedupe_key": "k" * 255}, {}),
        ({"metadata": {"text": "x" * 16_000}}, {}),
    ],
)
def test_what_can_be_understood_is_stored_in_its_one_form(
    given: dict[str, Any], kept: dict[str, Any], api: FlaskClient
) -> None:
    response = send(api, SMS | given)

    assert response.status_code == 202, response.get_json()
    body = api.get(response.headers["Location"]).get_json()
    assert {name: body[name] for name in kept} == kept


def test_a_time_to_send_at_is_kept_and_one_that_has_passed_means_now(api: FlaskClient) -> None:
    later, earlier = _in(hours=1), _in(hours=-1)

    scheduled = send(api, SMS | {"send_at": later, "expires_at": _in(hours=2)}).get_json()
    at_once = send(api, SMS | {"send_at": earlier}).get_json()

    assert scheduled["send_at"] == scheduled["next_attempt_at"] == later.replace("+00:00", "Z")
    assert (at_once["send_at"], at_once["next_attempt_at"]) == (None, None)


@pytest.mark.parametrize("moment", ["2026-12-24T18:00:00.123456+05:30", "9999-12-31T23:59:59-14:00"])
def test_an_expiry_of_any_offset_can_be_read_again(moment: str, api: FlaskClient) -> None:
    """What PostgreSQL keeps but Python cannot read would break every later answer of this client."""
    response = send(api, SMS | {"expires_at": moment})

    assert response.status_code in (202, 422)
    assert api.get("/notifications").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("channel", "fax", "Must be one of: sms, email, slack, webhook, push, inbox."),
        ("channel", "", "Must be one of: sms, email, slack, webhook, push, inbox."),
        ("channel", 1, "Not a valid string."),
        ("channel", None, "Field may not be null."),
        ("recipient", "4155552671", "is not a phone number in international form"),
        ("recipient", "+1415", "cannot be a phone number: its length is wrong"),
        ("recipient", "oncall@example.com", "is not a phone number in international form"),
        ("recipient", "", "Length must be between 1 and 1600."),
        ("recipient", ["+14155552671"], "Not a valid string."),
        ("recipient", "+1415555\x002671", "Contains a NUL character, which cannot be stored."),
        ("body", "", "Length must be between 1 and 100000."),
        ("body", "x" * 100_001, "Length must be between 1 and 100000."),
        ("body", None, "Field may not be null."),
        ("body", 5, "Not a valid string."),
        ("body", "a\x00b", "Contains a NUL character, which cannot be stored."),
        ("subject", "a\nb", "Must be one line."),
        ("subject", "a\rb", "Must be one line."),
        ("subject", "", "Length must be between 1 and 998."),
        ("subject", "x" * 999, "Length must be between 1 and 998."),
        ("severity", "urgent", "Must be one of: critical, high, medium, low."),
        ("severity", 3, "Not a valid string."),
        ("user_id", "", "Length must be between 1 and 255."),
        ("user_id", 17, "Not a valid string."),
        ("dedupe_key", "x" * 256, "Length must be between 1 and 255."),
        ("dedupe_key", {"a": 1}, "Not a valid string."),
        ("send_at", "tomorrow", "Is not a time."),
        ("send_at", 1_800_000_000, "Is not a time."),
        ("send_at", "2026-12-24T18:00:00", "Has no offset from UTC."),
        ("send_at", "2999-12-24T18:00:00Z", "too far in the future"),
        ("send_at", "9999-12-31T23:59:59-14:00", "too far in the future"),
        ("expires_at", "soon", "Is not a time."),
        ("expires_at", "2026-12-24", "Has no offset from UTC."),
        ("expires_at", "2020-12-24T18:00:00Z", "already over by then"),
        ("expires_at", "0001-01-01T00:00:00+14:00", "already over by then"),
        ("expires_at", "9999-12-31T23:59:59Z", "too far in the future"),
        ("metadata", [1], "Not a valid mapping type."),
        ("metadata", "x", "Not a valid mapping type."),
        ("metadata", {"a": "x\x00"}, "Contains a NUL character, which cannot be stored."),
        ("metadata", {"a\x00": 1}, "Contains a NUL character, which cannot be stored."),
        ("metadata", {"a": [{"b": ["\x00"]}]}, "Contains a NUL character, which cannot be stored."),
        ("metadata", {"a": "x" * 16_384}, "Is 16392 bytes as JSON; at most 16384 are kept."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(
    field: str, value: Any, message: str, api: FlaskClient
) -> None:
    response = send(api, SMS | {field: value})

    assert response.status_code == 422
    assert refused(response) == {field: message}
    assert stored() == 0


def test_an_expiry_before_the_time_to_send_at_is_refused(api: FlaskClient) -> None:
    moment = _in(hours=1)

    response = send(api, SMS | {"send_at": moment, "expires_at": moment})

    assert refused(response) == {"expires_at": "already over by then"}


@pytest.mark.parametrize(
    "recipient", ["foo", "a@b", "a@b@c.de", "Foo <foo@example.com>", "a@example.com,b@example.com"]
)
def test_a_mail_address_is_checked_by_its_channel(recipient: str, api: FlaskClient) -> None:
    response = send(api, EMAIL | {"recipient": recipient})

    (found,) = response.get_json()["errors"]
    assert (found["field"], found["value"]) == ("recipient", recipient)
    assert "oncall@example.com" in found["remedy"]


def test_all_bad_fields_are_named_at_once(api: FlaskClient) -> None:
    response = send(api, {"channel": "fax", "body": "", "severity": "urgent"})

    assert set(refused(response)) == {"channel", "recipient", "body", "severity"}


@pytest.mark.parametrize(
    ("typo", "remedy"),
    [
        ("recipent", 'did you mean "recipient"?'),
        ("dedupe-key", 'did you mean "dedupe_key"?'),
        ("zzz", "leave it out; known are: body, channel, dedupe_key, expires_at"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_known_one(typo: str, remedy: str, api: FlaskClient) -> None:
    response = send(api, SMS | {typo: "x"})

    assert refused(response) == {typo: "Unknown field."}
    assert response.get_json()["errors"][0]["remedy"].startswith(remedy)


@pytest.mark.parametrize("field", ["channel", "recipient", "body"])
def test_a_missing_field_is_named_and_shown_by_example(field: str, api: FlaskClient) -> None:
    body = {name: value for name, value in SMS.items() if name != field}

    response = send(api, body)

    assert refused(response) == {field: "Missing data for required field."}
    assert response.get_json()["errors"][0]["remedy"].startswith("add it: ")


@pytest.mark.parametrize("body", [[SMS], "text", 5, True, None, []])
def test_a_body_that_is_no_object_is_refused(body: Any, api: FlaskClient) -> None:
    response = send_raw(api, b"null") if body is None else send(api, body)

    assert response.status_code == 422
    assert refused(response) == {"request": "Invalid input type."}


def test_a_long_refused_value_is_shown_shortened(api: FlaskClient) -> None:
    response = send(api, SMS | {"severity": "x" * 5000})

    assert response.get_json()["errors"][0]["value"] == "x" * 100 + "…"


def test_a_text_longer_than_a_text_message_can_carry_is_refused(api: FlaskClient) -> None:
    body = {"channel": "sms", "recipient": "+14155552671", "body": "x" * 1601}

    answer = api.post("/notifications", json=body)

    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == "body"
    assert "1601 characters" in error["message"]
    assert "1600" in error["remedy"]
    assert api.post("/notifications", json=body | {"channel": "email", "recipient": "a@example.com"}).status_code == 202
