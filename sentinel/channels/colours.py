"""The colour of each severity, the same in mail and in Slack."""

from __future__ import annotations

COLOURS: dict[str, str] = {
    "critical": "#b91c1c",
    "high": "#c2410c",
    "medium": "#a16207",
    "low": "#1d4ed8",
}
"""Dark enough to be read as text on white."""

NEUTRAL = "#4b5563"


def colour_of(severity: str) -> str:
    """The colour of a severity; a neutral one for a word that is none."""
    return COLOURS.get(severity.lower(), NEUTRAL)
