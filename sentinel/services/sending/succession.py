"""Who is next in a list of other targets: named endpoints are looked up now, and nobody is tried twice. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sentinel.queries.endpoints import Destination

Place = tuple[str, str]
"""A channel and a recipient."""

GONE, TRIED = "no enabled endpoint of this name", "was tried before"


@dataclass(frozen=True, slots=True)
class Next:
    """Where a message goes now, and the targets that are left after that; `passed` tells of those that cannot be."""

    place: Place | None
    endpoint_id: int | None
    left: Sequence[Mapping[str, Any]]
    passed: Sequence[dict[str, Any]]
    name: str = ""
    """As the list names it."""

    def beyond(self, before: Next, *, why: str) -> Next:
        """This one, after `before` was passed over."""
        return replace(self, passed=[*before.passed, {"target": before.name, "reason": why}, *self.passed])


def next_of(
    targets: Sequence[Mapping[str, Any]], tried: Collection[Place], endpoints: Mapping[str, Destination]
) -> Next:
    """Return the first target that is there and was not tried for this message before."""
    passed: list[dict[str, Any]] = []
    for number, target in enumerate(targets):
        name = target.get("endpoint")
        endpoint = endpoints.get(name) if name else None
        place = (endpoint.channel, endpoint.target) if endpoint else (target.get("channel"), target.get("recipient"))
        why = GONE if name and endpoint is None else TRIED if place in tried else None
        shown = name or f"{place[0]}:{place[1]}"
        if why is None:
            found, endpoint_id = (str(place[0]), str(place[1])), None if endpoint is None else endpoint.id
            return Next(found, endpoint_id, targets[number + 1 :], passed, shown)
        passed.append({"target": shown, "reason": why})
    return Next(None, None, (), passed)
