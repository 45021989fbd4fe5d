"""Mails by SendGrid and texts by Twilio over TLS: sends per second of a sender's core, beside the SDKs alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import certifi

from bench.context import ROOT, Context
from bench.costs import cost_table
from bench.cpu import Usage, between, read
from bench.figures import Cell, Figures, Table
from bench.installation import Installation, installation
from bench.publishing import prepared
from bench.verdicts import Peer, Verdict
from sentinel.chaos.installation import provider_variables
from sentinel.stand_ins import Certificate, ProviderProcess


@dataclass(frozen=True, slots=True)
class Sender:
    """A provider: its channel, and how much to send for each second that a measurement should take."""

    name: str
    channel: str
    each_second: int
    sdk_each_second: int
    wanted: int

    @property
    def worker(self) -> str:
        """The worker whose core it is."""
        return f"{self.channel}-1"


SENDERS = (Sender("sendgrid", "email", 600, 20, 900), Sender("twilio", "sms", 600, 200, 600))
SIZE = 500
WARM_UP = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """What one sender did."""

    count: int
    seconds: float
    usage: Usage
    sdk_per_core: float
    per_core: float


def run(context: Context) -> Figures:
    """One provider after the other, each first with ours and then with its SDK, against the same stand-in."""
    certificate = Certificate.make(context.folder / "stand-in.pem")
    trust = trusting(certificate, context.folder / "trusted.pem")
    workers = {"pipeline-1": ("--pipeline",)} | {each.worker: ("--channel", each.channel) for each in SENDERS}
    found: dict[Sender, Sent] = {}
    with ProviderProcess(context.folder / "tls-ledger.jsonl", certificate=certificate) as provider:
        own = provider_variables(provider.url) | trust
        with installation(context, "tls_senders", workers=workers, is_live=False, variables=own) as running:
            for sender in SENDERS:
                send(running, provider, sender, WARM_UP)
                context.say(sender.name)
                series = send(running, provider, sender, round(sender.each_second * context.seconds))
                context.say(f"{sender.name}'s SDK")
                found[sender] = with_sdk(series, sender, provider.url, trust, context.seconds)
    costs: dict[Cell, tuple[Usage, int]] = {each.name: (sent.usage, sent.count) for each, sent in found.items()}
    return Figures((_rates(found), cost_table("CPU per send", "provider", costs)), verdicts=verdicts(found))


def trusting(certificate: Certificate, bundle: Path) -> dict[str, str]:
    """What lets a process trust the stand-in beside everybody whom it trusts anyhow: reading all of them takes time."""
    bundle.write_bytes(Path(certifi.where()).read_bytes() + certificate.pem.read_bytes())
    return {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}


def send(running: Installation, provider: ProviderProcess, sender: Sender, count: int) -> tuple[int, float, Usage]:
    """Let stored notifications be sent; returns how many, in which time and with which CPU."""
    since = time.time()
    pids = {**running.pids, "provider": provider.pid}
    wanted = (sender.channel, str(SIZE), str(count), str(running.fresh_numbers()))
    with prepared("bench.feeder", *wanted, environment=running.system.environment) as publish:
        before = read(pids)
        told = publish()
        ended = running.wait_sent(since, count)
        usage = between(before, read(pids), helpers={"publisher": told.cpu_seconds})
    return count, ended - told.started, usage


def with_sdk(series: tuple[int, float, Usage], sender: Sender, url: str, trust: dict[str, str], seconds: float) -> Sent:
    """Add what the SDK alone does, in a process of its own."""
    sdk_count = round(sender.sdk_each_second * seconds)
    done = subprocess.run(
        [sys.executable, "-m", "bench.sdk_sends", sender.name, url, str(sdk_count)],
        cwd=ROOT,
        env=os.environ | trust,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    count, taken, usage = series
    return Sent(count, taken, usage, sdk_count / float(done.stdout), count / usage.by_name[sender.worker])


def verdicts(found: dict[Sender, Sent]) -> tuple[Verdict, ...]:
    """Each beside its SDK."""
    return tuple(
        Verdict(
            "P8",
            f"{sender.name} over TLS, sends per second of a core",
            sent.per_core,
            "/s",
            at_least=sender.wanted,
            peer=Peer("its SDK alone", sent.sdk_per_core),
        )
        for sender, sent in found.items()
    )


def _rates(found: dict[Sender, Sent]) -> Table:
    rows = tuple(
        (sender.name, sent.count, sent.count / sent.seconds, sent.per_core, sent.sdk_per_core)
        for sender, sent in found.items()
    )
    return Table(
        "Sends over TLS to a stand-in of this machine",
        ("provider", "sends", "sent/s", "per second of a worker's core", "its SDK, per second of a core"),
        rows,
        "Per core: sends by the CPU seconds of the worker that sends, with its database and queue work. The stand-in "
        "takes its share of the two cores, so sent/s is less.",
    )
