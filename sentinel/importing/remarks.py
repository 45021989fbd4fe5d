"""What an importer has to say about what it read: what is lost, and what is carried over but different. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that does not go over as it is, where it stands, and what to do about it.

    `is_loss`: without a person's doing, somebody will not be told, or will be told too much. The rest is wording,
    and settings that are made elsewhere.
    """

    place: str
    what: str
    remedy: str
    is_loss: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


def loss(place: str, what: str, remedy: str) -> Remark:
    """Something that is not carried over."""
    return Remark(place, what, remedy, is_loss=True)
