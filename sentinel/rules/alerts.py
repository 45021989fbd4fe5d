"""Which alert an event speaks of, and whether it says that it fires or that it is over. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

FIRING, RESOLVED = "firing", "resolved"

OWN_IDENTITIES = ("fingerprint", "dedup_key")
"""Fields in which senders name their alerts: Alertmanager and Grafana, PagerDuty's clients."""

DESCRIBING = ("source", "name", "device_id")
"""Fields of an event that tell which alert it is when it has neither a name for it nor labels."""


@dataclass(frozen=True, slots=True)
class SpokenAlert:
    """An alert by its key, which is the same in everything that is said of it."""

    key: str
    is_firing: bool


def spoken_of(body: Mapping[str, Any]) -> SpokenAlert | None:
    """The alert that an event fires or resolves; None for an event that says neither, or not of what.

    It says so by `status`. The alert is known by `fingerprint` or `dedup_key`, else by all its `labels`, else by
    `source`, `name` and `device_id`.
    """
    status = body.get("status")
    if status not in (FIRING, RESOLVED):
        return None
    key = _key(body)
    return None if key is None else SpokenAlert(key, is_firing=status == FIRING)


def _key(body: Mapping[str, Any]) -> str | None:
    for name in OWN_IDENTITIES:
        if isinstance(given := body.get(name), str) and given:
            return f"{name}:{_hash(given)}"
    labels = body.get("labels")
    if isinstance(labels, dict) and labels:
        return f"labels:{_hash(labels)}"
    described = {name: body[name] for name in DESCRIBING if isinstance(body.get(name), str) and body[name]}
    return f"event:{_hash(described)}" if described else None


def _hash(identity: Any) -> str:
    return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
