"""What does not work right now, in words: what, how much of it, since when, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sentinel.services.sending.breaker import CLOSED, HALF_OPEN, Account
from sentinel.services.watching.curves import FAILED, SENT, Curves
from sentinel.services.watching.diagnosis.workers import command
from sentinel.services.watching.gauges import Values
from sentinel.stream_lag import Group, Lag

OVERDUE_SECONDS = 60.0
"""How long something may wait that could go: sweepers look every few seconds, workers at once."""

SILENT_PERIODS = 10
SHORTEST_SILENCE_SECONDS = 30.0
"""A task of beat that has not run for so many of its periods, and for so long, is missed."""

MANY_FAILURES = 0.05
"""Some numbers and addresses are always wrong: fewer are no trouble of ours."""

MINUTE, HOUR, DAY = 60, 3600, 86_400


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
    problems: Sequence[str] = ()
    """What is wrong about the configured providers."""

    def of_channel(self, name: str, channel: str) -> float:
        """A gauge of a channel."""
        return self.gauges.get((name, channel), 0.0)

    def waiting(self, channel: str) -> int:
        """How many messages of a channel have not gone and are not on their way."""
        statuses = ("PENDING", "RETRYING", "AMBIGUOUS")
        return int(sum(self.gauges.get(("notifications_in_flight", channel, status), 0.0) for status in statuses))

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


def by_command(queues: Sequence[str]) -> dict[str, list[str]]:
    """Put queues together by the command that would start a worker for them."""
    found: dict[str, list[str]] = {}
    for queue in queues:
        found.setdefault(command(queue), []).append(queue)
    return found


def in_words(seconds: float) -> str:
    """A length of time as one says it: `40 s`, `4 min`, `2 h`, `3 d`."""
    if seconds < 2 * MINUTE:
        return f"{max(0, int(seconds))} s"
    if seconds < 2 * HOUR:
        return f"{int(seconds // MINUTE)} min"
    return f"{int(seconds // HOUR)} h" if seconds < 2 * DAY else f"{int(seconds // DAY)} d"


def _parts(facts: Facts) -> Iterator[Trouble]:
    if not facts.is_up("database"):
        text = "What waits cannot be counted, and nothing new is accepted."
        yield Trouble(Level.STUCK, "The database does not answer", text, "Start PostgreSQL, or see `sentinel doctor`.")
    if not facts.is_up("broker"):
        text = "What is accepted is stored, and goes out by itself when the broker is back."
        yield Trouble(Level.STUCK, "The broker does not answer", text, "Start it, or check BROKER_URL.")
    elif not facts.is_up("redis"):
        text = "Limits, the memory of rules and these curves need it; messages go on as SENTINEL_LIMITER_DOWN says."
        yield Trouble(Level.LOOK, "Redis does not answer", text, "Start it, or check REDIS_URL.")


def _accounts(facts: Facts) -> Iterator[Trouble]:
    for account in facts.accounts:
        standing = account.standing
        is_resting = standing.paused_until is not None and standing.paused_until > facts.now
        if standing.state == CLOSED and not is_resting:
            continue
        level = Level.STUCK if account.parked else Level.LOOK
        words = (_of_account(account), _wait(account, facts), _again(account))
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
    channels = _listed(account.channels)
    since = account.standing.opened_at
    when = f" It began {in_words((facts.now - since).total_seconds())} ago, at {since:%H:%M} UTC." if since else ""
    if not account.parked:
        return f"No message of {channels} waits for it.{when}"
    return f"{_messages(account.parked)} of {channels} {_verb(account.parked, 'wait')} for it.{when}"


def _again(account: Account) -> str:
    standing = account.standing
    if standing.is_held:
        return "Resume it below when you are done."
    when = f" It is tried again by itself at {standing.paused_until:%H:%M:%S} UTC." if standing.paused_until else ""
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
        level = (
            Level.STUCK if length or any(facts.waiting(name.removesuffix(".retry")) for name in names) else Level.LOOK
        )
        text = f"Nobody listens to {_listed(names)}; {_jobs(length)} there." if length else "Nothing waits there now."
        channels = tuple(dict.fromkeys(name.removesuffix(".retry") for name in names))
        title = f"No worker serves {_listed(channels)}"
        yield Trouble(level, title, text, f"Run `{start}`.", "workers.index", channels)


def _backlogs(facts: Facts) -> Iterator[Trouble]:
    """What waits though it could go, and nothing above says why."""
    explained = {channel for account in facts.accounts if account.parked for channel in account.channels}
    for name, *rest in facts.gauges:
        if name != "notifications_oldest_due_seconds" or rest[0] in explained:
            continue
        channel, seconds = rest[0], facts.gauges[(name, rest[0])]
        if seconds > OVERDUE_SECONDS:
            text = f"{_messages(facts.waiting(channel))} {_verb(facts.waiting(channel), 'wait')}; the oldest could "
            text += f"have gone {in_words(seconds)} ago."
            remedy = f"See the workers; if all are well, start one more: `sentinel worker --channel {channel}`."
            yield Trouble(Level.STUCK, f"{channel} is behind", text, remedy, "notifications.index", (channel,))
    seconds = facts.gauges.get(("events_oldest_pending_seconds",), 0.0)
    if seconds > OVERDUE_SECONDS:
        pending = int(facts.gauges.get(("events_pending",), 0.0))
        text = f"{pending:,} events wait for their rules, the oldest for {in_words(seconds)}."
        yield Trouble(
            Level.STUCK, "Events are not evaluated", text, "Run `sentinel worker --pipeline`.", "workers.index"
        )
    late = facts.gauges.get(("escalations_overdue_seconds",), 0.0)
    if late > OVERDUE_SECONDS:
        text = f"The next step of a ticket should have been told {in_words(late)} ago."
        yield Trouble(
            Level.STUCK, "Escalations are late", text, "See beat and the pipeline's workers.", "tickets.index"
        )


def _clock(facts: Facts) -> Iterator[Trouble]:
    """Tasks of beat that do not come. If all are silent it is beat, or the worker that runs them."""
    ages = {rest[0]: age for (name, *rest), age in facts.gauges.items() if name == "sweeper_last_success_age_seconds"}
    silent = {
        name: ages[name]
        for name, period in facts.periods.items()
        if name in ages and ages[name] > max(SILENT_PERIODS * period, SHORTEST_SILENCE_SECONDS)
    }
    if not silent:
        return
    last = in_words(min(silent.values()))
    if len(silent) == len(ages):
        text = f"None of its tasks has run for {last}: what is due later does not go out."
        remedy = "Run `sentinel beat` (exactly one) and `sentinel worker --pipeline`."
        yield Trouble(Level.STUCK, "The clock stands still", text, remedy, "workers.index")
    else:
        text = f"{_listed(sorted(silent))} ran last {last} ago; the others run."
        remedy = "See the log of the pipeline's worker."
        yield Trouble(Level.LOOK, "Periodic tasks do not come", text, remedy, "workers.index")


def _books(facts: Facts) -> Iterator[Trouble]:
    found = int(facts.gauges.get(("audit_discrepancies",), 0.0))
    if found:
        text = f"The last audit found {found:,} {'discrepancy' if found == 1 else 'discrepancies'}."
        yield Trouble(Level.LOOK, "The books do not balance", text, "See which, and what to do.", "audit.index")
    if facts.gauges.get(("self_test_failed",), 0.0):
        text = "An event of our own did not become a sent message in time."
        yield Trouble(Level.STUCK, "The self-test failed", text, "`sentinel self-test` shows how far one comes.")
    for problem in facts.problems:
        channel, _, what = problem.partition(": ")
        title = f"{channel} has no provider" if "no provider" in problem else f"{channel}'s provider is half set up"
        yield Trouble(Level.LOOK, title, what, "Set it in the environment of all processes.", "settings.index")


def _streams(facts: Facts) -> Iterator[Trouble]:
    for (_, stream, group), lag in facts.lags.items():
        if lag.silent_seconds > OVERDUE_SECONDS:
            silence = in_words(lag.silent_seconds)
            text = f"Group {group} has not been heard of for {silence}; it had {lag.entries:,} to store."
            yield Trouble(Level.LOOK, f"Nobody reads {stream}", text, "Start `sentinel ingest` again.", "queues.index")


def _failures(facts: Facts) -> Iterator[Trouble]:
    if facts.curves is None:
        return
    failed, sent = int(facts.curves.totals[FAILED]), facts.curves.totals[SENT]
    if failed > MANY_FAILURES * (sent + failed):
        text = f"In the last {facts.curves.window.title}, beside {sent:,.0f} that were sent; each says why."
        remedy = "See the reasons; what failed for a while can be sent again."
        yield Trouble(Level.LOOK, f"{_messages(failed)} failed", text, remedy, "dead_letters.index")


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"


def _jobs(number: int) -> str:
    return f"{number:,} {'job waits' if number == 1 else 'jobs wait'}"


def _verb(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
