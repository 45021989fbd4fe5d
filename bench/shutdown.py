"""How long each process takes to stop under load, and whether anything is lost or doubled by it."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from bench.context import BenchFailedError, Context
from bench.figures import Figures, Table
from bench.installation import Installation, installation
from sentinel.chaos.installation import PROGRAMS
from sentinel.stand_ins import delayed

STOPS = 5
RATE = 100
SEND_SECONDS = 0.3
PROCESSES = ("api", "pipeline-1", "sms-1", "beat")
END_SECONDS = 120
BEAT_SECONDS = 10
"""Beat does not say when it is ready; before that SIGTERM ends it as it ends any program."""
WORKERS = {name: words[3:] for name, words in PROGRAMS.items() if name in PROCESSES and words[0] == "worker"}


def run(context: Context) -> Figures:
    """SIGTERM to each process in turn, five times, while a hundred notifications a second come in."""
    rows = []
    with installation(context, "shutdown", workers=WORKERS) as running:
        if running.provider is None:
            raise BenchFailedError("without a provider nobody counts the copies")
        running.provider.always(delayed(SEND_SECONDS))
        for name in PROCESSES:
            context.say(f"{STOPS} stops of {name}")
            sent_before = len(running.provider.entries)
            with load(running) as accepted:
                seconds = [stop_and_start(running, name) for _ in range(STOPS)]
            rows.append((name, statistics.median(seconds), max(seconds), *balance(running, accepted, sent_before)))
    table = Table(
        f"Stops under {RATE} notifications a second, each send taking {SEND_SECONDS:g} s",
        ("process", "p50 s", "max s", "accepted", "lost", "extra copies"),
        tuple(rows),
        "From SIGTERM to the exit of the process. Lost: answered with 202 and not SENT after the load.",
    )
    return Figures((table,))


def stop_and_start(running: Installation, name: str) -> float:
    """Stop a process in good order and start it again; returns how long the stop took."""
    began = time.monotonic()
    code = running.system.stop(name, seconds=END_SECONDS)
    seconds = time.monotonic() - began
    if code != 0:
        raise BenchFailedError(f"{name} ended with exit code {code}")
    if name == "api":
        running.system.start_api()
    elif name in WORKERS:
        running.system.start_worker(name, *WORKERS[name])
    else:
        running.system.start_program(name)
        time.sleep(BEAT_SECONDS)
    time.sleep(1)
    return seconds


@contextmanager
def load(running: Installation) -> Iterator[list[str]]:
    """Notifications one after another at a steady rate; the ids that were answered with 202."""
    accepted: list[str] = []
    is_over = threading.Event()
    numbers = iter(range(running.fresh_numbers(), running.fresh_numbers()))
    headers = {"Authorization": f"Bearer {running.api_key}"}

    def post() -> None:
        with requests.Session() as http:
            for number in numbers:
                if is_over.wait(1 / RATE):
                    return
                body = {"channel": "sms", "recipient": f"+1415{number:07}", "body": "hi"}
                try:
                    answer = http.post(f"{running.system.url}/notifications", json=body, headers=headers, timeout=20)
                except requests.RequestException:
                    continue  # not answered, so not accepted
                if answer.status_code == requests.codes.accepted:
                    accepted.append(answer.json()["id"])

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield accepted
    finally:
        is_over.set()
        thread.join()


def balance(running: Installation, accepted: list[str], sent_before: int) -> tuple[int, int, int]:
    """Wait for the end; how many were accepted, how many of them are not SENT, how many copies too many left."""
    deadline = time.monotonic() + END_SECONDS
    waiting = "SELECT count(*) FROM notifications WHERE status IN ('PENDING', 'RETRYING', 'SENDING', 'AMBIGUOUS')"
    while running.ask(waiting)[0] and time.monotonic() < deadline:
        time.sleep(0.5)
    with running.connected() as cursor:
        cursor.execute("SELECT count(*) FROM notifications WHERE status = 'SENT' AND id = ANY(%s::uuid[])", (accepted,))
        sent = int(cursor.fetchone()[0])
    entries = running.provider.entries[sent_before:] if running.provider else []
    copies = Counter(entry.recipient for entry in entries)
    return len(accepted), len(accepted) - sent, sum(copies.values()) - len(copies)
