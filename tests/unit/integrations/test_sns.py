"""Messages of Amazon SNS, and alarms of CloudWatch among them, as events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel.errors import InvalidInputError
from sentinel.integrations import sns
from tests.unit.integrations.judging import an_event, fields_of, without


def of_sns(message: Any, **changes: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return an_event(sns.read(sns.opened(sns.SAMPLE | {"Message": text} | changes)))


ALARM = json.loads(sns.SAMPLE["Message"])


@pytest.mark.parametrize(
    ("state", "status"), [("ALARM", "firing"), ("OK", "resolved"), ("INSUFFICIENT_DATA", "insufficient_data")]
)
def test_an_alarm_of_cloudwatch_is_an_alert(state: str, status: str) -> None:
    event = of_sns(ALARM | {"NewStateValue": state})

    assert (event["type"], event["status"], event["name"]) == ("alert", status, "cpu-high")
    assert event["labels"] == {"namespace": "AWS/EC2", "metric": "CPUUtilization", "InstanceId": "i-0abc"}
    assert event["annotations"]["reason"] == "Threshold Crossed"
    assert event["occurred_at"] == "2026-11-20T18:00:00Z"
    assert event["Message"]["Region"] == "EU (Frankfurt)"


@pytest.mark.parametrize(
    "changes", [{"NewStateValue": "ODD"}, {"NewStateValue": ["ALARM"]}, {"AlarmName": 5}, {"AlarmName": ""}]
)
def test_what_only_looks_like_an_alarm_is_a_notification(changes: dict[str, Any]) -> None:
    event = of_sns(ALARM | changes)

    assert (event["type"], event["Message"]) == ("sns.notification", ALARM | changes)


@pytest.mark.parametrize("trigger", [None, "x", {"Dimensions": "x"}, {"Dimensions": [1, {"name": 5}]}])
def test_an_alarm_with_odd_details_is_still_an_alarm(trigger: Any) -> None:
    assert of_sns(ALARM | {"Trigger": trigger})["labels"] == {}


@pytest.mark.parametrize("text", ["hello", "[1]", "{", "5", '{"a":' * 100 + "1" + "}" * 100])
def test_a_message_that_is_no_flat_object_stays_a_text(text: str) -> None:
    event = of_sns(text)

    assert event["Message"] == text
    assert event["source"] == sns.SAMPLE["TopicArn"]
    assert event["event_id"] == f"sns:{sns.SAMPLE['MessageId']}"


def test_what_would_end_the_subscription_is_not_kept() -> None:
    assert not {"UnsubscribeURL", "Signature", "SigningCertURL"} & set(of_sns("x"))


def test_what_is_signed_is_written_as_amazon_writes_it() -> None:
    envelope = sns.opened(without(sns.SAMPLE, "Subject") | {"Message": "hi"})

    assert envelope.signed == (
        b"Message\nhi\nMessageId\nda41e39f-ea4d-435a-b922-c6aae3915ebe\nTimestamp\n2026-11-20T18:00:01.000Z\n"
        b"TopicArn\narn:aws:sns:eu-central-1:123456789012:alarms\nType\nNotification\n"
    )


@pytest.mark.parametrize(
    "name", ["Type", "MessageId", "TopicArn", "Message", "Timestamp", "Signature", "SigningCertURL"]
)
def test_a_message_that_lacks_a_part_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        sns.opened(without(sns.SAMPLE, name))

    assert fields_of(refused.value) == [name]
