"""Which of a provider's messages is which send in doubt: pure, and each message is adopted at most once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sentinel.channels.base import Finding, Sighting

TWIN_UNDER_WAY = "twin_under_way"
"""The same text is being sent to the same recipient: what was found may be that one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A send in doubt, first tried at `since`, and what its provider said."""

    id: str
    since: datetime
    finding: Finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a doubt: found (`sighting`), not known (`trouble`), or missing (neither)."""

    sighting: Sighting | None = None
    trouble: str | None = None


def judge(asked: Sequence[Asked], *, holders: Mapping[str, str], with_twin: Collection[str]) -> dict[str, Verdict]:
    """Give each doubt its verdict; the one that was tried first takes the oldest message that is free.

    `holders` says which notification a message belongs to already.
    """
    taken = dict(holders)
    verdicts: dict[str, Verdict] = {}
    for doubt in sorted(asked, key=lambda each: (each.since, each.id)):
        sighting = _free(doubt, taken)
        if sighting is not None and doubt.id in with_twin:
            verdicts[doubt.id] = Verdict(trouble=TWIN_UNDER_WAY)
        elif sighting is not None:
            taken[sighting.provider_message_id] = doubt.id
            verdicts[doubt.id] = Verdict(sighting)
        else:
            verdicts[doubt.id] = Verdict(trouble=doubt.finding.trouble)
    return verdicts


def _free(doubt: Asked, taken: Mapping[str, str]) -> Sighting | None:
    """The oldest message that is nobody else's; a worker that came back late may have written down our own."""
    free = (each for each in doubt.finding.sightings if taken.get(each.provider_message_id, doubt.id) == doubt.id)
    return next(free, None)
