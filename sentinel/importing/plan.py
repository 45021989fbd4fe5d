"""What a client has to get so that its alerts go where Alertmanager's would, as values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sentinel.importing.configuration import Inhibition
from sentinel.importing.remarks import Remark
from sentinel.schedules.schedule import Schedule


@dataclass(frozen=True, slots=True)
class PlannedEndpoint:
    """An endpoint, and when it is quiet: what comes meanwhile is told when that is over, as Alertmanager does."""

    name: str
    channel: str
    target: str
    quiet: Schedule | None = None
    tells_resolved: bool = True


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule, and the receiver whose messages it makes."""

    name: str
    text: str
    receiver: str


@dataclass(slots=True)
class Plan:
    """All that is made, and what is to be said about the rest. All names begin with `prefix`.

    `is_ordered`: some rules are right only as they stand among the others, by their priorities.
    """

    prefix: str
    endpoints: dict[str, PlannedEndpoint] = field(default_factory=dict)
    rules: Sequence[PlannedRule] = ()
    inhibitions: dict[str, Inhibition] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    is_ordered: bool = False

    @property
    def losses(self) -> list[Remark]:
        """What is not carried over."""
        return [each for each in self.remarks if each.is_loss]
