"""Suppressions: addresses that a client does not write to any more, whoever said so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sentinel.channels.recipients import normalise
from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.models import Suppression
from sentinel.models.status import Status
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import suppressions as queries
from sentinel.queries.suppressions import Filter, Put
from sentinel.services.editing import LARGEST_ID
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies

LONGEST_NOTE = 1000

_START = "Twilio keeps its own list: only START, sent from that phone to your number, opens it again."
_LISTS = "SendGrid keeps lists of its own: take the address off them as well, or mails to it are dropped there."

HINTS: dict[tuple[str, str], str] = {
    ("sms", SuppressionReason.OPTED_OUT): _START,
    ("email", SuppressionReason.BOUNCED): _LISTS,
    ("email", SuppressionReason.COMPLAINT): _LISTS,
    ("email", SuppressionReason.INVALID): _LISTS,
    ("email", SuppressionReason.OPTED_OUT): _LISTS,
}
"""Channel and reason → what else must happen before messages arrive there again."""


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """An address to leave alone. `recipient` is in its one spelling; `source` is a provider's name, or who wrote it."""

    client_id: int
    channel: str
    recipient: str
    reason: SuppressionReason
    source: str
    notification_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A suppression as somebody wants it."""

    channel: str
    recipient: str
    reason: SuppressionReason = SuppressionReason.MANUAL
    note: str | None = None


def suppress_many(uow: UnitOfWork, wanted: Sequence[NewSuppression]) -> int:
    """Suppress addresses; returns how many were not before. Those that were keep their reason and their date."""
    return sum(each.is_new for each in _put(uow, wanted))


def _put(uow: UnitOfWork, wanted: Sequence[NewSuppression]) -> list[Put]:
    first = {(each.client_id, each.channel, each.recipient): each for each in reversed(wanted)}
    found = queries.put(uow.session, [asdict(each) for each in first.values()], now=uow.now) if first else []
    for reason, amount in Counter(each.reason for each in found if each.is_new).items():
        uow.count("suppressions_total", amount, reason=reason)
    return found


def end_suppressed(uow: UnitOfWork, ids: Sequence[str], *, channel: str) -> list[str]:
    """End what waits for a send to a suppressed address, with that reason; returns the ids that ended."""
    ended = queries.end_suppressed(uow.session, ids, now=uow.now)
    for reason, amount in Counter(each.reason for each in ended).items():
        tallies.count_ended(uow, channel, Status.SUPPRESSED, reason, amount)
    return [each.id for each in ended]


def check(written: Written) -> Written:
    """Return what was written with channel and recipient in their one spelling, or say what is wrong with it."""
    channel = written.channel.strip().lower()
    if written.note is not None and len(written.note) > LONGEST_NOTE:
        message = f"has {len(written.note)} characters"
        raise InvalidInputError(
            FieldError("note", f"{written.note[:50]}…", message, f"at most {LONGEST_NOTE} are kept")
        )
    return replace(written, channel=channel, recipient=normalise(channel, written.recipient))


def write_many(
    uow: UnitOfWork, client_id: int, wanted: Sequence[Written], *, by: str
) -> list[tuple[Suppression, bool]]:
    """Suppress checked addresses; returns for each the suppression that holds, and whether this made it."""
    found = _put(
        uow,
        [NewSuppression(client_id, each.channel, each.recipient, each.reason, by, note=each.note) for each in wanted],
    )
    rows = {row.id: row for row in queries.by_ids(uow.session, [each.id for each in found])}
    ids = {(each.channel, each.recipient): each.id for each in found}
    new = {each.id for each in found if each.is_new}
    made = []
    for each in wanted:
        row = rows[ids[each.channel, each.recipient]]
        made.append((row, row.id in new))
        new.discard(row.id)  # the same address further down was not new any more
    return made


def get(uow: UnitOfWork, suppression_id: int, *, client_id: int | None) -> tuple[Suppression, str]:
    """Return one suppression of the client (None: of any, for operators), lifted or not, and the client's name."""
    found = queries.get(uow.session, suppression_id, client_id=client_id) if suppression_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no suppression {suppression_id}; GET /suppressions lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Suppression, str]], int | None]:
    """Return a page of (suppression, client's name), newest first, and the cursor of the next page, if any."""
    rows = queries.page(uow.session, wanted, size=size + 1)
    following = rows[size - 1][0].id if len(rows) > size else None
    return rows[:size], following


def lift(uow: UnitOfWork, suppression_id: int, *, client_id: int | None, by: str) -> tuple[Suppression, str]:
    """Write to an address again; the suppression is kept with who lifted it, and when."""
    row, client = get(uow, suppression_id, client_id=client_id)
    is_lifted = queries.lift(uow.session, row.id, client_id=client_id, by=by, now=uow.now)
    uow.session.refresh(row)
    if not is_lifted:
        raise ConflictError(f"suppression {row.id} was lifted by {row.lifted_by} at {row.lifted_at:%Y-%m-%d %H:%M:%SZ}")
    return row, client


def hint_of(row: Suppression) -> str | None:
    """What must happen at the provider before messages arrive there again."""
    return HINTS.get((row.channel, row.reason))
