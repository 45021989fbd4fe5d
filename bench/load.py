"""Runs the load generator beside an installation and accounts for what everybody used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from bench.context import ROOT, BenchFailedError
from bench.cpu import Usage, between, read
from bench.generator import SMS, Outcome, Plan
from bench.installation import Installation
from bench.sampling import Samples, sampling

ENDING_SECONDS = 60
"""Beyond its plan's time the generator may wait this long for its last answers."""


@dataclass(frozen=True, slots=True)
class Round:
    """One plan carried out and drained: what was answered, when the last message had left, and the CPU of it all."""

    outcome: Outcome
    drained_seconds: float
    usage: Usage
    samples: Samples

    @property
    def began(self) -> float:
        """When the first request was due (Unix time)."""
        return min(self.outcome.started)

    @property
    def accepted_per_second(self) -> float:
        """Return the 202 answers per second while the load was on."""
        return self.outcome.accepted / self.outcome.seconds

    @property
    def sent_per_second(self) -> float:
        """Return messages per second from the first request until the last one was SENT."""
        return self.outcome.accepted / self.drained_seconds

    def answered(self) -> Iterator[float]:
        """When each answer had come (Unix time)."""
        pairs = zip(self.outcome.started, self.outcome.answer_ms, strict=True)
        return (started + taken / 1000 for started, taken in pairs)


def run_round(
    installation: Installation,
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
    message: Mapping[str, str] = SMS,
) -> Round:
    """Offer the load, wait until all is SENT, and return what it took."""
    plan = Plan(
        port=installation.system.port,
        api_key=installation.api_key,
        first_number=installation.fresh_numbers(),
        connections=connections,
        seconds=seconds,
        rate=rate,
        message=dict(message),
    )
    since, before = time.time(), read(installation.pids)
    with sampling(installation.pids) as samples:
        outcome = generate(plan)
        _require_accepted(outcome)
        last_sent_at = installation.wait_sent(since, outcome.accepted)
    usage = between(before, read(installation.pids), helpers={"generator": outcome.cpu_seconds})
    return Round(outcome, last_sent_at - min(outcome.started), usage, samples)


def generate(plan: Plan) -> Outcome:
    """Carry out the plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.generator"],
        input=json.dumps(asdict(plan)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=plan.seconds + ENDING_SECONDS,
        check=True,
    )
    return Outcome(**json.loads(done.stdout))


def _require_accepted(outcome: Outcome) -> None:
    refused = {status: count for status, count in outcome.statuses.items() if status != "202"}
    if refused:
        raise BenchFailedError(f"POST /notifications was not always answered with 202, but also with {refused}")
