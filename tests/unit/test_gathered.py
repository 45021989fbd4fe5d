"""The words of what is told together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.registry import CHANNELS, ROUTES
from sentinel.rendering import Facts, Wording, render
from sentinel.rendering.gathered import Gathered, Told
from sentinel.rendering.titles import title_of

AT = datetime(2026, 11, 20, 18, 5, tzinfo=UTC)


def told(title: str = "disk is full", status: str = "firing", severity: str | None = None) -> Told:
    return Told(status, title, severity, AT, "evt-1", {"labels": {"instance": "db-1"}})


def gathered(*shown: Told, labels: dict[str, Any] | None = None, **counts: int) -> Gathered:
    named = {"labels.alertname": "DiskFull", "labels.cluster": "a"} if labels is None else labels
    return Gathered("group-1", named, counts, shown)


def facts(group: Gathered) -> Facts:
    return Facts("acme", "evt-1", None, (), {}, AT, group=group)


def test_the_subject_counts_and_names_what_all_have_in_common() -> None:
    group = gathered(told(), told(status="resolved"), firing=3, resolved=1)

    assert render("email", facts(group)).subject == "[FIRING:3 RESOLVED:1] DiskFull cluster=a"


def test_without_anything_in_common_the_first_is_named() -> None:
    group = gathered(told("db-1 is full"), told("db-2 is full"), labels={}, firing=2, event=1)

    assert render("email", facts(group)).subject == "[FIRING:2 EVENTS:1] db-1 is full and 2 more"


def test_each_has_a_line_and_what_is_left_out_is_counted() -> None:
    group = gathered(told("db-1 is full", severity="high"), told("odd", "event"), firing=1, event=38)

    assert render("email", facts(group)).body == (
        "FIRING [HIGH] db-1 is full (since 2026-11-20T18:05:00Z)\nodd (since 2026-11-20T18:05:00Z)\nand 37 more"
    )


def test_an_sms_is_two_or_three_parts() -> None:
    group = gathered(*(told(f"disk of db-{number} is full") for number in range(100)), firing=100)

    body = render("sms", facts(group)).body

    assert len(body) <= 320
    assert body.startswith("[FIRING:100] DiskFull cluster=a; disk of db-0 is full; ")
    assert body.endswith(" more")


@pytest.mark.parametrize("channel", CHANNELS)
@given(titles=st.lists(st.text(max_size=300), max_size=100), more=st.integers(0, 10_000))
def test_whatever_it_tells_fits_and_no_one_is_lost(channel: str, titles: list[str], more: int) -> None:
    group = gathered(*map(told, titles), firing=len(titles) + more)

    content = render(channel, facts(group))

    assert len(content.body) <= ROUTES[channel].longest_body
    assert more == 0 or content.body.endswith("more")


def test_templates_see_the_list_and_its_counts() -> None:
    source = (
        "{{ group.labels['labels.cluster'] }} {{ group.firing }}/{{ group.number }} {{ alerts[0].labels.instance }}"
    )

    assert render("email", facts(gathered(told(), firing=7, resolved=1)), Wording(None, source)).body == "a 7/8 db-1"


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ({"annotations": {"summary": "disk\n is full"}, "name": "x"}, "disk is full"),
        ({"title": "Deploy failed"}, "Deploy failed"),
        ({"source": "node", "name": "DiskFull"}, "node/DiskFull"),
        ({"type": "order"}, "order"),
        ({"annotations": ["odd"], "message": 7}, "event"),
        ({"message": "x" * 300}, "x" * 199 + "…"),
    ],
)
def test_an_event_is_called_by_its_summary_or_its_name(event: dict[str, Any], title: str) -> None:
    assert title_of(event) == title
