"""The stages before delivery. Each takes ids and returns those that go on; what stops is written down with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.channels.registry import ROUTES, provider_name
from sentinel.limiter import Limiter, Subject, get_limiter
from sentinel.models.status import Reason, Status
from sentinel.queries import pipeline
from sentinel.queries.pipeline import Candidate
from sentinel.services import suppressions
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import tallies
from sentinel.settings import get_settings


def evaluate(uow: UnitOfWork, ids: Sequence[str]) -> list[str]:
    """Let through what is due, not expired, of an active client, to an address and a channel that may be used."""
    rows = pipeline.candidates(uow.session, ids, now=uow.now)
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
            going.append(row.id)
    _expire(uow, expired)
    _finish(uow, disabled, Status.SUPPRESSED, Reason.CLIENT_DISABLED)
    _finish(uow, refused, Status.FAILED, Reason.NOT_CONFIGURED)
    return _unless_suppressed(uow, rows, going)


def _unless_suppressed(uow: UnitOfWork, rows: Sequence[Candidate], going: Sequence[str]) -> list[str]:
    suspects = {row.id for row in rows if row.is_suppressed}.intersection(going)
    if not suspects:
        return list(going)
    # A chain carries one channel.
    ended = set(suppressions.end_suppressed(uow, sorted(suspects), channel=rows[0].channel))
    return [each for each in going if each not in ended]


def _expire(uow: UnitOfWork, rows: Sequence[Candidate]) -> None:
    """What was never tried is suppressed; what was tried before an operator's retry has failed."""
    _finish(uow, [row for row in rows if not row.attempts], Status.SUPPRESSED, Reason.EXPIRED)
    _finish(uow, [row for row in rows if row.attempts], Status.FAILED, Reason.EXPIRED)


def _finish(uow: UnitOfWork, rows: Sequence[Candidate], status: Status, reason: Reason) -> None:
    if rows:
        # A chain carries one channel.
        tallies.end(uow, [row.id for row in rows], status, reason, channel=rows[0].channel)


def dedupe(uow: UnitOfWork, ids: Sequence[str]) -> list[str]:
    """Let through one row per dedupe key and target; the others end as duplicates of it."""
    pipeline.claim_keys(uow.session, ids, now=uow.now, seconds=get_settings().dedupe_seconds)
    duplicates = set(pipeline.suppress_duplicates(uow.session, ids, now=uow.now))
    if duplicates:
        uow.count("notifications_suppressed_total", len(duplicates), reason=Reason.DUPLICATE)
    return [each for each in ids if each not in duplicates]


def rate_limit(uow: UnitOfWork, ids: Sequence[str], limiter: Limiter | None = None) -> list[str]:
    """Let through what the limits allow; above them a row is dropped (SUPPRESSED) or put off, as the limit says."""
    settings = get_settings()
    rows = pipeline.candidates(uow.session, ids, now=uow.now)
    subjects = [_subject(row, provider_name(row.channel, settings)) for row in rows]
    verdict = (limiter or get_limiter()).admit(subjects, now=uow.now)
    if verdict.dropped:
        tallies.end(uow, verdict.dropped, Status.SUPPRESSED, Reason.RATE_LIMITED, channel=rows[0].channel)
    for deferred, reason in ((verdict.deferred, Reason.RATE_LIMITED), (verdict.held, Reason.LIMITER_DOWN)):
        if deferred:
            rows_later = [{"id": each, "until": until} for each, until in deferred]
            pipeline.defer(uow.session, rows_later, reason, now=uow.now)
    return verdict.admitted


def _subject(row: Candidate, provider: str | None) -> Subject:
    scopes = {"client": str(row.client_id), "recipient": f"{row.channel}:{row.recipient}"}
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


def prepare(uow: UnitOfWork, ids: Sequence[str]) -> list[str]:
    """Take rows of one channel through all stages at once; returns those that may be sent."""
    going = list(ids)
    for stage in (evaluate, dedupe, rate_limit):
        if going:
            going = stage(uow, going)
    return going
