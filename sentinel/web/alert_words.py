"""How pages show alerts and the matchers that find them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from sentinel.rules.matchers import Matcher

NAMING = ("alertname", "name", "type")
PLACING = ("instance", "device_id", "host", "service", "source")
SAID_ELSEWHERE = {*NAMING, "severity", "status", "message", "fingerprint", "dedup_key", "event_id", "timestamp"}
MOST_LABELS, LONGEST_LABEL = 6, 60


def alert_name(labels: Mapping[str, str]) -> str:
    """What people call an alert."""
    return next((labels[name] for name in NAMING if labels.get(name)), "alert without a name")


def shown_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """A few of its labels, that tell it from others of its name."""
    first = sorted(labels, key=lambda name: (name not in PLACING, name))
    telling = (name for name in first if name not in SAID_ELSEWHERE and 0 < len(labels[name]) <= LONGEST_LABEL)
    return {name: labels[name] for name in islice(telling, MOST_LABELS)}


def matchers_for(labels: Mapping[str, str]) -> list[str]:
    """Matchers that find this alert, as the form of a silence has them: what it is, and where."""
    chosen = (next((name for name in names if labels.get(name)), None) for names in (NAMING, PLACING))
    return [str(Matcher(name, labels[name])) for name in chosen if name is not None]
