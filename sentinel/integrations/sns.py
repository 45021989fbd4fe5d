"""Amazon SNS over HTTPS: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sentinel.integrations.reading import a_text, an_object, filled, identity, moment, one_of, word
from sentinel.json_bounds import is_shallow

NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
TYPES = (NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION)

SIGNED_PARTS = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""What is signed, in this order: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html."""

OPTIONAL = "Subject"
"""It is signed where it is there."""

KEPT = ("MessageId", "TopicArn", "Subject", "Timestamp", "MessageAttributes")

ALARM_STATES = {"ALARM": "firing", "OK": "resolved", "INSUFFICIENT_DATA": "insufficient_data"}

SAMPLE: dict[str, Any] = {
    "Type": NOTIFICATION,
    "MessageId": "da41e39f-ea4d-435a-b922-c6aae3915ebe",
    "TopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms",
    "Subject": 'ALARM: "cpu-high" in EU (Frankfurt)',
    "Message": (
        '{"AlarmName":"cpu-high","AlarmDescription":"CPU above 90%","NewStateValue":"ALARM",'
        '"NewStateReason":"Threshold Crossed","StateChangeTime":"2026-11-20T18:00:00.000+0000",'
        '"Region":"EU (Frankfurt)","OldStateValue":"OK","Trigger":{"MetricName":"CPUUtilization",'
        '"Namespace":"AWS/EC2","Dimensions":[{"name":"InstanceId","value":"i-0abc"}]}}'
    ),
    "Timestamp": "2026-11-20T18:00:01.000Z",
    "SignatureVersion": "2",
    "Signature": "…",
    "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123abcd.pem",
    "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=…",
}
"""A request as SNS sends it for an alarm of CloudWatch."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SNS sends around a message."""

    type: str
    topic_arn: str
    signature_version: str
    signature: str
    certificate_url: str
    subscribe_url: str | None
    signed: bytes
    """What the signature is made of."""
    body: Mapping[str, Any]


def opened(body: Any) -> Envelope:
    """Read what is around the message; who sent it is not known yet."""
    whole = an_object(body, "request")
    kind = one_of(whole.get("Type"), "Type", TYPES)
    parts = {name: a_text(whole.get(name), name) for name in SIGNED_PARTS[kind] if name != OPTIONAL}
    if whole.get(OPTIONAL) is not None and OPTIONAL in SIGNED_PARTS[kind]:
        parts[OPTIONAL] = a_text(whole[OPTIONAL], OPTIONAL)
    return Envelope(
        type=kind,
        topic_arn=parts["TopicArn"],
        signature_version=one_of(whole.get("SignatureVersion"), "SignatureVersion", ("1", "2")),
        signature=a_text(whole.get("Signature"), "Signature"),
        certificate_url=a_text(whole.get("SigningCertURL"), "SigningCertURL"),
        subscribe_url=parts.get("SubscribeURL"),
        signed="".join(f"{name}\n{parts[name]}\n" for name in SIGNED_PARTS[kind] if name in parts).encode(),
        body=whole,
    )


def read(envelope: Envelope) -> dict[str, Any]:
    """Make an event of a notification."""
    whole = envelope.body
    message = _object_in(whole["Message"])
    event = {
        "event_id": identity("sns", whole["MessageId"]),
        "type": "sns.notification",
        "source": word(envelope.topic_arn),
        "name": word(whole.get("Subject")),
        "occurred_at": moment(whole["Timestamp"], "Timestamp"),
        "Message": whole["Message"] if message is None else message,
    }
    kept = {name: whole[name] for name in KEPT if name in whole}
    return kept | filled(event) | (_alarm(message) if message else {})


def _alarm(message: Mapping[str, Any]) -> dict[str, Any]:
    """What makes an alert of a message that is CloudWatch's about an alarm; nothing of any other."""
    state, name = message.get("NewStateValue"), word(message.get("AlarmName"))
    if not isinstance(state, str) or state not in ALARM_STATES or name is None:
        return {}
    changed = message.get("StateChangeTime")
    alert = {
        "type": "alert",
        "status": ALARM_STATES[state],
        "source": "cloudwatch",
        "name": name,
        "occurred_at": moment(changed, "Message.StateChangeTime") if changed else None,
        "labels": _labels(message.get("Trigger")),
        "annotations": filled(
            {"description": message.get("AlarmDescription"), "reason": message.get("NewStateReason")}
        ),
    }
    return filled(alert)


def _labels(trigger: Any) -> dict[str, Any]:
    if not isinstance(trigger, dict):
        return {}
    labels = filled({"namespace": trigger.get("Namespace"), "metric": trigger.get("MetricName")})
    dimensions = trigger.get("Dimensions")
    for each in dimensions if isinstance(dimensions, list) else []:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            labels[each["name"]] = each.get("value")
    return labels


def _object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None for any other text."""
    raw = text.encode()
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and is_shallow(raw, found) else None
