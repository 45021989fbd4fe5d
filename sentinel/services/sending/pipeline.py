"""The stages before delivery. Each takes waiting rows and returns those that go on.

What stops is written down with a reason. Stages that run together read their rows once and share a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from sentinel import tracing
from sentinel.channels.registry import ROUTES, provider_name
from sentinel.limiter import Subject, get_limiter
from sentinel.models.status import Reason, Status
from sentinel.queries import pipeline
from sentinel.queries.pipeline import Candidate
from sentinel.services import suppressions, traces
from sentinel.services.holding import limits
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings

Rows = Sequence[Candidate]
Stage = Callable[[UnitOfWork, Rows], Rows]


def evaluate(uow: UnitOfWork, rows: Rows) -> Rows:
    """Let through what is not expired, of an active client, to an address and a channel that may be used."""
    settings = get_settings()
    unserved = {channel for channel in {row.channel for row in rows} if provider_name(channel, settings) is None}
    going, expired, disabled, refused = [], [], [], []
    for row in rows:
        if row.is_expired:
            expired.append(row)
        elif not row.is_client_active:
            disabled.append(row)
        elif row.channel in unserved:
            refused.append(row)
        else:
            going.append(row)
    _expire(uow, expired)
    _finish(uow, disabled, Status.SUPPRESSED, Reason.CLIENT_DISABLED)
    _finish(uow, refused, Status.FAILED, Reason.NOT_CONFIGURED)
    return _unless_suppressed(uow, going)


def _unless_suppressed(uow: UnitOfWork, rows: Rows) -> Rows:
    suspects = sorted(row.id for row in rows if row.is_suppressed)
    if not suspects:
        return rows
    # A chain carries one channel.
    return _without(rows, suppressions.end_suppressed(uow, suspects, channel=rows[0].channel))


def _without(rows: Rows, ids: Sequence[str]) -> Rows:
    gone = set(ids)
    return [row for row in rows if row.id not in gone]


def _expire(uow: UnitOfWork, rows: Rows) -> None:
    """What was never tried is suppressed; what was tried before an operator's retry has failed."""
    _finish(uow, [row for row in rows if not row.attempts], Status.SUPPRESSED, Reason.EXPIRED)
    _finish(uow, [row for row in rows if row.attempts], Status.FAILED, Reason.EXPIRED)


def _finish(uow: UnitOfWork, rows: Rows, status: Status, reason: Reason) -> None:
    if rows:
        # A chain carries one channel.
        tallies.end(uow, [row.id for row in rows], status, reason, channel=rows[0].channel)


def dedupe(uow: UnitOfWork, rows: Rows) -> Rows:
    """Let through one row per dedupe key and target; the others end as duplicates of it.

    What was held was judged before it was: by now another one may have the key.
    """
    keyed = [row.id for row in rows if row.dedupe_key is not None and not row.was_released]
    if not keyed:
        return rows
    pipeline.claim_keys(uow.session, keyed, now=uow.now, seconds=get_settings().dedupe_seconds)
    duplicates = pipeline.suppress_duplicates(uow.session, keyed, now=uow.now)
    if not duplicates:
        return rows
    uow.count("notifications_suppressed_total", len(duplicates), reason=Reason.DUPLICATE)
    return _without(rows, duplicates)


def rate_limit(uow: UnitOfWork, rows: Rows) -> Rows:
    """Let through what the limits allow; above them a row is dropped, put off, or told with others, as they say."""
    settings = get_settings()
    # A chain carries one channel.
    provider = provider_name(rows[0].channel, settings) if rows else None
    subjects = [_subject(row, provider) for row in rows]
    verdict = get_limiter().admit(subjects, now=uow.now)
    if verdict.dropped:
        tallies.end(uow, verdict.dropped, Status.SUPPRESSED, Reason.RATE_LIMITED, channel=rows[0].channel)
    if verdict.digested:
        limits.hold_stopped(uow, dict(verdict.digested))
    for deferred, reason in ((verdict.deferred, Reason.RATE_LIMITED), (verdict.held, Reason.LIMITER_DOWN)):
        if deferred:
            rows_later = [{"id": each, "until": until} for each, until in deferred]
            pipeline.defer(uow.session, rows_later, reason, now=uow.now)
    going = set(verdict.admitted)
    return [row for row in rows if row.id in going]


def _subject(row: Candidate, provider: str | None) -> Subject:
    # What wakes somebody for a ticket is not held back with what floods them: only the provider's own rate counts.
    if row.is_step:
        return Subject(row.id, row.channel, {} if provider is None else {"provider": provider}, row.attempts)
    scopes = {"client": str(row.client_id), "recipient": f"{row.channel}:{row.recipient}"}
    scopes["target"] = f"{row.client_id}:{row.endpoint_id or scopes['recipient']}"
    if row.user_id is not None:
        scopes["user"] = f"{row.client_id}:{row.user_id}"
        if row.event_id is not None:
            scopes["alert_user"] = scopes["user"]
    if row.endpoint_id is not None:
        scopes["endpoint"] = str(row.endpoint_id)
    elif ROUTES[row.channel].has_own_receivers:
        scopes["endpoint"] = scopes["recipient"]
    if provider is not None:
        scopes["provider"] = provider
    return Subject(row.id, row.channel, scopes, row.attempts)


STAGES: Mapping[str, Stage] = MappingProxyType({"evaluate": evaluate, "dedupe": dedupe, "rate_limit": rate_limit})
"""By name, in their order."""


def waiting(uow: UnitOfWork, ids: Sequence[str]) -> Rows:
    """Read those of `ids` that are PENDING and due, in the order of their time."""
    rows = pipeline.candidates(uow.session, ids, now=uow.now)
    traces.of_notifications(uow, (row.id for row in rows))
    return rows


def run(name: str, uow: UnitOfWork, rows: Rows) -> Rows:
    """Let rows pass the stage of that name."""
    with tracing.within(name, {"sentinel.batch_size": len(rows)}):
        return STAGES[name](uow, rows)


def prepare(uow: UnitOfWork, ids: Sequence[str]) -> list[str]:
    """Take rows of one channel through all stages at once; returns those that may be sent."""
    return admitted(uow, waiting(uow, ids))


def admitted(uow: UnitOfWork, rows: Rows) -> list[str]:
    """Take rows of one channel, as they are stored, through all stages; returns those that may be sent."""
    for name in STAGES:
        if rows:
            rows = run(name, uow, rows)
    return [row.id for row in rows]
