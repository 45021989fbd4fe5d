"""What Alertmanager and Grafana send, as events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sentinel.errors import InvalidInputError
from sentinel.integrations import alertmanager, grafana
from sentinel.integrations.reading import Item, identity
from tests.unit.integrations.judging import MOST, an_event, fields_of, without

ALERT = alertmanager.SAMPLE["alerts"][0]


def of_alerts(*alerts: Any) -> list[Item]:
    return alertmanager.read(alertmanager.SAMPLE | {"alerts": list(alerts)}, most=MOST)


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


@pytest.mark.parametrize(
    "large",
    [
        {"groupLabels": {"alertname": "x" * 100_000}},
        {"odd": ["x" * 1000] * 100},
        {f"odd{number}": "x" * 4000 for number in range(30)},
        {f"odd{number}": number for number in range(20_000)},
    ],
)
def test_whatever_is_said_of_a_group_goes_with_each_alert_in_few_bytes(large: dict[str, Any]) -> None:
    [item] = alertmanager.read(alertmanager.SAMPLE | large, most=MOST)

    assert 0 < len(orjson.dumps(an_event(item)["group"])) <= alertmanager.MOST_GROUP_BYTES == 16_384


def test_only_the_largest_of_what_is_said_of_a_group_is_left_out() -> None:
    body = alertmanager.SAMPLE | {"large": ["x"] * 3000, "larger": ["x"] * 4000}

    [item] = alertmanager.read(body, most=MOST)

    assert list(an_event(item)["group"]) == [*without(alertmanager.SAMPLE, *alertmanager.SAID_BY_EACH_ALERT), "large"]


def test_names_that_are_too_long_for_their_columns_are_cut_and_kept_whole_beside() -> None:
    [item] = of_alerts(ALERT | {"labels": {"alertname": "n" * 300}, "fingerprint": "f" * 400})

    event = an_event(item)

    assert len(event["name"]) == 255
    assert event["labels"]["alertname"] == "n" * 300


def test_an_id_that_is_too_long_is_told_by_its_hash() -> None:
    assert identity("x", "a" * 300) == identity("x", "a" * 300)
    assert identity("x", "a" * 300) != identity("x", "a" * 301)
    assert len(identity("x", "a" * 300)) <= 255
