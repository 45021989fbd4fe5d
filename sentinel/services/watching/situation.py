"""What does not work right now, in words: what, how much of it, since when, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sentinel.durations import told
from sentinel.services.sending.breaker import CLOSED, HALF_OPEN, OPEN, Account, is_usable
from sentinel.services.watching.curves import FAILED, SENT, Curves
from sentinel.services.watching.gauges import Values
from sentinel.services.watching.punctuality import RARE, is_silent
from sentinel.services.watching.serving import by_command
from sentinel.stream_lag import Group, Lag

OVERDUE_SECONDS = 60.0
"""How long something may wait that could go: sweepers look every few seconds, workers at once."""

MANY_FAILURES, FEW_FAILURES = 0.05, 3
"""Some numbers and addresses are always wrong: a smaller part, or fewer, are no trouble of ours."""


class Level(StrEnum):
    """How bad it is."""

    STUCK = "stuck"
    """Something is not going out."""
    LOOK = "look"
    """Somebody should look; what is accepted goes out."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that does not work, and what to do about it: `page` says where more is to be seen."""

    level: Level
    title: str
    text: str
    remedy: str
    page: str | None = None
    channels: tuple[str, ...] = ()
    """Whose messages it concerns."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of this moment; what a part that is away would have told is missing."""

    now: datetime
    gauges: Values
    accounts: Sequence[Account]
    served: Mapping[str, Sequence[str]] | None
    """Which workers listen to each queue; None: nobody can tell."""
    periods: Mapping[str, float]
    """How often each task of beat is to run."""
    curves: Curves | None = None
    lags: Mapping[Group, Lag] = field(default_factory=dict)
    problems: Sequence[tuple[str, str]] = ()
    """What is wrong about the configured providers: the channel, and the words."""

    @property
    def is_database_known(self) -> bool:
        """Whether the database has told what is in it: one that is slow leaves numbers out, and they are not 0."""
        return bool(self.gauges.get(("part_up", "database")))

    def of_channel(self, name: str, channel: str) -> float | None:
        """A gauge of a channel; None where it is not known."""
        return self.gauges.get((name, channel), 0.0 if self.is_database_known else None)

    def waiting(self, channel: str) -> int | None:
        """How many messages of a channel have not gone and are not on their way; None where it is not known."""
        if not self.is_database_known:
            return None
        statuses = ("PENDING", "RETRYING", "AMBIGUOUS")
        return int(sum(self.gauges.get(("notifications_in_flight", channel, status), 0.0) for status in statuses))

    def parked(self, account: Account) -> dict[str, int]:
        """By channel: what waits for an account, because all that serve the channel rest."""
        usable = {each for other in self.accounts if is_usable(other.standing, now=self.now) for each in other.channels}
        return {channel: amount for channel, amount in account.parked_by_channel.items() if channel not in usable}

    def is_up(self, part: str) -> bool:
        """Whether a part answers; True of one that nobody asked about."""
        return bool(self.gauges.get(("part_up", part), 1.0))


def troubles(facts: Facts) -> list[Trouble]:
    """Return what does not work, the worst first."""
    found = [
        *_parts(facts),
        *_accounts(facts),
        *_workers(facts),
        *_backlogs(facts),
        *_clock(facts),
        *_books(facts),
        *_streams(facts),
        *_failures(facts),
    ]
    return sorted(found, key=lambda trouble: trouble.level != Level.STUCK)


def _said(seconds: float) -> str:
    """In whole seconds: what is told again every few seconds need not be exact."""
    return told(int(seconds))


def _parts(facts: Facts) -> Iterator[Trouble]:
    if not facts.is_up("database"):
        text = "What waits cannot be counted, and nothing new is accepted."
        yield Trouble(Level.STUCK, "The database does not answer", text, "Start PostgreSQL, or see `sentinel doctor`.")
    if not facts.is_up("broker"):
        text = "What is accepted is stored, and goes out by itself when the broker is back."
        yield Trouble(Level.STUCK, "The broker does not answer", text, "Start it, or check BROKER_URL.")
    if not facts.is_up("redis"):
        text = "Limits, the memory of rules and these curves need it; messages go on as SENTINEL_LIMITER_DOWN says."
        yield Trouble(Level.LOOK, "Redis does not answer", text, "Start it, or check REDIS_URL.")


def _accounts(facts: Facts) -> Iterator[Trouble]:
    for account in facts.accounts:
        standing = account.standing
        is_resting = standing.paused_until is not None and standing.paused_until > facts.now
        if standing.state == CLOSED and not is_resting:
            continue
        level = Level.STUCK if facts.parked(account) else Level.LOOK
        words = (_of_account(account), _wait(account, facts), _again(account, now=facts.now))
        yield Trouble(level, *words, "notifications.index", account.channels)


def _of_account(account: Account) -> str:
    standing = account.standing
    why = f": {standing.reason}" if standing.reason and standing.reason != "held" else ""
    if standing.is_held:
        return f"{account.name} is held{why}"
    if standing.state == HALF_OPEN:
        return f"{account.name} is being tried again{why}"
    return f"{account.name} asked for a pause{why}" if standing.state == CLOSED else f"{account.name} is refused{why}"


def _wait(account: Account, facts: Facts) -> str:
    since, parked = account.standing.opened_at, facts.parked(account)
    when = ""
    if since:
        ago, at = _said((facts.now - since).total_seconds()), _moment(since, "%H:%M", now=facts.now)
        when = f" It began {ago} ago, at {at} UTC."
    if not parked:
        return f"No message of {_listed(account.channels)} waits for it.{when}"
    amount = sum(parked.values())
    return f"{_messages(amount)} of {_listed(list(parked))} {_verb(amount, 'wait')} for it.{when}"


def _again(account: Account, *, now: datetime) -> str:
    standing, when = account.standing, ""
    if standing.is_held:
        return "Resume it below when you are done."
    if standing.paused_until and standing.paused_until > now:
        when = f" It is tried again by itself at {_moment(standing.paused_until, '%H:%M:%S', now=now)} UTC."
    elif standing.state == OPEN:  # nothing waited, so nobody has tried it
        when = " It is tried with the next message."
    return f"{standing.hint or 'See the attempts of a message that waits.'}{when}"


def _workers(facts: Facts) -> Iterator[Trouble]:
    """Queues to which nobody listens, put together by what would serve them."""
    if facts.served is None:
        return
    queues = [rest[0] for gauge, *rest in facts.gauges if gauge == "queue_length"]
    lonely = by_command([queue for queue in queues if not facts.served.get(queue)])
    if lonely and not any(facts.served.values()):
        text = "Messages are accepted and stored, and nobody sends them."
        yield Trouble(Level.STUCK, "No worker is running", text, "Run `sentinel worker`.", "workers.index")
        return
    for start, names in lonely.items():
        length = sum(int(facts.gauges[("queue_length", name)]) for name in names)
        channels = tuple(dict.fromkeys(name.removesuffix(".retry") for name in names))
        due = max(facts.of_channel("notifications_oldest_due_seconds", channel) or 0.0 for channel in channels)
        level = Level.STUCK if length or due else Level.LOOK
        text = f"Nobody listens to {_listed(names)}; {_lies(length, due, channels, facts)}."
        title = f"No worker serves {_listed(channels)}"
        yield Trouble(level, title, text, f"Run `{start}`.", "workers.index", channels)


def _lies(length: int, due: float, channels: Sequence[str], facts: Facts) -> str:
    """What waits where nobody listens."""
    if length:
        return f"{_jobs(length)} there"
    if due:
        return f"the oldest message could have gone {_said(due)} ago"
    waiting = sum(facts.waiting(channel) or 0 for channel in channels)
    return f"{_messages(waiting)} {_verb(waiting, 'wait')} for later" if waiting else "nothing waits there now"


def _backlogs(facts: Facts) -> Iterator[Trouble]:
    """What waits though it could go, and nothing above says why."""
    explained = {channel for account in facts.accounts for channel in facts.parked(account)}
    for name, *rest in facts.gauges:
        if name != "notifications_oldest_due_seconds" or rest[0] in explained:
            continue
        channel, seconds = rest[0], facts.gauges[(name, rest[0])]
        if seconds > OVERDUE_SECONDS:
            waiting = facts.waiting(channel) or 0
            text = f"{_messages(waiting)} {_verb(waiting, 'wait')}; the oldest could have gone {_said(seconds)} ago."
            remedy = f"See the workers; if all are well, start one more: `sentinel worker --channel {channel}`."
            yield Trouble(Level.STUCK, f"{channel} is behind", text, remedy, "notifications.index", (channel,))
    seconds = facts.gauges.get(("events_oldest_pending_seconds",), 0.0)
    if seconds > OVERDUE_SECONDS:
        pending = int(facts.gauges.get(("events_pending",), 0.0))
        text = f"{pending:,} events wait for their rules, the oldest for {_said(seconds)}."
        yield Trouble(
            Level.STUCK, "Events are not evaluated", text, "Run `sentinel worker --pipeline`.", "workers.index"
        )
    late = facts.gauges.get(("escalations_overdue_seconds",), 0.0)
    if late > OVERDUE_SECONDS:
        text = f"The next step of a ticket should have been told {_said(late)} ago."
        yield Trouble(
            Level.STUCK, "Escalations are late", text, "See beat and the pipeline's workers.", "tickets.index"
        )


def _clock(facts: Facts) -> Iterator[Trouble]:
    """Tasks of beat that do not come. If all frequent ones are silent it is beat, or the worker that runs them."""
    if not facts.is_database_known:
        return
    ages = {name: facts.gauges.get(("sweeper_last_success_age_seconds", name)) for name in facts.periods}
    silent = {name: ages[name] for name, period in facts.periods.items() if is_silent(ages[name], period=period)}
    frequent = {name for name, period in facts.periods.items() if period <= RARE}
    if frequent and frequent <= silent.keys():
        last = min((age for name in frequent if (age := ages[name]) is not None), default=None)
        since = "ever run" if last is None else f"run for {_said(last)}"
        text = f"None of its tasks has {since}: what is due later does not go out."
        remedy = "Run `sentinel beat` (exactly one) and `sentinel worker --pipeline`."
        yield Trouble(Level.STUCK, "The clock stands still", text, remedy, "workers.index")
    elif silent:
        text = f"{_silence(silent)}; the others run."
        remedy = "See the log of the pipeline's worker."
        yield Trouble(Level.LOOK, "Periodic tasks do not come", text, remedy, "workers.index")


def _silence(silent: Mapping[str, float | None]) -> str:
    """Which tasks are silent, and for how long."""
    seen = {name: age for name, age in silent.items() if age is not None}
    never = sorted(silent.keys() - seen)
    ran = f"{_listed(sorted(seen))} ran last {_said(min(seen.values()))} ago" if seen else ""
    return " and ".join(part for part in (ran, f"{_listed(never)} never ran" if never else "") if part)


def _books(facts: Facts) -> Iterator[Trouble]:
    found = int(facts.gauges.get(("audit_discrepancies",), 0.0))
    if found:
        text = f"The last audit found {found:,} {'discrepancy' if found == 1 else 'discrepancies'}."
        yield Trouble(Level.LOOK, "The books do not balance", text, "See which, and what to do.", "audit.index")
    if facts.gauges.get(("self_test_failed",), 0.0):
        text = "An event of our own did not become a sent message in time."
        yield Trouble(Level.STUCK, "The self-test failed", text, "`sentinel self-test` shows how far one comes.")
    for channel, problem in facts.problems:
        what = problem.removeprefix(f"{channel}: ")
        what = f"{what[:1].upper()}{what[1:]}."
        title = f"{channel} has no provider" if "no provider" in problem else f"{channel}'s provider is half set up"
        yield Trouble(
            Level.LOOK, title, what, "Set it in the environment of all processes.", "settings.index", (channel,)
        )


def _streams(facts: Facts) -> Iterator[Trouble]:
    for (_, stream, group), lag in facts.lags.items():
        if lag.silent_seconds > OVERDUE_SECONDS:
            silence = _said(lag.silent_seconds)
            text = f"Group {group} has not been heard of for {silence}; it had {lag.entries:,} to store."
            yield Trouble(Level.LOOK, f"Nobody reads {stream}", text, "Start `sentinel ingest` again.", "queues.index")


def _failures(facts: Facts) -> Iterator[Trouble]:
    if facts.curves is None:
        return
    failed, sent = int(facts.curves.totals[FAILED]), facts.curves.totals[SENT]
    if failed >= FEW_FAILURES and failed > MANY_FAILURES * (sent + failed):
        text = f"In the last {facts.curves.window.title}, beside {sent:,.0f} that were sent; each says why."
        remedy = "See the reasons; what failed for a while can be sent again."
        yield Trouble(Level.LOOK, f"{_messages(failed)} failed", text, remedy, "dead_letters.index")


def _moment(at: datetime, form: str, *, now: datetime) -> str:
    """When something is, with its day where that is not today."""
    return at.strftime(form if at.date() == now.date() else f"%Y-%m-%d {form}")


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"


def _jobs(number: int) -> str:
    return f"{number:,} {'job waits' if number == 1 else 'jobs wait'}"


def _verb(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
