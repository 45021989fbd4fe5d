"""What pages say of escalations: whom a step tells, what comes next, what happened; and no secret of an address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sentinel.models import Escalation
from sentinel.services.escalating.addressees import Addressee, Nobody
from sentinel.services.notifications import TimelineItem
from sentinel.web.escalation_words import SAYINGS, lines, meant_words, next_words, target_words, wait_words

BOB = Addressee("endpoint:bob", "bob", "sms", "+14155552671")
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("endpoint:ann", "ann"),
        ("rotation:primary", "whoever is on call of primary"),
        ("sms:+14155552671", "sms +14155552671"),
        ("webhook:https://example.com/secret", "webhook https://•••"),
    ],
)
def test_a_target_is_said_without_what_opens_doors(target: str, words: str) -> None:
    assert target_words(target) == words


@pytest.mark.parametrize(
    ("meant", "words"),
    [
        (BOB, "bob by sms"),
        (Addressee("rotation:primary", "ann", "email", "a@example.com"), "ann (on call of primary) by email"),
        (
            Addressee("webhook:https://x/secret", "webhook:https://•••", "webhook", "https://x/secret"),
            "webhook https://•••",
        ),
        (Nobody("endpoint:eve", "no_endpoint", "eve"), "nobody behind eve: there is no enabled endpoint of that name"),
    ],
)
def test_who_that_is_now(meant: Addressee | Nobody, words: str) -> None:
    assert meant_words(meant) == words


def test_waits() -> None:
    assert [wait_words(0, 1), wait_words(0, 2), wait_words(300, 2)] == ["at once", "right after that", "after 5 min"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("acknowledged", "somebody has it; nobody else is told"),
        ("exhausted", "everybody was told, and nobody took it"),
        ("ended", "over"),
    ],
)
def test_what_comes_next_where_nothing_is_told(state: str, words: str) -> None:
    assert next_words(Escalation(state=state, next_step_at=None), [BOB]) == words
    assert next_words(None, []) == "nobody is told: no escalation policy"


DETAIL: dict[str, Any] = {
    "severity": "high",
    "title": "hot",
    "policy": "p",
    "before": "q",
    "step": 2,
    "round": 3,
    "by": "ann",
}
DETAIL |= {"how": "link", "until": "2026-11-30T18:00:00Z", "seconds": 3600, "error": "KeyError"}


@pytest.mark.parametrize("kind", [*SAYINGS, "something_new"])
def test_all_that_happens_is_said_and_what_is_unknown_too(kind: str) -> None:
    (line,) = lines([TimelineItem(NOW, kind, DETAIL)])

    assert line.words
    assert "{" not in line.words


def test_a_history_is_told_the_newest_first_with_notes_and_those_who_were_told() -> None:
    told = {"step": 1, "round": 1, "told": [{"who": "ann"}], "missing": None}
    taken = {"by": "ann", "how": "rule", "note": "mine"}

    taken_line, told_line = lines([TimelineItem(NOW, "step_told", told), TimelineItem(NOW, "acknowledged", taken)])

    assert (taken_line.words, taken_line.note) == ("Acknowledged by ann", "mine")
    assert (told_line.words, told_line.told, told_line.missing) == ("Step 1: told", [{"who": "ann"}], ())
