"""Texts with places for values of the event."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.rules.titles import TitleError, fill, pieces


@pytest.mark.parametrize(
    ("text", "event", "filled"),
    [
        ("Device {device_id} offline", {"device_id": "dev-1"}, "Device dev-1 offline"),
        ("{event.a.b[1]}", {"a": {"b": [1, 2]}}, "2"),
        ("{t:.1f}°C", {"t": 85}, "85.0°C"),
        ("{t:.1f}", {"t": "hot"}, "hot"),
        ("{t}", {}, "-"),
        ("{t} {u} {v} {w}", {"t": True, "u": None, "v": [1], "w": {}}, "true - (list) (object)"),
        ("{{t}} }}", {"t": 1}, "{t} }"),
        ("{x}", {"x": "{y}", "y": "no"}, "{y}"),
        ("{x}", {"x": "a" * 5000}, "a" * 199 + "…"),
        ("{x.__class__}", {"x": "a"}, "-"),
    ],
)
def test_places_are_filled(text: str, event: dict[str, Any], filled: str) -> None:
    assert fill(text, event) == filled


@pytest.mark.parametrize("text", ["{}", "{0}", "{x!r}", "{x:>9999999}", "{x", "x}", "{x:.99f}", "{x-y}", "{{{x"])
def test_other_places_are_refused(text: str) -> None:
    with pytest.raises(TitleError, match="is no place for a value"):
        pieces(text)
