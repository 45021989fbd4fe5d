"""Bars by hour as SVG: no script, no font of its own, readable on light and dark, and by screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

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


def by_hour(title: str, hours: Sequence[HourCount]) -> str:
    """Draw how often a rule matched and spoke in each hour; each bar tells its figures when pointed at."""
    tallest = max((max(each.matched, each.fired) for each in hours), default=0) or 1
    step = (WIDTH - LEFT - RIGHT) / max(1, len(hours))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        *_heading(title, hours),
        *(_bars(each, LEFT + place * step, step, tallest) for place, each in enumerate(hours)),
        *_axis(hours, step, tallest),
        "</svg>",
    ]
    return "\n".join(parts)


def _heading(title: str, hours: Sequence[HourCount]) -> list[str]:
    matched = f"matched {sum(each.matched for each in hours):,}"
    fired = f"spoke {sum(each.fired for each in hours):,}"
    squares = f'<tspan class="matched">■</tspan> {matched}, <tspan class="fired">■</tspan> {fired}'
    return [
        f'<title id="t">{_text(title)}</title><desc id="d">By hour, UTC: {matched}, {fired}</desc>',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{_text(_short(title))}: {squares}</text>',
    ]


def _bars(each: HourCount, x: float, step: float, tallest: int) -> str:
    counted = f"{_hour(each.hour)}: matched {each.matched:,}, spoke {each.fired:,}"
    bars = "".join(_bar(kind, count, x, step, tallest) for kind, count in _kinds(each))
    return f"<g><title>{counted}</title>{bars}</g>"


def _kinds(each: HourCount) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("matched", each.matched), ("fired", each.fired)


def _bar(kind: str, count: int, x: float, step: float, tallest: int) -> str:
    """What matched stands behind, the narrower bar of what spoke before it."""
    height = (HEIGHT - TOP - BOTTOM) * count / tallest
    gap = step * (0.1 if kind == "matched" else 0.3)
    place = f'x="{x + gap:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{step - 2 * gap:.1f}" height="{height:.1f}"'
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
