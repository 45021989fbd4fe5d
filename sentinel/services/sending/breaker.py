"""A circuit breaker per provider account: who may be asked now, and what its answers mean for the next ones.

closed: messages go. open: the account refused us or failed too often, and rests. half_open: it has rested, and one
message tries it. The standing is a row, so all workers see the same. docs/decisions/072-breaker-in-the-row.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.outcomes import ACCOUNT_OUTCOMES, concerns_account
from sentinel.channels.registry import ROUTES, channels_by_provider, provider_names
from sentinel.errors import ConflictError, NotFoundError
from sentinel.logs import get_logger
from sentinel.models.status import Reason, Status
from sentinel.queries import accounts, pipeline
from sentinel.queries.accounts import Standing
from sentinel.services.sending import operators, outcomes
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.services.watching import provider_setup, tallies
from sentinel.settings import Settings, get_settings

log = get_logger(__name__)

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"

LONGEST_PAUSE = 10
"""A pause that no provider asked for grows to so many first pauses."""

PARKED_SECONDS = 900
"""Messages that wait for an account are woken when it works; if nobody wakes them, they come back by themselves."""

PROBED_WELL = frozenset({Outcome.OK, Outcome.RECIPIENT, Outcome.MESSAGE})
"""Answers of an account that works, whatever it thinks of the message."""

FAILURES = frozenset({Outcome.RETRY, Outcome.AMBIGUOUS})

HELD = "held"


@dataclass(frozen=True, slots=True)
class Admission:
    """Which provider may be asked; None: all rest, until then. A probe is one message.

    `is_watched`: failures were seen lately, so that successes count as well.
    """

    provider: str | None
    is_probe: bool = False
    is_watched: bool = False
    until: datetime | None = None


def admit(uow: UnitOfWork, channel: str, *, probe_until: datetime) -> Admission:
    """Choose the first of the channel's providers that may be asked now."""
    names = provider_names(channel, get_settings())
    found = accounts.standings(uow.session, names)
    for name in names:
        standing = found.get(name, Standing())
        if is_usable(standing, now=uow.now):
            return Admission(name, is_watched=standing.window_started_at is not None)
        if is_due(standing, now=uow.now) and accounts.take_probe(uow.session, name, until=probe_until, now=uow.now):
            return Admission(name, is_probe=True, is_watched=True, until=probe_until)
    rests = [found[name].paused_until for name in names if found[name].state == CLOSED]
    return Admission(None, until=min((rest for rest in rests if rest is not None), default=None))


def is_usable(standing: Standing, *, now: datetime) -> bool:
    """Whether messages may go: closed, and not asked to wait."""
    return standing.state == CLOSED and (standing.paused_until is None or standing.paused_until <= now)


def is_due(standing: Standing, *, now: datetime) -> bool:
    """Whether an open account has rested long enough to be tried."""
    if standing.is_held or standing.state == CLOSED:
        return False
    moment = standing.paused_until if standing.state == OPEN else standing.probe_until
    return moment is not None and moment <= now


def park(uow: UnitOfWork, channel: str, ids: Sequence[str], admission: Admission) -> None:
    """Let messages wait for an account, without using up an attempt; those that have waited too long end."""
    settings = get_settings()
    before = uow.now - timedelta(seconds=settings.park_seconds)
    ended = accounts.accepted_before(uow.session, ids, before=before)
    if ended:
        tallies.end(uow, ended, Status.FAILED, Reason.ACCOUNT_PAUSED, channel=channel)
    until = admission.until or uow.now + timedelta(seconds=PARKED_SECONDS)
    rows = [{"id": each, "until": until} for each in ids if each not in set(ended)]
    pipeline.defer(uow.session, rows, Reason.ACCOUNT_PAUSED, now=uow.now)


def learn(uow: UnitOfWork, channel: str, receipts: Sequence[Receipt], admission: Admission) -> None:
    """Let the account's breaker know what came of tries; without any trouble it costs nothing."""
    name = admission.provider
    is_quiet = not any(_is_failure(channel, each) or concerns_account(each) for each in receipts)
    if name is None or not receipts or (is_quiet and not admission.is_watched):
        return
    before = accounts.locked(uow.session, name, now=uow.now)
    after = next_standing(before, receipts, settings=get_settings(), channel=channel, now=uow.now)
    if after != before:
        accounts.write(uow.session, name, after, now=uow.now)
        _tell(uow, name, before, after)


def next_standing(
    before: Standing, receipts: Sequence[Receipt], *, settings: Settings, channel: str, now: datetime
) -> Standing:
    """Where the breaker goes after these receipts: pure, so that its rules can be tried one by one."""
    refusal = next((each for each in receipts if concerns_account(each)), None)
    if refusal is not None and refusal.outcome in ACCOUNT_OUTCOMES:
        return _opened(before, refusal, settings, now=now)
    if before.state == HALF_OPEN:
        return _after_probe(before, receipts, settings, now=now)
    if before.state == OPEN:
        return before  # sends that were under way when it opened
    if refusal is not None:
        until = now + timedelta(seconds=outcomes.pause_seconds(refusal, settings))
        return replace(before, paused_until=max(until, before.paused_until or until), reason=refusal.reason)
    return _counted(before, receipts, settings, channel=channel, now=now)


def _after_probe(before: Standing, receipts: Sequence[Receipt], settings: Settings, *, now: datetime) -> Standing:
    failed = next((each for each in receipts if each.outcome not in PROBED_WELL), None)
    return Standing() if failed is None else _opened(before, failed, settings, now=now)


def _counted(
    before: Standing, receipts: Sequence[Receipt], settings: Settings, *, channel: str, now: datetime
) -> Standing:
    failures = [each for each in receipts if _is_failure(channel, each)]
    since = before.window_started_at
    if since is None or since + timedelta(seconds=settings.breaker_window_seconds) < now:
        if not failures:
            return replace(before, tries=0, failures=0, window_started_at=None)
        before = replace(before, tries=0, failures=0, window_started_at=now)
    counted = replace(before, tries=before.tries + len(receipts), failures=before.failures + len(failures))
    if not failures or counted.tries < settings.breaker_tries:
        return counted
    if counted.failures < settings.breaker_failure_rate * counted.tries:
        return counted
    return _opened(counted, replace(failures[-1], retry_after_seconds=None), settings, now=now)


def _is_failure(channel: str, receipt: Receipt) -> bool:
    """Whether a receipt speaks against the account, and not against a receiver with a server of its own."""
    return receipt.outcome in FAILURES and receipt.is_account_wide and not ROUTES[channel].has_own_receivers


def _opened(before: Standing, cause: Receipt, settings: Settings, *, now: datetime) -> Standing:
    if before.state == OPEN:
        until = now + timedelta(seconds=_pause_seconds(cause, before.openings, settings))
        return replace(before, paused_until=max(until, before.paused_until or until))
    is_again = before.state == HALF_OPEN
    openings = before.openings + 1 if is_again else 1
    return replace(
        before,
        state=OPEN,
        paused_until=now + timedelta(seconds=_pause_seconds(cause, openings, settings)),
        reason=cause.reason or cause.outcome.value.lower(),
        hint=cause.hint,
        opened_at=before.opened_at if is_again else now,
        probe_until=None,
        openings=openings,
        tries=0,
        failures=0,
        window_started_at=None,
    )


def _pause_seconds(cause: Receipt, openings: int, settings: Settings) -> float:
    """As long as the provider asks; else longer each time it fails its probe."""
    if cause.retry_after_seconds is not None:
        return outcomes.pause_seconds(cause, settings)
    growth = min(2.0 ** min(openings - 1, 30), LONGEST_PAUSE)
    return settings.provider_pause_seconds * growth


def _tell(uow: UnitOfWork, name: str, before: Standing, after: Standing) -> None:
    """Say it once when an account stops working, and once when it works again."""
    if before.state == CLOSED and after.state == OPEN:
        log.error("provider_account_opened", provider=name, reason=after.reason, until=after.paused_until)
        uow.count("breaker_openings_total", provider=name)
        text = f"Provider account {name} does not work ({after.reason}), its messages wait or take another way."
        words = [text, after.hint, "It is tried again by itself; see `sentinel providers list`."]
        _tell_operators(uow, name, "stopped", " ".join(word for word in words if word))
    elif before.state != CLOSED and after.state == CLOSED:
        log.warning("provider_account_closed", provider=name)
        _tell_operators(uow, name, "works again", f"Provider account {name} works again; its messages go out.")
    elif before.state == HALF_OPEN:
        log.warning("provider_account_still_open", provider=name, reason=after.reason, until=after.paused_until)


def _tell_operators(uow: UnitOfWork, name: str, what: str, text: str) -> None:
    troubled = channels_by_provider(get_settings()).get(name, ())
    operators.tell(uow, f"Sentinel: provider account {name} {what}", text, avoiding=troubled)


def wake(uow: UnitOfWork, *, most: int) -> int:
    """Let messages go whose account works again, and one where an account may be tried; returns how many."""
    served, woken = channels_by_provider(get_settings()), 0
    found = accounts.standings(uow.session, served)
    if not found:
        return 0
    for channel, parked in accounts.count_parked(uow.session).items():
        standings = [found.get(name, Standing()) for name, channels in served.items() if channel in channels]
        if any(is_usable(standing, now=uow.now) for standing in standings):
            woken += accounts.wake(uow.session, channel, most=min(parked, most), now=uow.now)
        elif any(is_due(standing, now=uow.now) for standing in standings):
            woken += accounts.wake(uow.session, channel, most=1, now=uow.now)
    return woken


@dataclass(frozen=True, slots=True)
class Account:
    """A provider account as people see it: the channels it serves, its breaker, and by channel who waits for one."""

    name: str
    channels: tuple[str, ...]
    standing: Standing
    parked_by_channel: Mapping[str, int] = field(default_factory=dict)

    @property
    def parked(self) -> int:
        """How many messages of its channels wait for an account."""
        return sum(self.parked_by_channel.values())


def overview(uow: UnitOfWork) -> list[Account]:
    """Return all configured accounts, in the order of their channels."""
    served: dict[str, tuple[str, ...]] = {}
    for setup in provider_setup.setups(get_settings()):  # a channel that is wrongly set up has nobody, and says why
        for name in setup.providers:
            served[name] = (*served.get(name, ()), setup.channel)
    found = accounts.standings(uow.session, served)
    parked = accounts.count_parked(uow.session)
    return [
        Account(
            name, channels, found.get(name, Standing()), {each: parked[each] for each in channels if parked.get(each)}
        )
        for name, channels in served.items()
    ]


def get(uow: UnitOfWork, name: str) -> Account:
    """Return one configured account."""
    known = overview(uow)
    found = next((account for account in known if account.name == name), None)
    if found is None:
        names = ", ".join(account.name for account in known)
        raise NotFoundError(f"no provider account {name[:50]!r}; there are: {names}")
    return found


def resume(uow: UnitOfWork, name: str) -> Account:
    """Close the breaker of an account by hand: its messages go out with the next sweep."""
    if is_usable(get(uow, name).standing, now=uow.now):
        raise ConflictError(f"provider account {name} was not stopped; `sentinel providers list` shows which are")
    return _put(uow, name, Standing())


def hold(uow: UnitOfWork, name: str, *, reason: str | None = None) -> Account:
    """Open the breaker of an account by hand: it stays open until somebody resumes it."""
    if get(uow, name).standing.is_held:
        raise ConflictError(f"provider account {name} is held already; `sentinel providers resume {name}` ends that")
    return _put(uow, name, Standing(state=OPEN, reason=reason or HELD, opened_at=uow.now, openings=1, is_held=True))


def _put(uow: UnitOfWork, name: str, after: Standing) -> Account:
    accounts.locked(uow.session, name, now=uow.now)
    accounts.write(uow.session, name, after, now=uow.now)
    return get(uow, name)
