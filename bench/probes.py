"""What is lost or doubled when an engine or its receiver fails: eight probes, beside Prometheus' Alertmanager."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bench.alertmanager import HINT, binary, version
from bench.alerts import ALERTMANAGER, ONE, SENTINEL
from bench.context import Context
from bench.figures import Cell, Figures, Table
from bench.poster import Order, post
from bench.probe_engines import Engine, peer_engine, sentinel
from bench.receiver import Receiver, Refusals, receiving

QUIET_SECONDS = 25
"""So long after the last webhook nothing more is expected: longer than any wait of either engine in these probes."""

LONGEST_SECONDS = 900
DOWN_SECONDS = 65
POLL_SECONDS = 0.25
BATCH, POSTERS = 64, 2
_runs = itertools.count(1000)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one probe. `replayed`: webhooks that came after an operator asked for what had failed."""

    accepted: int
    delivered: int
    copies: int
    seconds: float
    replayed: int | None = None

    @property
    def lost(self) -> int:
        """Accepted alerts of which the receiver never heard."""
        return self.accepted - self.delivered - (self.replayed or 0)


@dataclass(slots=True)
class Scene:
    """An engine with its receiver, and the alerts of this probe, the same ones each time that they are posted."""

    engine: Engine
    receiver: Receiver
    order: Order
    stack: ExitStack
    answered_at: float = 0.0

    def post(self) -> None:
        """Post all alerts to each of the engine's processes, to all at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda port: post(replace(self.order, port=port)), self.engine.ports))
        self.answered_at = time.time()

    def wait(self) -> None:
        """Wait until nothing has come for long, and nothing is still to come."""
        began = last_at = time.monotonic()
        last = self.receiver.tally()
        while time.monotonic() - began < LONGEST_SECONDS:
            time.sleep(POLL_SECONDS)
            if (now := self.receiver.tally()) != last:
                last, last_at = now, time.monotonic()
            if time.monotonic() - last_at > QUIET_SECONDS and self.engine.is_idle():
                break

    def seconds(self) -> float:
        """How long after the last answer the last alert came for the first time."""
        return max(0.0, max(self.receiver.arrivals().values(), default=self.answered_at) - self.answered_at)

    def lose_receiver(self) -> None:
        """Let the receiver be away for longer than any request may take, and come back."""
        os.kill(self.receiver.pid, signal.SIGKILL)
        self.post()
        time.sleep(DOWN_SECONDS)
        self.receiver = self.stack.enter_context(receiving(int(self.receiver.url.rpartition(":")[2])))


Story = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """One story, told to both engines. `flush` is how long Alertmanager gathers before it sends."""

    name: str
    count: int
    story: Story
    flush: str = "0s"
    has_twin: bool = False
    is_replayed: bool = False


def killed_before_delivery(scene: Scene) -> None:
    """Kill everything as soon as the last answer has come."""
    scene.post()
    scene.engine.kill()
    scene.engine.start()
    scene.wait()


def killed_after_delivery(scene: Scene) -> None:
    """Let all arrive, kill everything, and send the same alerts again, as a client does that is not sure."""
    scene.post()
    scene.wait()
    scene.engine.kill()
    scene.engine.start()
    scene.post()
    scene.wait()


def terminated(scene: Scene) -> None:
    """SIGTERM as soon as the last answer has come."""
    scene.post()
    scene.engine.terminate()
    scene.engine.start()
    scene.wait()


def refused(tries: int, status: int) -> Story:
    """Return a story in which the receiver refuses the first tries of each alert."""

    def story(scene: Scene) -> None:
        scene.receiver.refuse(Refusals(tries, status))
        scene.post()
        scene.wait()

    return story


def away(scene: Scene) -> None:
    """No receiver, and then there is one."""
    scene.lose_receiver()
    scene.wait()


def simple(scene: Scene) -> None:
    """Nothing fails."""
    scene.post()
    scene.wait()


PROBES = (
    Probe("kill -9 of everything right after the answers", 1000, killed_before_delivery, flush="5s"),
    Probe("kill -9 after delivery, then the same alerts again", 1000, killed_after_delivery),
    Probe("receiver answers 503 twice, then 200", 500, refused(2, 503)),
    Probe("receiver answers 429 once, then 200", 500, refused(1, 429)),
    Probe("receiver answers 400 once, then 200", 500, refused(1, 400), is_replayed=True),
    Probe(f"receiver away for {DOWN_SECONDS} s", 500, away),
    Probe("SIGTERM right after the answers", 1000, terminated, flush="5s"),
    Probe("the same 5,000 alerts to two replicas at once", 5000, simple, has_twin=True),
)


def run(context: Context) -> Figures:
    """Each probe on a fresh engine of each kind, one after the other."""
    rows: list[tuple[Cell, ...]] = []
    for number, probe in enumerate(PROBES, start=1):
        for engine in (SENTINEL, ALERTMANAGER):
            if engine == ALERTMANAGER and binary() is None:
                rows.append((probe.name, HINT, *[""] * 6))
                continue
            context.say(f"{probe.name}: {engine}")
            rows.append(_row(probe, engine, _tell(context, f"{number}", probe, engine)))
    columns = ("probe", "engine", "accepted", "delivered", "replayed", "lost", "extra copies", "last after s")
    return Figures((Table("What is lost and what is doubled", columns, tuple(rows), _note()),))


def _note() -> str:
    peer = version() if binary() else "Alertmanager is not installed"
    return (
        f"{peer}, group_by ['...'], group_interval 10s, group_wait 0s (5s where it is to be killed before it sends). "
        "Sentinel as shipped; kill -9 takes its PostgreSQL and Valkey too. 400 is an end for Sentinel: the message is "
        "FAILED, and `sentinel notifications retry` sends it. Seconds are from the last answer."
    )


def _tell(context: Context, name: str, probe: Probe, engine: str) -> Found:
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        if engine == SENTINEL:
            running: Engine = stack.enter_context(sentinel(context, name, receiver, has_twin=probe.has_twin))
        else:
            peer = peer_engine(context, name, receiver, group_wait=probe.flush, has_twin=probe.has_twin)
            running = stack.enter_context(peer)
        scene = Scene(running, receiver, _order(running, engine, probe), stack)
        probe.story(scene)
        told, seconds = scene.receiver.tally(), scene.seconds()
        replayed = _replay(scene, told.arrived) if probe.is_replayed else None
        return Found(probe.count, told.arrived, scene.receiver.tally().copies, seconds, replayed)


def _replay(scene: Scene, before: int) -> int | None:
    if not scene.engine.replay():
        return None
    scene.wait()
    return scene.receiver.tally().arrived - before


def _order(running: Engine, engine: str, probe: Probe) -> Order:
    return Order(
        engine=engine,
        port=running.ports[0],
        api_key=running.api_key,
        run=next(_runs),
        audience=ONE,
        clients=1,
        count=probe.count,
        size=BATCH,
        posters=POSTERS,
    )


def _row(probe: Probe, engine: str, found: Found) -> tuple[Cell, ...]:
    replayed: Cell = "" if found.replayed is None else found.replayed
    counts = (found.accepted, found.delivered, replayed, found.lost, found.copies)
    return (probe.name, engine, *counts, round(found.seconds, 1))
