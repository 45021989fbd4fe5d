"""docs/reference/receipts.md against the tables that it describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.channels import sendgrid_reports
from sentinel.channels.reports import Again
from sentinel.channels.twilio_reports import REPORTED_CODES

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "receipts.md"
CODE_ROW = re.compile(
    r"^\| (?P<code>\d{5}) \| (?P<outcome>\w+) \| `(?P<reason>\w+)` "
    r"\| (?P<again>[^|]+) \| (?P<suppresses>\w+) \| ?(?P<hint>[^|]*)\|$",
    re.MULTILINE,
)
END_ROW = re.compile(r"^\| (bounce, type|dropped:) ([^|]+) \| `(\w+)` \| ([^|]+) \| (\w+) \|$", re.MULTILINE)
WORDS = {
    Again.NEVER: "no",
    Again.SOON: "after 1 and 10 minutes",
    Again.LATER: "once, after 30 to 60 minutes",
    Again.HALF_HOUR: "once, after half an hour",
    Again.NEXT_DAY: "once, after midnight on the US Pacific coast",
}


def test_every_code_of_twilio_is_described_as_it_is_treated() -> None:
    described = {int(row["code"]): row for row in CODE_ROW.finditer(REFERENCE.read_text())}

    assert set(described) == set(REPORTED_CODES)
    for code, meaning in REPORTED_CODES.items():
        row = described[code]
        told = (row["outcome"], row["reason"], row["again"], row["suppresses"], row["hint"].strip())
        expected = (
            meaning.outcome,
            meaning.reason,
            WORDS[meaning.again],
            meaning.suppresses or "no",
            meaning.hint or "",
        )
        assert told == expected, code


ROWS = END_ROW.findall(REFERENCE.read_text())


@pytest.mark.parametrize(("event", "words", "reason", "again", "suppresses"), ROWS)
def test_every_end_of_a_mail_is_treated_as_it_is_described(
    event: str, words: str, reason: str, again: str, suppresses: str
) -> None:
    body = {"type": words.strip("`")} if event.startswith("bounce") else {"reason": words}

    meaning = sendgrid_reports.meaning_of(event.partition(",")[0].strip(":"), None, body)

    assert (meaning.reason, WORDS[meaning.again], meaning.suppresses or "no") == (reason, again, suppresses)


def test_all_kinds_of_drops_are_described() -> None:
    described = {words.lower() for event, words, *_ in ROWS if event == "dropped:"}

    assert described == {beginning for beginning, _ in sendgrid_reports.DROPS} | {"anything else"}
