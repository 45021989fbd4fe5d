"""An event says of which alert it speaks, and whether that fires."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.rules.alerts import spoken_of

LABELS = {"alertname": "DiskFull", "instance": "db-1"}


def key_of(body: dict[str, Any]) -> str:
    found = spoken_of({"status": "firing", **body})
    assert found is not None
    return found.key


@pytest.mark.parametrize(
    "identity",
    [{"fingerprint": "b0d1"}, {"dedup_key": "db-1/disk"}, {"labels": LABELS}, {"source": "api", "name": "timeout"}],
)
def test_firing_and_resolved_speak_of_the_same_alert_whatever_else_they_say(identity: dict[str, Any]) -> None:
    begun, over = (
        spoken_of({"status": "firing", "value": 1, **identity}),
        spoken_of({"status": "resolved", "value": 2, **identity}),
    )

    assert begun is not None
    assert over is not None
    assert (begun.key, begun.is_firing, over.is_firing) == (over.key, True, False)


@pytest.mark.parametrize("other", [{**LABELS, "instance": "db-2"}, {"alertname": "DiskFull"}])
def test_other_labels_are_another_alert(other: dict[str, str]) -> None:
    assert key_of({"labels": LABELS}) != key_of({"labels": other})


def test_the_order_of_labels_does_not_matter() -> None:
    assert key_of({"labels": LABELS}) == key_of({"labels": dict(reversed(LABELS.items()))})


def test_a_name_of_the_senders_own_goes_before_labels() -> None:
    assert key_of({"fingerprint": "b0d1", "labels": LABELS}) == key_of({"fingerprint": "b0d1", "labels": {"a": "b"}})


def test_a_name_is_not_taken_for_labels_that_read_alike() -> None:
    assert key_of({"fingerprint": "x"}) != key_of({"dedup_key": "x"})


@pytest.mark.parametrize(
    "body",
    [
        {"type": "order", "amount": 750},
        {"status": "ok", "labels": LABELS},
        {"status": "firing"},
        {"status": "firing", "fingerprint": "", "labels": {}},
        {"status": "firing", "fingerprint": 7, "labels": "x", "name": None},
        {"status": ["firing"], "labels": LABELS},
    ],
)
def test_other_events_speak_of_no_alert(body: dict[str, Any]) -> None:
    assert spoken_of(body) is None
