"""What other systems send and are answered, as far as it is looked at; the samples are whole."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from sentinel.integrations import alertmanager, cloudevents, github, grafana, pagerduty, sns

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
MOMENT = {"type": "string", "format": "date-time"}


def _body(schema: dict[str, Any], example: Any, *types: str) -> dict[str, Any]:
    described = {"schema": schema | {"example": example}}
    return {"required": True, "content": dict.fromkeys(types or ("application/json",), described)}


ALERT = {
    "type": "object",
    "required": ["status", "startsAt"],
    "properties": {
        "status": {"enum": list(alertmanager.STATUSES)},
        "labels": TEXTS,
        "annotations": TEXTS,
        "startsAt": MOMENT,
        "endsAt": MOMENT,
        "fingerprint": {"type": "string"},
    },
}
ALERTS = {"type": "array", "minItems": 1, "maxItems": 1000, "items": ALERT}
GROUP = {"type": "object", "required": ["alerts"], "properties": {"alerts": ALERTS}}

ALERTMANAGER_BODY = _body(
    GROUP
    | {
        "required": ["version", "alerts"],
        "properties": {"version": {"const": alertmanager.VERSION}, "alerts": ALERTS},
    },
    alertmanager.SAMPLE,
)
GRAFANA_BODY = _body(GROUP, grafana.SAMPLE)

CLOUDEVENT = {
    "type": "object",
    "required": list(cloudevents.REQUIRED),
    "properties": {
        "specversion": {"const": "1.0"},
        "id": TEXT,
        "source": TEXT,
        "type": TEXT,
        "subject": TEXT,
        "time": MOMENT,
    },
}
CLOUDEVENTS_BODY = {
    "required": True,
    "content": {
        cloudevents.STRUCTURED: {"schema": CLOUDEVENT | {"example": cloudevents.SAMPLE}},
        cloudevents.BATCH: {"schema": {"type": "array", "items": CLOUDEVENT, "example": [cloudevents.SAMPLE]}},
    },
}

PAGERDUTY_BODY = _body(
    {
        "type": "object",
        "required": ["routing_key", "event_action"],
        "properties": {
            "routing_key": TEXT,
            "event_action": {"enum": list(pagerduty.STATUSES)},
            "dedup_key": {"type": "string"},
            "payload": {
                "type": "object",
                "required": ["summary", "source", "severity"],
                "properties": {
                    "summary": TEXT,
                    "source": TEXT,
                    "severity": {"enum": list(pagerduty.SEVERITIES)},
                    "timestamp": MOMENT,
                },
            },
        },
    },
    pagerduty.SAMPLE,
)

GITHUB_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": "object", "example": github.SAMPLE}},
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["payload"],
                "properties": {"payload": {"type": "string", "description": "the JSON"}},
            }
        },
    },
}
GITHUB_HEADERS = [
    {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": meaning}
    for name, meaning in (
        (github.EVENT_HEADER, "what happened"),
        (github.DELIVERY_HEADER, "the delivery's id"),
        (github.SIGNATURE_HEADER, "`sha256=` and the HMAC of the body"),
    )
]

SNS_BODY = _body(
    {
        "type": "object",
        "required": [
            *("Type", "MessageId", "TopicArn", "Message", "Timestamp"),
            *("SignatureVersion", "Signature", "SigningCertURL"),
        ],
        "properties": {"Type": {"enum": list(sns.TYPES)}, "SignatureVersion": {"enum": ["1", "2"]}},
    },
    sns.SAMPLE,
)


class SenderAnswer(ma.Schema):
    """That there was nothing to store."""

    message = fields.String(required=True, validate=validate.OneOf(("pong", "confirmed", "noted")))


class EnqueueAnswer(ma.Schema):
    """What PagerDuty answers when it has taken an event."""

    status = fields.String(required=True, validate=validate.Equal("success"))
    message = fields.String(required=True)
    dedup_key = fields.String(required=True, metadata={"description": "resolves what this event triggered"})


class EnqueueRefusal(ma.Schema):
    """What PagerDuty answers when it takes none."""

    status = fields.String(required=True, validate=validate.Equal("invalid event"))
    message = fields.String(required=True)
    errors = fields.List(fields.String(), required=True)
