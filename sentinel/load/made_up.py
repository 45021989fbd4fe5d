"""Made-up events: the same seed gives the same sequence, on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentinel.load.shares import Shares, even

SEVERITIES = Shares(("HIGH", "MEDIUM", "LOW", "CRITICAL"), (30, 30, 30, 10))
SOURCES = even("api", "db", "cache", "monitor", "queue", "worker", "frontend", "backend")
NAMES = even("timeout", "error", "crash", "slow", "memory", "cpu", "disk", "network", "auth")
HOSTS = 20

# With the device health pack a temperature that is even between 60 and 95 and these states make about
# 20 % critical, 23 % high, 31 % medium and 26 % nothing.
STATES = Shares(("offline", "degraded", "online"), (20, 19, 61))
COLDEST, HOTTEST = 60.0, 95.0
REGIONS = even("eu-west", "eu-north", "us-east", "us-west", "ap-south")
DEVICES = 1000


LARGEST_SEED = 2**32


def fresh_label(kind: str, seed: int) -> str:
    """Name a load so that none of its events is a duplicate of another's, whose seed may be the same."""
    return f"{kind}-{seed}-{random.randrange(LARGEST_SEED):08x}"  # noqa: S311 - load is no secret


@dataclass(frozen=True, slots=True)
class AlertMix:
    """How often each severity, source and name comes."""

    severity: Shares = SEVERITIES
    source: Shares = SOURCES
    name: Shares = NAMES


def alerts(seed: int, label: str, mix: AlertMix) -> Iterator[dict[str, Any]]:
    """Make alerts without end; their ids are `label` and a number."""
    chance = random.Random(seed)  # noqa: S311 - load is no secret
    number = 0
    while True:
        number += 1
        source = mix.source.draw(chance)
        yield {
            "alert_id": f"{label}-{number}",
            "severity": mix.severity.draw(chance),
            "source": source,
            "name": mix.name.draw(chance),
            "context": {"host": f"{source}-{chance.randint(1, HOSTS)}", "value": round(chance.uniform(0, 100), 1)},
        }


def devices(seed: int, label: str) -> Iterator[dict[str, Any]]:
    """Make reports of devices without end; their ids are `label` and a number."""
    chance = random.Random(seed)  # noqa: S311 - load is no secret
    number = 0
    while True:
        number += 1
        device = chance.randint(1, DEVICES)
        yield {
            "event_id": f"{label}-{number}",
            "device_id": f"dev-{device}",
            "status": STATES.draw(chance),
            "temperature": round(chance.uniform(COLDEST, HOTTEST), 1),
            "region": REGIONS.words[device % len(REGIONS.words)],
        }
