"""What a group says when it is due, what becomes of its messages, and when it is due again. Pure.

The meaning of the times is Alertmanager's (https://prometheus.io/docs/alerting/latest/configuration/#route); its ticks
of `group_interval` are reckoned, from the last time the group was told, and not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from sentinel.models.status import Reason
from sentinel.rules.grouping import Terms

MUTED_SECONDS = 60
"""How long until a muted alert is looked at again, where no interval says it."""


LONG = timedelta(days=365)
"""Until a group is looked at that is told again by a change alone."""


class Belief(StrEnum):
    """What a receiver holds of an alert by what it was told; who was told nothing believes that it does not fire."""

    FIRING = "firing"
    RESOLVED = "resolved"
    FLAPPING = "flapping"


@dataclass(frozen=True, slots=True)
class Group:
    """When its first message came, and when it was told last."""

    terms: Terms
    began_at: datetime
    last_told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of a group; `changes` of its status, newest first."""

    key: str
    is_firing: bool
    since: datetime
    told: Belief = Belief.RESOLVED
    changes: Sequence[datetime] = ()

    @property
    def standing(self) -> Belief:
        """What is so."""
        return Belief.FIRING if self.is_firing else Belief.RESOLVED


@dataclass(frozen=True, slots=True)
class Quiet:
    """The receiver is left alone until then, but for what is urgent."""

    until: datetime
    waiting: frozenset[str]
    """Alerts that are not urgent."""
    has_singles: bool = False
    """Messages that speak of no alert are held, too, which are not urgent."""
    drops: bool = False
    """What would be said now is not said later: only how alerts stand by then."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else counts when a group is due."""

    now: datetime
    singles: int = 0
    """Messages that speak of no alert: each is told once."""
    muted: Mapping[str, Reason] = field(default_factory=dict)
    """Alerts that nobody wants to hear of now, and why."""
    quiet: Quiet | None = None
    """What is not urgent is no part of `singles` then."""
    is_hurried: bool = False
    """It is told now, whatever it would wait for."""
    is_last: bool = False
    """Whose terms it has is gone: it is told what is to be told, and ends."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one alert: what is told of it now, and what its receiver believes afterwards."""

    believed: Belief
    is_told: bool = False
    is_shown: bool = False
    """It fires: whenever the group is told, it is told too."""
    stays: bool = False
    """Its messages stay held."""
    reason: Reason | None = None
    """Why its messages end, where it is not that the group tells them."""
    look_at: datetime | None = None
    """When it must be looked at again."""
    is_remembered: bool = False
    """It is over and kept only because its changes count."""
    is_punctual: bool = False
    """It is looked at then, and not at the next of the group's intervals."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a group does. Alerts not named in `stays` and `reasons` are told, or were before."""

    tells: bool
    firing: Sequence[str]
    resolved: Sequence[str]
    flapping: Sequence[str]
    stays: Sequence[str]
    reasons: Mapping[str, Reason]
    beliefs: Mapping[str, Belief]
    """What the receiver believes afterwards, where it is not what is so."""
    is_repeated: bool
    """It is told again only because it still fires."""
    next_at: datetime | None
    """None: the group has nothing left to say, and is gone."""
    is_over: bool = False
    """What is left are memories: who comes next begins anew."""


def decide(group: Group, alerts: Iterable[Alert], now: Circumstances) -> Decision:
    """Say what is told of a group that is due, what its messages come to, and when it is due again."""
    known = {alert.key: alert for alert in alerts}
    fates = {key: _unless_quiet(alert, fate_of(alert, group.terms, now), now.quiet) for key, alert in known.items()}
    shown = [key for key, fate in fates.items() if fate.is_shown]
    news = [key for key, fate in fates.items() if fate.is_told]
    repeats = not now.is_last and _repeats(group, now.now)
    tells = bool(news or now.singles or (shown and (now.is_hurried or repeats)))
    told_at = now.now if tells else group.last_told_at
    next_at = None if now.is_last else _next(group, fates.values(), told_at, has_firing=bool(shown))
    waits_until = _waits_until(now.quiet, fates.values())
    if waits_until is not None:
        next_at = min(next_at or waits_until, waits_until)
    return Decision(
        tells=tells,
        firing=shown,
        resolved=[key for key in news if fates[key].believed is Belief.RESOLVED],
        flapping=[key for key in news if fates[key].believed is Belief.FLAPPING],
        stays=[key for key, fate in fates.items() if fate.stays],
        reasons={key: fate.reason for key, fate in fates.items() if fate.reason is not None},
        beliefs={key: fate.believed for key, fate in fates.items() if fate.believed is not known[key].standing},
        is_repeated=tells and not news and not now.singles,
        next_at=next_at,
        is_over=next_at is not None and waits_until is None and _is_memory(fates.values()),
    )


def tell_all(alerts: Iterable[Alert], now: Circumstances) -> Decision:
    """Say once of everything how it stands, of alerts that are over as well; while it is quiet, everything waits.

    What is muted by then ends.
    """
    known = list(alerts)
    waits = now.quiet is not None
    told = [] if waits else [each for each in known if each.key not in now.muted]
    return Decision(
        tells=not waits and bool(told or now.singles),
        firing=[each.key for each in told if each.is_firing],
        resolved=[each.key for each in told if not each.is_firing],
        flapping=[],
        stays=[each.key for each in known] if waits else [],
        reasons={} if waits else {each.key: now.muted[each.key] for each in known if each.key in now.muted},
        beliefs={each.key: each.told for each in known if each.told is not each.standing},
        is_repeated=False,
        next_at=None if now.quiet is None else now.quiet.until,
    )


def _unless_quiet(alert: Alert, fate: Fate, quiet: Quiet | None) -> Fate:
    """What would be said of an alert that is not urgent is said when the receiver is no longer left alone."""
    if quiet is None or alert.key not in quiet.waiting or not (fate.is_told or fate.is_shown):
        return fate
    reason = Reason.QUIET_HOURS if quiet.drops else None
    return Fate(alert.told, stays=not quiet.drops, reason=reason, look_at=quiet.until, is_punctual=True)


def fate_of(alert: Alert, terms: Terms, now: Circumstances) -> Fate:
    """What becomes of one alert; the first of these that holds decides: muted, flapping, firing, resolved."""
    if (reason := now.muted.get(alert.key)) is not None:
        return _muted(alert, terms, reason, now.now)
    if _flaps(alert, terms, now.now):
        steady_at = _steady_at(alert, terms)
        if alert.told is Belief.FLAPPING:
            return Fate(Belief.FLAPPING, reason=Reason.FLAPPING, look_at=steady_at)
        return Fate(Belief.FLAPPING, is_told=True, look_at=steady_at)
    return _firing(alert, terms, now) if alert.is_firing else _resolved(alert, terms, now.now)


def _muted(alert: Alert, terms: Terms, reason: Reason, now: datetime) -> Fate:
    """What fires is told when it is no longer muted; what is over by then is told to nobody."""
    if not alert.is_firing:
        return _over(alert, terms, now, reason=reason)
    again = now + timedelta(seconds=terms.interval_seconds or MUTED_SECONDS)
    return Fate(alert.told, reason=reason, look_at=again)


def _firing(alert: Alert, terms: Terms, now: Circumstances) -> Fate:
    if alert.told is Belief.FIRING:
        return Fate(Belief.FIRING, is_shown=terms.interval_seconds is not None)
    ripe_at = alert.since + timedelta(seconds=terms.pause_seconds)
    if now.now >= ripe_at or now.is_hurried or now.is_last:
        return Fate(Belief.FIRING, is_told=True, is_shown=True)
    return Fate(alert.told, stays=True, look_at=ripe_at)


def _resolved(alert: Alert, terms: Terms, now: datetime) -> Fate:
    """Only who was told that it fires is told that it is over."""
    if alert.told is Belief.RESOLVED:
        return _over(alert, terms, now, reason=Reason.OUTDATED)
    if not terms.says_resolved:
        return _over(alert, terms, now, reason=Reason.RESOLVED_OFF)
    return _over(alert, terms, now, is_told=True)


def _over(alert: Alert, terms: Terms, now: datetime, *, reason: Reason | None = None, is_told: bool = False) -> Fate:
    is_remembered = remembers(alert.changes, terms, now)
    return Fate(
        Belief.RESOLVED,
        is_told=is_told,
        reason=reason,
        look_at=_steady_at(alert, terms) if is_remembered else None,
        is_remembered=is_remembered,
    )


def remembers(changes: Sequence[datetime], terms: Terms, now: datetime) -> bool:
    """Whether the changes of an alert that is over still count: when it comes back, it may flap."""
    lasting = terms.flap_changes and terms.interval_seconds is not None
    return bool(lasting and changes and now < changes[0] + timedelta(seconds=terms.flap_seconds))


def _flaps(alert: Alert, terms: Terms, now: datetime) -> bool:
    """It changes often, or did until lately."""
    if not terms.flap_changes:
        return False
    if alert.told is Belief.FLAPPING:
        return now < _steady_at(alert, terms)
    since = now - timedelta(seconds=terms.flap_seconds)
    return sum(each > since for each in alert.changes) > terms.flap_changes


def _steady_at(alert: Alert, terms: Terms) -> datetime:
    """When it will not have changed for so long that it counts as steady."""
    return (alert.changes[0] if alert.changes else alert.since) + timedelta(seconds=terms.flap_seconds)


def _waits_until(quiet: Quiet | None, fates: Iterable[Fate]) -> datetime | None:
    """When what is held while it is quiet must be told, if anything is."""
    if quiet is None or not (quiet.has_singles or any(each.stays and each.is_punctual for each in fates)):
        return None
    return quiet.until


def _is_memory(fates: Iterable[Fate]) -> bool:
    return all(fate.is_remembered for fate in fates if not _is_gone(fate))


def _is_gone(fate: Fate) -> bool:
    return fate.believed is Belief.RESOLVED and fate.look_at is None


def _repeats(group: Group, now: datetime) -> bool:
    at = _repeat_at(group.terms, group.last_told_at)
    return at is not None and now >= at


def _repeat_at(terms: Terms, told_at: datetime | None) -> datetime | None:
    if told_at is None or terms.repeat_seconds is None or terms.interval_seconds is None:
        return None
    return told_at + timedelta(seconds=max(terms.repeat_seconds, terms.interval_seconds))


def _next(group: Group, fates: Iterable[Fate], told_at: datetime | None, *, has_firing: bool) -> datetime | None:
    """When the group is due again: for the first alert that must be looked at, or to say again that it fires."""
    dues = [
        fate.look_at if fate.is_punctual else tick(group, told_at, fate.look_at)
        for fate in fates
        if fate.look_at is not None
    ]
    if has_firing and group.terms.interval_seconds is not None:
        # Who never wants to hear it again: the group waits for a change, and is looked at now and then all the same.
        dues.append(_repeat_at(group.terms, told_at) or (told_at or group.began_at) + LONG)
    return min(dues, default=None)


def tick(group: Group, told_at: datetime | None, at: datetime) -> datetime:
    """When the group may be told, at `at` or after it: first when its wait is over, then at each interval."""
    terms = group.terms
    if told_at is None or terms.interval_seconds is None:
        return max(at, group.began_at + timedelta(seconds=terms.wait_seconds))
    interval = timedelta(seconds=terms.interval_seconds)
    return told_at + interval * max(1, ceil((at - told_at) / interval))
