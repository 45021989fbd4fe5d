"""Time intervals as boxes: a set of years, of months, of days, of weekdays and of minutes, all of which must hold.

Sets are whole numbers with a bit for each member, so that what two boxes share is `&` and what is left is `~`. A day of
the month is one of 28, 29, 30 or 31, and counts from either end: it has a bit for each length that a month can have.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sentinel.schedules.intervals import MINUTES_OF_A_DAY, WHOLE_DAY, Hours, Range, TimeInterval

LENGTHS = (28, 29, 30, 31)
"""Days of a month."""

DAY_PLACES = {length: sum(LENGTHS[:number]) for number, length in enumerate(LENGTHS)}
"""The bit of the first day of a month of that length."""

FIRST_YEAR, LAST_YEAR = 1970, 9999


class InexpressibleError(ValueError):
    """A set of days that no ranges from the month's start or end describe in months of all lengths."""


class Box(NamedTuple):
    """One set for each field, outer ones first."""

    years: int
    months: int
    days: int
    weekdays: int
    minutes: int


def _bits(count: int) -> int:
    return (1 << count) - 1


ALWAYS = Box(_bits(LAST_YEAR - FIRST_YEAR + 1), _bits(12), _bits(sum(LENGTHS)), _bits(7), _bits(MINUTES_OF_A_DAY))


def box(interval: TimeInterval) -> Box:
    """The box of an interval whose hours do not cross midnight."""
    hours = [(each.start, each.end - 1) for each in interval.hours]
    return Box(
        _of_ranges(interval.years, FIRST_YEAR) if interval.years else ALWAYS.years,
        _of_ranges(interval.months, 1) if interval.months else ALWAYS.months,
        _of_days(interval.days_of_month) if interval.days_of_month else ALWAYS.days,
        _of_ranges(interval.weekdays, 0) if interval.weekdays else ALWAYS.weekdays,
        _of_ranges(hours, 0),
    )


def interval(found: Box) -> TimeInterval:
    """The interval of a box. Raises `InexpressibleError`."""
    hours = tuple(Hours(low, high + 1) for low, high in _ranges(found.minutes, 0))
    return TimeInterval(
        hours=WHOLE_DAY if found.minutes == ALWAYS.minutes else hours,
        weekdays=_chosen(found.weekdays, ALWAYS.weekdays, lambda bits: _ranges(bits, 0)),
        days_of_month=_chosen(found.days, ALWAYS.days, _day_ranges),
        months=_chosen(found.months, ALWAYS.months, lambda bits: _ranges(bits, 1)),
        years=_chosen(found.years, ALWAYS.years, lambda bits: _ranges(bits, FIRST_YEAR)),
    )


def outside(boxes: Iterable[Box]) -> list[Box]:
    """Boxes, none of which overlaps another, that together are all that is in none of these."""
    left = [ALWAYS]
    for each in boxes:
        left = _merged([piece for one in left for piece in _beside(one, each)])
    return left


def _beside(one: Box, other: Box) -> Iterator[Box]:
    """What of one box is not in the other: for each field the part beside it, within the fields before."""
    for field, mine, its in zip(Box._fields, one, other, strict=True):
        if rest := mine & ~its:
            yield one._replace(**{field: rest})
        one = one._replace(**{field: mine & its})
        if not mine & its:
            return


def _merged(boxes: Sequence[Box]) -> list[Box]:
    """The same in fewer boxes: two that differ in one field only are one."""
    found: list[Box] = []
    for each in boxes:
        whole = each
        while (at := next((n for n, other in enumerate(found) if _differences(whole, other) == 1), None)) is not None:
            whole = Box(*(mine | its for mine, its in zip(whole, found.pop(at), strict=True)))
        found.append(whole)
    return found


def _differences(one: Box, other: Box) -> int:
    return sum(mine != its for mine, its in zip(one, other, strict=True))


def _chosen(bits: int, all_bits: int, written: Callable[[int], tuple[Range, ...]]) -> tuple[Range, ...]:
    """The ranges of a set; none where it is all there is."""
    return () if bits == all_bits else written(bits)


def _of_ranges(ranges: Iterable[Range], first: int) -> int:
    found = 0
    for low, high in ranges:
        if (start := max(low, first)) <= high:
            found |= _bits(high - start + 1) << (start - first)
    return found


def _ranges(bits: int, first: int) -> tuple[Range, ...]:
    """The members of a set as ranges without a gap between."""
    found = []
    place = first
    while bits:
        gap = (bits & -bits).bit_length() - 1
        length = (~(bits >> gap) & (bits >> gap) + 1).bit_length() - 1
        found.append((place + gap, place + gap + length - 1))
        bits >>= gap + length
        place += gap + length
    return tuple(found)


def _of_days(ranges: Iterable[Range]) -> int:
    found = 0
    for each in ranges:
        found |= _of_day_range(each)
    return found


def _of_day_range(days: Range) -> int:
    found = 0
    for length, place in DAY_PLACES.items():
        low, high = (length + 1 + each if each < 0 else each for each in days)
        found |= _of_ranges([(low, min(high, length))], 1) << place
    return found


@lru_cache(maxsize=1)
def _day_choices() -> tuple[tuple[Range, int], ...]:
    """Every range of days that can be written, and what it is; the largest first, plain ones before others."""
    ends = [*range(1, 32), *range(-31, 0)]
    written = [(low, high) for low in ends for high in ends if _is_written(low, high)]
    choices = [(each, _of_day_range(each)) for each in written]
    return tuple(sorted(choices, key=lambda each: (-each[1].bit_count(), each[0][0] < 0, each[0][1] < 0, each[0])))


def _is_written(low: int, high: int) -> bool:
    return low <= high if (low < 0) == (high < 0) else low > 0


def _day_ranges(bits: int) -> tuple[Range, ...]:
    """Ranges that are together exactly these days. Raises `InexpressibleError` where there are none."""
    found, left = [], bits
    for days, covered in _day_choices():
        if covered & ~bits == 0 and covered & left:
            found.append(days)
            left &= ~covered
    if left:
        raise InexpressibleError
    return tuple(found)
