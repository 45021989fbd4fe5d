"""Files of suppressed addresses: CSV with a line of column names, as spreadsheets and providers export them.

channel,recipient,reason,note
sms,+14155552671,opted_out,
email,ann@example.com,manual,asked by telephone
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from sentinel.errors import FieldError, InvalidInputError, SentinelError
from sentinel.models import Suppression
from sentinel.models.suppression import SuppressionReason
from sentinel.services import suppressions
from sentinel.services.suppressions import Written

REQUIRED = ("channel", "recipient")
READ = (*REQUIRED, "reason", "note")
WRITTEN = (*READ, "client", "source", "created_at", "lifted_at")
"""An export has more columns than an import reads, and is read by it all the same."""

UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What is read in the place of bytes that are no UTF-8."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, by its number: what it asks for, or what is wrong with it."""

    number: int
    wanted: Written | None = None
    problem: str = ""


def read(file: TextIO) -> Iterator[Line]:
    """Read a file line by line; a bad line does not keep the others from being read. Lifted ones are passed over."""
    reader = csv.reader(file, strict=True)
    names = _names(reader, file.name)
    number = reader.line_num + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, problem=str(error))
        else:
            values = dict(zip(names, map(str.strip, cells), strict=False))
            if any(cells) and not values.get("lifted_at"):
                yield _line(number, values)
        number = reader.line_num + 1  # a text in quotes may have line breaks


def write(rows: Iterable[tuple[Suppression, str]], file: TextIO) -> None:
    """Write suppressions so that `read` gives them back."""
    writer = csv.writer(file, lineterminator="\n")
    for row, client in rows:
        lifted_at = row.lifted_at.isoformat() if row.lifted_at else ""
        facts = (client, row.source, row.created_at.isoformat(), lifted_at)
        writer.writerow((row.channel, row.recipient, row.reason, row.note or "", *facts))


def write_names(file: TextIO) -> None:
    """Write the line of column names."""
    csv.writer(file, lineterminator="\n").writerow(WRITTEN)


def _names(reader: Any, file: str) -> list[str]:
    names = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SentinelError(
            f"{file}:1: has no column {' and no column '.join(missing)}; "
            f"the first line names the columns, divided by commas: {','.join(READ)}"
        )
    strange = [name for name in names if name not in WRITTEN]
    if strange:
        raise SentinelError(f"{file}:1: unknown column {strange[0]!r}; known are {', '.join(WRITTEN)}")
    return names


def _line(number: int, values: Mapping[str, str]) -> Line:
    try:
        return Line(number, wanted=_written(values))
    except InvalidInputError as error:
        return Line(number, problem=str(error))


def _written(values: Mapping[str, str]) -> Written:
    if any(UNREADABLE in text for text in values.values()):
        raise InvalidInputError(FieldError("line", "", "is not UTF-8 text", "save the file as UTF-8"))
    reason = values.get("reason", "").lower() or SuppressionReason.MANUAL
    if reason not in frozenset(SuppressionReason):
        remedy = f"use one of: {', '.join(SuppressionReason)}; or leave it empty"
        raise InvalidInputError(FieldError("reason", reason, f"{reason!r} is no reason", remedy))
    channel, recipient = values.get("channel", ""), values.get("recipient", "")
    wanted = Written(channel, recipient, SuppressionReason(reason), values.get("note") or None)
    return suppressions.check(wanted)
