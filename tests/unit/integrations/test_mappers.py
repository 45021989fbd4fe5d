"""What other systems send, as events: the words that rules ask for, what is kept besides, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from sentinel.clock import utc_now
from sentinel.errors import InvalidInputError
from sentinel.integrations import alertmanager, cloudevents, github, grafana, pagerduty, sns
from sentinel.integrations.reading import Item, identity
from sentinel.services import events

MOST = 1000


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock on the wall is not UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ALERT = alertmanager.SAMPLE["alerts"][0]


def an_event(item: Item) -> dict[str, Any]:
    """The event that an item is, once it is one that `POST /events` would take."""
    assert isinstance(item, dict), item
    events.check(item, now=utc_now())
    return item


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def fields_of(error: InvalidInputError) -> list[str]:
    assert all(each.message and each.remedy for each in error.errors)
    return [each.field for each in error.errors]


def of_alerts(*alerts: Any) -> list[Item]:
    return alertmanager.read(alertmanager.SAMPLE | {"alerts": list(alerts)}, most=MOST)


# --- Alertmanager and Grafana


def test_an_alert_of_alertmanager_has_the_words_of_the_field_and_its_group() -> None:
    [item] = of_alerts(ALERT)

    event = an_event(item)

    assert event["event_id"] == "alert:b0d1f2a3c4e5f607:2026-11-20T18:00:00.123Z:firing"
    words = {name: event[name] for name in ("type", "status", "name", "severity", "source")}
    assert words == {
        "type": "alert",
        "status": "firing",
        "name": "HighErrorRate",
        "severity": "critical",
        "source": "checkout",
    }
    assert event["occurred_at"] == "2026-11-20T18:00:00.123000Z"
    assert event["annotations"] == {"summary": "5% of requests fail"}
    assert "ends_at" not in event
    assert event["group"]["groupKey"] == alertmanager.SAMPLE["groupKey"]
    assert "commonLabels" not in event["group"]


def test_a_resolved_alert_is_another_event_of_the_moment_when_it_ended() -> None:
    [item] = of_alerts(ALERT | {"status": "resolved", "endsAt": "2026-11-20T18:05:00Z"})

    event = an_event(item)

    assert (event["status"], event["ends_at"]) == ("resolved", "2026-11-20T18:05:00Z")
    assert event["occurred_at"] == "2026-11-20T18:05:00Z"
    assert event["event_id"].endswith(":resolved")


def test_an_alert_that_fires_again_is_new_and_one_that_is_repeated_is_not() -> None:
    first, again, anew = of_alerts(ALERT, ALERT, ALERT | {"startsAt": "2026-11-20T19:00:00Z"})

    ids = [an_event(item)["event_id"] for item in (first, again, anew)]

    assert ids[0] == ids[1] != ids[2]


def test_alerts_without_a_fingerprint_are_told_apart_by_their_labels() -> None:
    bare = without(ALERT, "fingerprint")
    other = bare | {"labels": ALERT["labels"] | {"host": "b"}}

    ids = [an_event(item)["event_id"] for item in of_alerts(bare, bare, other)]

    assert ids[0] == ids[1] != ids[2]


def test_without_labels_that_say_so_there_is_no_severity_and_the_source_is_the_sender() -> None:
    bare = ALERT | {"labels": {"alertname": "x"}}

    [prometheus], [from_grafana] = of_alerts(bare), grafana.read({"alerts": [bare]}, most=MOST)

    assert "severity" not in an_event(prometheus)
    assert (an_event(prometheus)["source"], an_event(from_grafana)["source"]) == ("prometheus", "grafana")


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        ([], "alerts.1"),
        (ALERT | {"status": "pending"}, "alerts.1.status"),
        (without(ALERT, "status"), "alerts.1.status"),
        (ALERT | {"labels": []}, "alerts.1.labels"),
        (ALERT | {"labels": {"a": 1}}, "alerts.1.labels.a"),
        (ALERT | {"annotations": {"a": None}}, "alerts.1.annotations.a"),
        (ALERT | {"startsAt": "yesterday"}, "alerts.1.startsAt"),
        (without(ALERT, "startsAt"), "alerts.1.startsAt"),
        (ALERT | {"endsAt": "9999-12-31T23:59:59-23:00"}, "alerts.1.endsAt"),
    ],
)
def test_one_bad_alert_is_refused_by_name_and_the_others_are_read(alert: Any, field: str) -> None:
    good, bad, last = of_alerts(ALERT, alert, ALERT)

    assert isinstance(bad, InvalidInputError)
    assert fields_of(bad) == [field]
    assert an_event(good) == an_event(last)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "request"),
        (None, "request"),
        (without(alertmanager.SAMPLE, "version"), "version"),
        (alertmanager.SAMPLE | {"version": "3"}, "version"),
        (alertmanager.SAMPLE | {"alerts": []}, "alerts"),
        (alertmanager.SAMPLE | {"alerts": {}}, "alerts"),
        (alertmanager.SAMPLE | {"alerts": [ALERT] * 3}, "alerts"),
    ],
)
def test_what_is_no_webhook_of_alertmanager_is_refused_whole(body: Any, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        alertmanager.read(body, most=2)

    assert fields_of(refused.value) == [field]


def test_what_grafana_says_besides_is_kept_under_its_own_names() -> None:
    [item] = grafana.read(grafana.SAMPLE, most=MOST)

    event = an_event(item)

    assert event["valueString"].startswith("[ var='A'")
    assert event["silenceURL"].startswith("http://grafana:3000/alerting/silence")
    assert event["values"] == {"A": 3}
    assert (event["group"]["orgId"], event["group"]["state"]) == (1, "alerting")


def test_a_long_text_about_a_group_does_not_grow_with_the_number_of_its_alerts() -> None:
    body = grafana.SAMPLE | {"message": "x" * 100_000, "alerts": grafana.SAMPLE["alerts"] * 100}

    found = [an_event(item) for item in grafana.read(body, most=MOST)]

    assert len(orjson.dumps(found)) < 100 * 6_000
    assert found[0]["group"]["message"].endswith("x…")


def test_names_that_are_too_long_for_their_columns_are_cut_and_kept_whole_beside() -> None:
    [item] = of_alerts(ALERT | {"labels": {"alertname": "n" * 300}, "fingerprint": "f" * 400})

    event = an_event(item)

    assert len(event["name"]) == 255
    assert event["labels"]["alertname"] == "n" * 300


def test_an_id_that_is_too_long_is_told_by_its_hash() -> None:
    assert identity("x", "a" * 300) == identity("x", "a" * 300)
    assert identity("x", "a" * 300) != identity("x", "a" * 301)
    assert len(identity("x", "a" * 300)) <= 255


# --- CloudEvents


def binary(**changes: str) -> dict[str, str]:
    attributes = {name: value for name, value in cloudevents.SAMPLE.items() if name not in ("data", "datacontenttype")}
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return {name: value for name, value in (headers | {"Content-Type": "application/json"} | changes).items() if value}


def test_the_structured_and_the_binary_mode_of_one_event_are_the_same_event() -> None:
    structured = an_event(cloudevents.read(cloudevents.SAMPLE))

    from_headers = an_event(cloudevents.read_binary(binary(), orjson.dumps(cloudevents.SAMPLE["data"]), json.loads))

    assert from_headers == structured
    assert structured["event_id"] == "cloudevents:/shop/checkout:A234-1234-1234"
    assert (structured["type"], structured["source"]) == ("com.example.order.failed", "/shop/checkout")
    assert (structured["name"], structured["severity"]) == ("order-4711", "high")
    assert structured["occurred_at"] == "2026-11-20T18:00:00Z"
    assert structured["data"] == {"amount": 750, "reason": "card_declined"}


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
    [({"ce-id": ""}, "ce-id"), ({"ce-time": "soon"}, "ce-time"), ({"ce-specversion": "2"}, "ce-specversion")],
)
def test_a_header_that_the_specification_forbids_is_refused_by_name(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        cloudevents.read_binary(binary(**changes), b"{}", json.loads)

    assert fields_of(refused.value) == [field]


@pytest.mark.parametrize("body", [{}, "x", None, [cloudevents.SAMPLE] * 3])
def test_what_is_no_batch_is_refused_whole(body: Any) -> None:
    with pytest.raises(InvalidInputError):
        cloudevents.read_batch(body, most=2)


# --- PagerDuty


@pytest.mark.parametrize(
    ("theirs", "ours"), [("critical", "critical"), ("error", "high"), ("warning", "medium"), ("info", "low")]
)
def test_severities_of_pagerduty_are_ours_and_the_original_stays(theirs: str, ours: str) -> None:
    body = pagerduty.SAMPLE | {"payload": pagerduty.SAMPLE["payload"] | {"severity": theirs}}

    event = an_event(pagerduty.read(body))

    assert (event["severity"], event["payload"]["severity"]) == (ours, theirs)


@pytest.mark.parametrize(
    ("action", "status"), [("trigger", "firing"), ("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_one_key_ties_the_actions_of_an_alert_together(action: str, status: str) -> None:
    event = an_event(pagerduty.read(pagerduty.SAMPLE | {"event_action": action}))

    assert (event["type"], event["status"], event["dedup_key"]) == ("alert", status, "db-1/disk")
    assert (event["name"], event["source"]) == ("disk", "db-1.example.com")


def test_the_routing_key_is_a_secret_and_no_part_of_the_event() -> None:
    assert "sntl_" not in json.dumps(pagerduty.read(pagerduty.SAMPLE))
    assert pagerduty.routing_key(pagerduty.SAMPLE) == "sntl_…"


def test_a_trigger_without_a_key_gets_one_of_its_own() -> None:
    bare = without(pagerduty.SAMPLE, "dedup_key")

    first, second = pagerduty.read(bare), pagerduty.read(bare | {"dedup_key": ""})

    assert len(first["dedup_key"]) == len(second["dedup_key"]) == 32
    assert first["dedup_key"] != second["dedup_key"]


def test_what_was_triggered_is_resolved_by_its_key_alone() -> None:
    event = an_event(pagerduty.read({"event_action": "resolve", "dedup_key": "k", "payload": {"severity": "odd"}}))

    assert (event["status"], event["dedup_key"]) == ("resolved", "k")
    assert "severity" not in event


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_action": None}, "event_action"),
        ({"event_action": ["trigger"]}, "event_action"),
        ({"event_action": "resolve", "dedup_key": None}, "dedup_key"),
        ({"dedup_key": 5}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"severity": "high"}}, "payload.severity"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"summary": ""}}, "payload.summary"),
        ({"payload": without(pagerduty.SAMPLE["payload"], "source")}, "payload.source"),
        ({"payload": pagerduty.SAMPLE["payload"] | {"timestamp": "x"}}, "payload.timestamp"),
    ],
)
def test_what_pagerduty_would_refuse_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        pagerduty.read(pagerduty.SAMPLE | changes)

    assert fields_of(refused.value) == [field]


@pytest.mark.parametrize("written", ["2026-11-20T18:00:00", "2026-11-20T19:00:00+0100", "2026-11-20 18:00:00Z"])
@pytest.mark.usefixtures("elsewhere")
def test_times_as_senders_of_pagerduty_write_them(written: str) -> None:
    body = pagerduty.SAMPLE | {"payload": pagerduty.SAMPLE["payload"] | {"timestamp": written}}

    assert pagerduty.read(body)["occurred_at"] == "2026-11-20T18:00:00Z"


# --- GitHub


def test_a_signature_of_github_holds_for_these_very_bytes_and_this_secret() -> None:
    body = b'{"a": 1}'
    signature = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()

    assert github.is_signed(body, signature, secret="secret")
    assert not github.is_signed(body + b" ", signature, secret="secret")
    assert not github.is_signed(body, signature, secret="other")
    assert not github.is_signed(body, signature.replace("sha256=", "sha1="), secret="secret")
    assert not github.is_signed(body, None, secret="secret")
    assert not github.is_signed(body, "sha256=ü", secret="secret")


@pytest.mark.parametrize(
    ("payload", "source"),
    [
        (github.SAMPLE, "acme/shop"),
        ({"organization": {"login": "acme"}}, "acme"),
        ({"repository": None, "enterprise": {"slug": "big"}}, "big"),
        ({"repository": "odd"}, "github"),
    ],
)
def test_an_event_of_github_says_where_it_happened(payload: dict[str, Any], source: str) -> None:
    event = an_event(github.read(payload, {"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-1"}))

    assert (event["type"], event["source"], event["event_id"]) == ("github.issues", source, "github:d-1")
    assert event["payload"] == payload


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_a_delivery_without_its_headers_is_refused_by_name(missing: str) -> None:
    headers = without({"X-GitHub-Event": "push", "X-GitHub-Delivery": "d"}, missing)

    with pytest.raises(InvalidInputError) as refused:
        github.read({}, headers)

    assert fields_of(refused.value) == [missing]


# --- Amazon SNS


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
