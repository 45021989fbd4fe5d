"""The judgement: what was accepted, beside the rows and the provider's ledger. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentinel.models.status import FINAL, Status

ARRIVED = frozenset({Status.SENT, Status.DELIVERED})


@dataclass(frozen=True, slots=True)
class Row:
    """A notification as it stands at the end. `token` is the mark that its text carries to the provider.

    `has_time`: somebody will look at it again. So many of its tries had an end that is not known (`ambiguous`), or were
    webhooks without an answer (`unanswered`), which are repeated under the webhook-id that they had.
    """

    id: str
    token: str | None
    status: str
    reason: str | None = None
    has_time: bool = False
    ambiguous: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Three books that were kept apart: the client's, the engine's, the provider's.

    `accepted` are the tokens whose acceptance the client has seen, `copies` how often the provider took each.
    """

    accepted: frozenset[str]
    rows: Sequence[Row]
    copies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Copies:
    """A message that the provider has more often than the engine can explain."""

    token: str
    copies: int
    allowed: int
    rows: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of everything that was accepted."""

    accepted: int
    arrived: int
    ends: Mapping[str, int]
    """All rows by status and reason."""
    lost: Mapping[str, str]
    """Accepted, and nowhere to be found: token and how it was missed."""
    unexplained: Sequence[Copies]
    doubled: int
    """Copies beyond the first that an AMBIGUOUS try accounts for."""
    repeated: int
    """Webhooks that came again under the same webhook-id, because nothing had answered: their receivers can tell."""
    ambiguous: int
    unfinished: Sequence[str]
    """Ids of rows that came to no end in the time they were given."""
    forgotten: Sequence[str]
    """Those of them that nobody would ever look at again."""
    answer_lost: int
    """Stored, although the client never saw the answer."""

    @property
    def is_kept(self) -> bool:
        """Whether the promises held."""
        return not (self.lost or self.unexplained or self.unfinished)


def judge(books: Books) -> Verdict:
    """Reconcile every accepted message, and every row and copy besides."""
    by_token: dict[str, list[Row]] = defaultdict(list)
    for row in books.rows:
        if row.token is not None:
            by_token[row.token].append(row)
    extras = [_Extra(token, rows, books.copies.get(token, 0)) for token, rows in by_token.items()]
    unfinished = [row for row in books.rows if row.status not in FINAL]
    return Verdict(
        accepted=len(books.accepted),
        arrived=sum(_has_arrived(by_token.get(token, ()), books.copies.get(token, 0)) for token in books.accepted),
        ends=Counter(f"{row.status} {row.reason}" if row.reason else row.status for row in books.rows),
        lost=dict(_lost(books, by_token)),
        unexplained=(*(each.told for each in extras if each.is_unexplained), *_strangers(books, by_token)),
        doubled=sum(each.doubled for each in extras),
        repeated=sum(each.repeated for each in extras),
        ambiguous=sum(row.ambiguous for row in books.rows),
        unfinished=tuple(row.id for row in unfinished),
        forgotten=tuple(row.id for row in unfinished if not row.has_time),
        answer_lost=len(by_token.keys() - books.accepted),
    )


@dataclass(frozen=True, slots=True)
class _Extra:
    """One message: its rows, and how often the provider has it. However many rows say it, one copy is the message."""

    token: str
    rows: Sequence[Row]
    copies: int

    @property
    def beyond(self) -> int:
        """Copies that the engine does not call the message itself."""
        return max(0, self.copies - any(row.status in ARRIVED for row in self.rows))

    @property
    def doubled(self) -> int:
        """Those that a try in doubt explains."""
        return min(self.beyond, sum(row.ambiguous for row in self.rows))

    @property
    def repeated(self) -> int:
        """Those of the rest that a webhook without an answer explains."""
        return min(self.beyond - self.doubled, sum(row.unanswered for row in self.rows))

    @property
    def is_unexplained(self) -> bool:
        """Whether copies are left that nothing explains; two rows of one message are that in any case."""
        return self.beyond > self.doubled + self.repeated or len(self.rows) > 1

    @property
    def told(self) -> Copies:
        """What is said of it."""
        allowed = self.copies - self.beyond + self.doubled + self.repeated
        return Copies(self.token, self.copies, allowed, len(self.rows))


def _has_arrived(rows: Sequence[Row], copies: int) -> bool:
    return copies > 0 and any(row.status in ARRIVED for row in rows)


def _lost(books: Books, by_token: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, str]]:
    for token in sorted(books.accepted - by_token.keys()):
        yield token, "accepted, but there is no row"
    for token, rows in by_token.items():
        if token not in books.copies and any(row.status in ARRIVED for row in rows):
            yield token, "marked as sent, but the provider has no copy"


def _strangers(books: Books, by_token: Mapping[str, Sequence[Row]]) -> Iterator[Copies]:
    """Copies of what the engine does not know."""
    for token in sorted(books.copies.keys() - by_token.keys()):
        yield Copies(token, books.copies[token], 0, 0)
