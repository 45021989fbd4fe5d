"""Rules as pages show them: in coloured pieces line by line, in short, and two versions beside each other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import NamedTuple

from sentinel.rules.lexemes import Lexeme, lexemes
from sentinel.rules.printer import action_text, condition_text
from sentinel.rules.syntax import ENDPOINT, EVERY_ENDPOINT, Action, Notify, Resolve, RuleSyntax, Ticket

SHOWN_CHARACTERS = 240
"""Most characters of a condition in a list."""

LIKE = 0.3
"""Lines that share less are not two versions of one line."""

MOST_COMPARED = 300
"""Most pieces that are compared with each other: what that costs grows with their square, and faster."""

Change = tuple[str, int, int, int, int]
"""What became of a stretch, as `difflib` says it: what happened, and from where to where in the old and the new."""


class Piece(NamedTuple):
    """A coloured piece of a line; `is_changed`: the other version has it otherwise."""

    kind: str
    text: str
    is_changed: bool = False


class Line(NamedTuple):
    """A line of one version; `sign` is - or + where the other version has it not."""

    number: int
    sign: str
    pieces: list[Piece]


class Pair(NamedTuple):
    """What stands beside each other; None where one version has nothing."""

    old: Line | None
    new: Line | None


def lines(text: str) -> list[list[Lexeme]]:
    """The pieces of a text line by line."""
    found: list[list[Lexeme]] = [[]]
    for each in lexemes(text.replace("\r\n", "\n")):
        first, *others = each.text.split("\n")
        found[-1] += [Lexeme(each.kind, first)] if first else []
        found += [[Lexeme(each.kind, part)] if part else [] for part in others]
    return found


def condition(syntax: RuleSyntax) -> list[Lexeme]:
    """When a rule speaks, on one line, cut where it is long."""
    text = condition_text(syntax.condition)
    shown = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    # `when` is read along, so that its first word is known for a field.
    return list(lexemes(f"when {shown}"))[2:]


def goals(actions: Sequence[Action]) -> list[str]:
    """Where a rule goes, in short: `slack #ops`, `a high ticket`."""
    return [_goal(each) for each in actions]


def _goal(action: Action) -> str:
    if isinstance(action, Notify):
        if action.channel != ENDPOINT:
            return f"{action.channel} {action.target}"
        return "its endpoints" if action.target == EVERY_ENDPOINT else f"endpoint {action.target}"
    if isinstance(action, Ticket):
        return f"{action.severity} ticket"
    return "resolves its ticket" if isinstance(action, Resolve) else action_text(action)


def differences(old: str, new: str) -> list[Pair]:
    """Two versions side by side, line by line, and in changed lines the pieces that differ."""
    before, after = lines(old), lines(new)
    changes = _changes([_text(each) for each in before], [_text(each) for each in after])
    return [pair for change in changes for pair in _pairs(change, before, after)]


def _changes(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[Change]:
    """What changed between two sequences; where too much lies between their equal ends, all of that has."""
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    yield "equal", 0, head, 0, head
    if len(left) + len(right) > MOST_COMPARED:
        yield "replace", head, head + len(left), head, head + len(right)
    else:
        for kind, *places in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            start, end, new_start, new_end = (head + place for place in places)
            yield kind, start, end, new_start, new_end
    yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)


def _alike(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """How many are equal from the start on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _pairs(change: Change, before: list[list[Lexeme]], after: list[list[Lexeme]]) -> Iterator[Pair]:
    kind, old, old_end, new, new_end = change
    for place in range(max(old_end - old, new_end - new)):
        left = before[old + place] if old + place < old_end else None
        right = after[new + place] if new + place < new_end else None
        if kind == "equal" or left is None or right is None:
            yield _pair(kind, (old + place + 1, _plain(left)), (new + place + 1, _plain(right)))
        else:
            marked = _marked(left, right)
            yield _pair(kind, (old + place + 1, marked[0]), (new + place + 1, marked[1]))


def _pair(kind: str, left: tuple[int, list[Piece] | None], right: tuple[int, list[Piece] | None]) -> Pair:
    signs = ("", "") if kind == "equal" else ("-", "+")
    return Pair(
        *(
            None if side[1] is None else Line(side[0], sign, side[1])
            for side, sign in ((left, signs[0]), (right, signs[1]))
        )
    )


def _plain(found: list[Lexeme] | None) -> list[Piece] | None:
    return None if found is None else [Piece(*each) for each in found]


def _marked(left: list[Lexeme], right: list[Lexeme]) -> tuple[list[Piece], list[Piece]]:
    equal = [change for change in _changes(left, right) if change[0] == "equal"]
    same_left = {place for _, start, end, _, _ in equal for place in range(start, end)}
    same_right = {place for _, _, _, start, end in equal for place in range(start, end)}
    is_other = 2 * len(same_left) < LIKE * (len(left) + len(right))
    return _pieces(left, same_left, is_other=is_other), _pieces(right, same_right, is_other=is_other)


def _pieces(found: list[Lexeme], same: set[int], *, is_other: bool) -> list[Piece]:
    return [Piece(*each, is_changed=not is_other and place not in same) for place, each in enumerate(found)]


def _text(found: list[Lexeme]) -> str:
    return "".join(each.text for each in found)
