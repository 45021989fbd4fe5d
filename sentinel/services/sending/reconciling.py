"""Sends in doubt: their provider is asked whether it has the message; the client's policy decides the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sentinel.channels.base import Finding, Message, Question
from sentinel.channels.registry import providers_to_ask
from sentinel.logs import get_logger
from sentinel.models.status import Reason, Status
from sentinel.queries import accounts, reconciling
from sentinel.queries.accounts import Standing
from sentinel.queries.reconciling import DecidedRow, DoubtRow, Limits
from sentinel.services.escalating import links
from sentinel.services.sending import adopting
from sentinel.services.sending.adopting import Asked, Verdict
from sentinel.services.sending.delivery import get_sender
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.services.watching import tallies
from sentinel.settings import Settings, get_settings

log = get_logger(__name__)

MOST_LOOKUPS = 5
"""How often a provider that cannot answer is asked before the policy decides."""

SLICE = 64
"""Doubts that are asked about and settled together."""

HELD_SECONDS = 60
"""A provider account without a time at which it may be used is looked at again after this long."""


def sweep(uow: UnitOfWork, *, again: datetime, most: int) -> int:
    """Decide the doubts that are due by policy, and queue those whose provider can be asked; returns how many."""
    settings = get_settings()
    limits = Limits(
        asked=providers_to_ask(settings),
        most_lookups=MOST_LOOKUPS,
        doubted_after=uow.now - timedelta(seconds=settings.park_seconds),
    )
    policy = settings.ambiguous_policy
    decided = reconciling.decide_due(uow.session, limits, policy=policy, now=uow.now, queue_at=again, most=most)
    _follow(uow, decided)
    askable = reconciling.take_askable(uow.session, limits, now=uow.now, again=again, most=most)
    for channel, ids in askable.items():
        uow.queue_reconcile(channel, ids)
    return len(decided) + sum(map(len, askable.values()))


def _follow(uow: UnitOfWork, decided: Iterable[DecidedRow]) -> None:
    """Queue what is tried again, and count what has ended."""
    ids: dict[tuple[str, str], list[str]] = {}
    for row in decided:
        ids.setdefault((row.channel, row.status), []).append(row.id)
    for (channel, status), batch in ids.items():
        if status == Status.RETRYING:
            uow.queue_delivery(channel, batch)
        else:
            tallies.count_ended(uow, channel, status, Reason.AMBIGUOUS, len(batch))


def reconcile(channel: str, ids: Sequence[str]) -> None:
    """Ask about those of `ids` that are still in doubt; what there is no time for, the sweeper queues again."""
    settings = get_settings()
    stop_at = time.monotonic() + settings.task_time_limit_seconds / 3
    for provider in providers_to_ask(settings):
        for start in range(0, len(ids), SLICE):
            if time.monotonic() < stop_at:
                _ask_slice(channel, provider, ids[start : start + SLICE], settings)


def _ask_slice(channel: str, provider: str, ids: Sequence[str], settings: Settings) -> None:
    doubts = _take(channel, provider, ids, settings)
    if not doubts:
        return
    findings = get_sender().look_up(channel, provider, [_question(channel, doubt) for doubt in doubts])
    with unit_of_work() as uow:
        verdicts = _verdicts(uow, provider, doubts, findings)
        _settle_found(uow, channel, provider, doubts, verdicts)
        _settle_missing(uow, provider, doubts, verdicts)
        _settle_unknown(uow, provider, doubts, verdicts)


def _take(channel: str, provider: str, ids: Sequence[str], settings: Settings) -> list[DoubtRow]:
    """Take what may be asked about now; while the account rests, doubts wait like messages do."""
    with unit_of_work() as uow:
        until = _rests_until(accounts.standings(uow.session, [provider]).get(provider), now=uow.now)
        if until is not None:
            reconciling.postpone(uow.session, ids, channel=channel, provider=provider, until=until)
            return []
        # A worker that dies while it asks leaves the doubt to the sweeper.
        queue_at = uow.now + timedelta(seconds=settings.task_time_limit_seconds)
        return reconciling.take_questions(uow.session, ids, channel=channel, provider=provider, queue_at=queue_at)


def _rests_until(standing: Standing | None, *, now: datetime) -> datetime | None:
    """When the account may be asked; one that has rested long enough may, for a question tries nothing."""
    if standing is not None and standing.is_held:
        return now + timedelta(seconds=HELD_SECONDS)
    until = standing.paused_until if standing is not None else None
    return until if until is not None and until > now else None


def _question(channel: str, doubt: DoubtRow) -> Question:
    link = None if doubt.ticket_message_id is None else links.address_of(doubt.ticket_message_id)
    return Question(Message(doubt.id, channel, doubt.recipient, doubt.body, link=link), doubt.since)


def _verdicts(
    uow: UnitOfWork, provider: str, doubts: Sequence[DoubtRow], findings: Sequence[Finding]
) -> Mapping[str, Verdict]:
    asked = [Asked(doubt.id, doubt.since, finding) for doubt, finding in zip(doubts, findings, strict=True)]
    seen = [sighting.provider_message_id for each in asked for sighting in each.finding.sightings]
    if not seen:
        return adopting.judge(asked, holders={}, with_twin=())
    reconciling.take_turn(uow.session)
    # Twins first: one that is written down between the two questions holds its message by the second.
    with_twin = reconciling.with_twin(uow.session, [each.id for each in asked if each.finding.sightings])
    return adopting.judge(asked, holders=reconciling.holders(uow.session, provider, seen), with_twin=with_twin)


def _settle_found(
    uow: UnitOfWork, channel: str, provider: str, doubts: Sequence[DoubtRow], verdicts: Mapping[str, Verdict]
) -> None:
    rows = [
        _answer(doubt, provider_message_id=found.provider_message_id, accepted_at=found.accepted_at)
        for doubt in doubts
        if (found := verdicts[doubt.id].sighting) is not None
    ]
    if rows and (seconds := reconciling.settle_found(uow.session, rows, now=uow.now)):
        uow.count("reconciled_found_total", len(seconds), provider=provider)
        uow.count("notifications_sent_total", len(seconds), channel=channel, provider=provider)
        uow.observe("delivery_seconds", *seconds, channel=channel)


def _settle_missing(
    uow: UnitOfWork, provider: str, doubts: Sequence[DoubtRow], verdicts: Mapping[str, Verdict]
) -> None:
    rows = [_answer(doubt) for doubt in doubts if verdicts[doubt.id] == Verdict()]
    if not rows:
        return
    settings = get_settings()
    queue_at = uow.now + timedelta(seconds=settings.hint_seconds)
    policy = settings.ambiguous_policy
    decided = reconciling.decide_missing(uow.session, rows, policy=policy, now=uow.now, queue_at=queue_at)
    if decided:
        uow.count("reconciled_missing_total", len(decided), provider=provider)
        _follow(uow, decided)


def _settle_unknown(
    uow: UnitOfWork, provider: str, doubts: Sequence[DoubtRow], verdicts: Mapping[str, Verdict]
) -> None:
    unknown = [doubt for doubt in doubts if verdicts[doubt.id].trouble is not None]
    if not unknown:
        return
    troubles = Counter(str(verdicts[doubt.id].trouble) for doubt in unknown)
    log.warning("provider_could_not_say", provider=provider, **troubles)
    rows = [_answer(doubt, queue_at=uow.now + _patience(doubt.lookup)) for doubt in unknown]
    reconciling.ask_again(uow.session, rows)


def _patience(lookup: int) -> timedelta:
    """Each wait is twice the one before."""
    settings = get_settings()
    return timedelta(seconds=min(settings.ambiguous_wait_seconds * 2.0 ** (lookup - 1), settings.backoff_cap_seconds))


def _answer(doubt: DoubtRow, **found: Any) -> dict[str, Any]:
    """What is known now, with the question it answers."""
    return {"id": doubt.id, "attempt": doubt.attempt, "lookup": doubt.lookup} | found
