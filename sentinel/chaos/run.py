"""One run: start everything, offer load, strike, mend, drain, and take the books together."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from sentinel.chaos.breaking import Breaker, Mend
from sentinel.chaos.installation import QUICK, Installation, provider_variables
from sentinel.chaos.questions import Witness, count_copies
from sentinel.chaos.strikes import Strike, plan_strikes
from sentinel.chaos.traffic import EVENT_TYPE, Book, Traffic, make_orders
from sentinel.chaos.verdict import Books, Verdict, judge
from sentinel.embedded.servers import Servers, running_servers
from sentinel.errors import SentinelError
from sentinel.sealing import new_secret_key
from sentinel.stand_ins import WEBHOOK_SECRET, ProviderProcess

FOREIGN = ("SENTINEL_", "DATABASE_", "REDIS_", "BROKER_", "TWILIO_", "SENDGRID_", "SMTP_", "SLACK_", "PUBLIC_")
"""Variables of the user's own installation, which must not lead into this one."""

PROVIDER_LEDGER, CLIENT_LEDGER = "provider.jsonl", "accepted.jsonl"
AUDIT_SECONDS = 600
LOOK_SECONDS = 0.05
SAMPLE_SECONDS = 1.0
UNANSWERED_SECONDS = 120
"""When nothing has been answered for so long although all is whole, the client gives up."""
MORE_ATTEMPTS = "12"
"""With shortened times an outage of seconds takes as many tries as minutes would otherwise."""
REDELIVERED = 100
"""So many ids of each line come again at a redelivery."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. The same seed makes the same load and the same strikes."""

    seed: int
    rate: float
    seconds: float
    strikes: int
    has_shipped_times: bool = False
    drain_seconds: float = 600


@dataclass(frozen=True, slots=True)
class Struck:
    """A strike that was carried out: when it began and when all was whole again, seconds after the load began."""

    strike: Strike
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stood at one moment; None where the database did not answer."""

    at: float
    accepted: int
    left: int | None
    backlog: int | None


def is_drained(samples: Sequence[Sample], *, since: float) -> bool:
    """Whether everything has come to its end: seen so after `since`, for what came after a look is not in it."""
    return bool(samples) and samples[-1].at >= since and samples[-1].backlog == 0


@dataclass(slots=True)
class Progress:
    """What can be watched while it goes on."""

    step: str = "starting"
    seconds: float = 0.0
    strikes: int = 0
    accepted: int = 0
    backlog: int | None = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one run has found."""

    plan: Plan
    struck: Sequence[Struck]
    samples: Sequence[Sample]
    book: Book
    verdict: Verdict
    discrepancies: int
    """What the engine's own audit of its books has found."""
    drain_seconds: float
    load_seconds: float
    remarks: Sequence[str] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the promises held, and the engine's own books balance."""
        return self.verdict.is_kept and not self.discrepancies


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """A running system and what stands around it."""

    folder: Path
    installation: Installation
    servers: Servers
    provider: ProviderProcess
    witness: Witness

    @property
    def provider_ledger(self) -> Path:
        """What the provider took, a line each."""
        return self.folder / PROVIDER_LEDGER


def carry_out(plan: Plan, folder: Path, watch: Watch) -> Outcome:
    """Do it all, in `folder`; everything that was started is stopped at the end."""
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers(folder / "servers", is_durable=True))
        provider = stack.enter_context(ProviderProcess(folder / PROVIDER_LEDGER))
        installation = stack.enter_context(_installed(plan, folder, servers, provider))
        witness = Witness(servers.database_url)
        stack.callback(witness.close)
        return _Run(plan, Parts(folder, installation, servers, provider, witness), watch).carry_out()


@contextmanager
def _installed(plan: Plan, folder: Path, servers: Servers, provider: ProviderProcess) -> Iterator[Installation]:
    installation = Installation(folder, _environment(plan, servers, provider))
    try:
        installation.run("db", "upgrade")
        installation.start_everything()
        _prepare(installation, provider.url)
        yield installation
    finally:
        installation.stop_all()


def _environment(plan: Plan, servers: Servers, provider: ProviderProcess) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    times = {} if plan.has_shipped_times else QUICK | {"SENTINEL_MAX_ATTEMPTS": MORE_ATTEMPTS}
    urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    more = {"NO_PROXY": "127.0.0.1,localhost", "SENTINEL_SECRET_KEYS": new_secret_key()}
    return own | times | provider_variables(provider.url) | urls | more


def _prepare(installation: Installation, provider_url: str) -> None:
    """One rule that tells a webhook of every event of ours."""
    target = f"{provider_url}/hooks/ops"
    installation.ask("/endpoints", {"name": "ops", "channel": "webhook", "target": target, "secret": WEBHOOK_SECRET})
    rule = f'when event.type == "{EVENT_TYPE}" then notify("endpoint:ops")'
    installation.ask("/rules", {"name": "chaos", "rule": rule})


class _Run:
    """The clock of one run. Faults are begun and mended by this thread alone, which owns all processes."""

    def __init__(self, plan: Plan, parts: Parts, watch: Watch) -> None:
        self._plan = plan
        self._parts = parts
        self._watch = watch
        self._progress = Progress()
        orders = make_orders(plan.seed, rate=plan.rate, seconds=plan.seconds, hooks_url=parts.provider.url)
        self._traffic = Traffic(parts.installation.url, orders, parts.folder / CLIENT_LEDGER)
        self._breaker = Breaker(parts.installation, parts.servers, parts.provider, self._some_ids)
        self._chance = random.Random(plan.seed)  # noqa: S311 - picks what comes again
        self._waiting = plan_strikes(plan.seed, seconds=plan.seconds, count=plan.strikes)
        self._broken: list[tuple[Strike, float, Mend]] = []
        self._struck: list[Struck] = []
        self._samples: list[Sample] = []

    def carry_out(self) -> Outcome:
        """Load and strikes, then the rest of the load, then the drain, then the judgement."""
        self._began = time.monotonic()
        self._traffic.start()
        self._turn("load and faults", lambda: not (self._waiting or self._broken or self._now < self._plan.seconds))
        self._turn("last answers", lambda: self._traffic.is_over or self._traffic.silent_seconds > UNANSWERED_SECONDS)
        self._traffic.give_up()
        self._traffic.join()
        load_seconds = self._now
        last = load_seconds + self._plan.drain_seconds
        self._turn("drain", lambda: is_drained(self._samples, since=load_seconds) or self._now > last)
        drain_seconds = self._now - load_seconds
        self._say("judging")
        return Outcome(
            self._plan,
            self._struck,
            self._samples,
            self._traffic.book,
            self._judge(),
            self._audit(),
            drain_seconds,
            load_seconds,
            self._breaker.remarks,
        )

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    def _turn(self, step: str, is_over: Callable[[], bool]) -> None:
        """Do what is due, look, and wait a little, until it is over."""
        self._say(step)
        while not is_over():
            self._strike()
            self._mend()
            self._breaker.revive({strike.target for strike, _, _ in self._broken})
            if self._now >= (self._samples[-1].at + SAMPLE_SECONDS if self._samples else 0.0):
                self._sample()
                self._say(step)
            time.sleep(LOOK_SECONDS)

    def _strike(self) -> None:
        down = {strike.target for strike, _, _ in self._broken}
        for strike in [each for each in self._waiting if each.at <= self._now and each.target not in down]:
            self._waiting.remove(strike)
            began = self._now
            self._broken.append((strike, began, self._breaker.begin(strike)))
            down.add(strike.target)

    def _mend(self) -> None:
        for each in list(self._broken):
            strike, began, mend = each
            if self._now >= began + strike.seconds and mend():
                self._broken.remove(each)
                self._struck.append(Struck(strike, began, self._now))

    def _sample(self) -> None:
        standing = self._parts.witness.standing()
        left, backlog = (standing.left, standing.backlog) if standing else (None, None)
        self._samples.append(Sample(self._now, len(self._traffic.book.accepted), left, backlog))

    def _say(self, step: str) -> None:
        progress = self._progress
        progress.step, progress.seconds, progress.strikes = step, self._now, len(self._struck)
        progress.accepted = len(self._traffic.book.accepted)
        progress.backlog = self._samples[-1].backlog if self._samples else 0
        self._watch(progress)

    def _some_ids(self) -> dict[str, list[str]]:
        """Some ids of each line, old and new; a line that gets another's ids must find nothing to do either."""
        known = list(self._traffic.book.accepted.copy().values())
        lines = ("sms", "email", "webhook", "events")
        return {line: self._chance.sample(known, min(REDELIVERED, len(known))) for line in lines}

    def _judge(self) -> Verdict:
        accepted = frozenset(self._traffic.book.accepted)
        return judge(Books(accepted, self._parts.witness.rows(), count_copies(self._parts.provider_ledger)))

    def _audit(self) -> int:
        done = self._parts.installation.run("audit", "--json", check=False, seconds=AUDIT_SECONDS)
        if not done.stdout:
            raise SentinelError(f"sentinel audit could not be asked: {done.stderr.strip()[-500:]}")
        return int(orjson.loads(done.stdout)["discrepancies"])
