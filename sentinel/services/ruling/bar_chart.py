"""Bars by hour as SVG: no script, no font of its own, readable on light and dark, and by screen readers.

`by_hour` is a picture that stands alone; `bare` has the bars only, for a page that stretches them and says the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from sentinel.services.ruling.replay import HourCount

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 36, 28
LABELS = 7
"""About how many hours are named below the bars."""
LABEL_WIDTH = 84

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#767676}.title{font-size:14px}"
    ".axis{stroke:#767676}.matched{fill:#5b93c4}.fired{fill:#d1495b}"
)
"""Greys and colours with enough contrast on white and on black."""


BARE_HEIGHT = 100


def by_hour(title: str, hours: Sequence[HourCount]) -> str:
    """Draw how often a rule matched and spoke in each hour; each bar tells its figures when pointed at."""
    tallest = tallest_of(hours)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(hours))
    frame = Frame(HEIGHT - BOTTOM, (HEIGHT - TOP - BOTTOM) / tallest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        *_heading(title, hours),
        *(_bars(each, LEFT + place * step, step, frame) for place, each in enumerate(hours)),
        *_axis(hours, step, tallest),
        "</svg>",
    ]
    return "\n".join(parts)


def bare(hours: Sequence[HourCount]) -> str:
    """Draw the bars alone, as wide as the page has room; how they are coloured is for the page to say."""
    frame = Frame(BARE_HEIGHT, BARE_HEIGHT / tallest_of(hours))
    parts = [
        f'<svg class="bars" viewBox="0 0 {len(hours) * 10} {BARE_HEIGHT}" preserveAspectRatio="none" role="img">',
        f"<title>By hour, UTC: {', '.join(_sums(hours))}</title>",
        *(_bars(each, place * 10, 10, frame) for place, each in enumerate(hours)),
        "</svg>",
    ]
    return "\n".join(parts)


def tallest_of(hours: Sequence[HourCount]) -> int:
    """What the highest bar stands for."""
    return max((max(each.matched, each.fired) for each in hours), default=0) or 1


class Frame(NamedTuple):
    """Where the bars stand, and how high one is for each event."""

    floor: float
    scale: float


def _heading(title: str, hours: Sequence[HourCount]) -> list[str]:
    matched, fired = _sums(hours)
    squares = f'<tspan class="matched">■</tspan> {matched}, <tspan class="fired">■</tspan> {fired}'
    return [
        f'<title id="t">{_text(title)}</title><desc id="d">By hour, UTC: {matched}, {fired}</desc>',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{_text(_short(title))}: {squares}</text>',
    ]


def _sums(hours: Sequence[HourCount]) -> tuple[str, str]:
    return f"matched {sum(each.matched for each in hours):,}", f"spoke {sum(each.fired for each in hours):,}"


def _bars(each: HourCount, x: float, step: float, frame: Frame) -> str:
    counted = f"{_hour(each.hour)}: matched {each.matched:,}, spoke {each.fired:,}"
    bars = "".join(_bar(kind, frame.scale * count, x, step, frame.floor) for kind, count in _kinds(each))
    return f"<g><title>{counted}</title>{bars}</g>"


def _kinds(each: HourCount) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("matched", each.matched), ("fired", each.fired)


def _bar(kind: str, height: float, x: float, step: float, floor: float) -> str:
    """What matched stands behind, the narrower bar of what spoke before it."""
    gap = step * (0.1 if kind == "matched" else 0.3)
    place = f'x="{x + gap:.1f}" y="{floor - height:.1f}" width="{step - 2 * gap:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place}/>'


def _axis(hours: Sequence[HourCount], step: float, tallest: int) -> list[str]:
    floor = HEIGHT - BOTTOM
    every = max(1, -(-len(hours) // LABELS))
    names = [
        f'<text x="{LEFT + place * step:.1f}" y="{floor + 18}">{_hour(hours[place].hour)}</text>'
        for place in range(0, len(hours), every)
        if LEFT + place * step + LABEL_WIDTH <= WIDTH
    ]
    return [
        f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>',
        f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">{tallest:,}</text>',
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end">0</text>',
        *names,
    ]


def _hour(moment: datetime) -> str:
    return f"{moment:%d %b %H:00}"


def _short(title: str) -> str:
    longest = 60
    return title if len(title) <= longest else title[: longest - 1] + "…"


def _text(title: str) -> str:
    return escape("".join(each if each.isprintable() else " " for each in title))
