"""A million notifications stored: single POSTs, lists, sweepers and the console, beside an almost empty database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from bench import console_pages
from bench.context import ROOT, BenchFailedError, Context
from bench.figures import Figures, Table, percentile
from bench.generator import Connection, get
from bench.installation import Installation, installation
from bench.load import Round, run_round
from bench.verdicts import Verdict

ROWS = 1_000_000
DAYS = 60
"""All younger than the retention, so that nothing is deleted, and older than a day, unlike what the bench posts."""

CONNECTIONS = 16
PAGES = 100
SWEEPS = 20
QUICKEST = 25
"""The percentile that is compared: what a page takes when nothing else comes in between."""

LIMIT = 50
WANTED = 1.2
WANTED_PAGE_MS = 300.0
"""Of each page of the console, with a million notifications behind it."""

FILL = (
    "SET session_replication_role = replica",  # foreign keys are right by themselves
    """
    INSERT INTO clients (name, created_at) SELECT 'client ' || n, now() FROM generate_series(1, 99) AS n
    """,
    """
    INSERT INTO notifications (
        id, client_id, channel, recipient, body, status, reason, attempts, attempt_limit, provider, event_id,
        created_at, updated_at, sent_at)
    SELECT {id}, CASE WHEN n % 2 = 0 THEN {client} ELSE {client} + 1 + n % 99 END, 'sms',
           '+1415' || lpad((n % 90000)::text, 7, '0'), repeat('a', 60), status,
           CASE status WHEN 'FAILED' THEN 'attempts_exhausted' WHEN 'SUPPRESSED' THEN 'duplicate' END,
           CASE status WHEN 'SUPPRESSED' THEN 0 ELSE 1 END, 6, 'twilio', CASE WHEN n % 4 = 0 THEN {id} END, at, at,
           CASE status WHEN 'SENT' THEN at END
    FROM (
        SELECT n, {at} AS at,
               CASE WHEN n % 200 = 0 THEN 'FAILED' WHEN n % 50 = 1 THEN 'SUPPRESSED' ELSE 'SENT' END AS status
        FROM generate_series(1, {rows}) AS n) AS made
    """,
    """
    INSERT INTO attempts (notification_id, number, provider, outcome, provider_message_id, started_at, duration_ms)
    SELECT id, 1, 'twilio', 'OK', 'SM' || md5(id::text), created_at, 12 FROM notifications WHERE created_at < '{end}'
    """,
    """
    INSERT INTO events (
        id, client_id, event_id, type, occurred_at, body, status, created_at, evaluated_at)
    SELECT event_id, client_id, 'e' || event_id, 'order', created_at, '{{"type": "order", "amount": 750}}', 'MATCHED',
           created_at, created_at
    FROM notifications WHERE event_id IS NOT NULL
    """,
    """
    INSERT INTO book_totals (client_id, channel, day, accepted, pruned)
    SELECT client_id, channel, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day, count(*), 0
    FROM notifications WHERE created_at < '{end}' GROUP BY client_id, channel, day
    """,
)
AT = "'{begin}'::timestamptz + n * interval '{step} seconds'"
ID = """
    CAST(lpad(to_hex(floor(extract(epoch FROM {at}) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15) AS uuid)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """How one database does: the round, and milliseconds of pages and sweepers by name."""

    posts: Round
    pages: Mapping[str, float]
    sweepers: Mapping[str, float]


def run(context: Context) -> Figures:
    """The same installation, first almost empty, then with a million notifications, their tries and events."""
    with installation(context, "million_stored", is_live=False) as running:
        run_round(running, connections=CONNECTIONS, seconds=1)  # imports, pools, caches
        context.say("almost empty")
        empty = measure(running, context)
        context.say(f"storing {ROWS} notifications")
        began = time.monotonic()
        fill(running)
        context.say(f"stored in {time.monotonic() - began:.0f} s; the same measurements again")
        run_round(running, connections=CONNECTIONS, seconds=1)
        full = measure(running, context)
        context.say("pages of the console")
        console = console_pages.measure(running)
    return Figures((_table(empty, full), _console_table(console)), verdicts=(*verdicts(empty, full), verdict(console)))


def measure(running: Installation, context: Context) -> Measured:
    """Posts, pages and sweepers."""
    posts = run_round(running, connections=CONNECTIONS, seconds=context.seconds)
    pages = {name: page_ms(running, path) for name, path in paths(running).items()}
    running.system.stop("beat")
    done = subprocess.run(
        [sys.executable, "-m", "bench.sweeps", str(SWEEPS), str(QUICKEST)],
        cwd=ROOT,
        env=running.system.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    running.system.start_program("beat")
    return Measured(posts, pages, json.loads(done.stdout.splitlines()[-1]))


def paths(running: Installation) -> dict[str, str]:
    """The pages of a list that people look at: of the client that has the most."""
    own = "FROM notifications WHERE client_id = (SELECT id FROM clients WHERE name = 'bench')"
    recipient, middle = running.ask(
        f"SELECT (SELECT recipient {own} ORDER BY id LIMIT 1), "
        f"(SELECT id::text {own} ORDER BY id OFFSET (SELECT count(*) / 2 {own}) LIMIT 1)"
    )
    listed = f"/notifications?limit={LIMIT}"
    return {
        "first page": listed,
        "page of a status": f"{listed}&status=SENT",
        "page of a recipient": f"{listed}&recipient={quote(recipient)}",
        "page from the middle": f"{listed}&cursor={middle}",
    }


def page_ms(running: Installation, path: str) -> float:
    """Milliseconds of one page, asked for again and again."""
    connection = Connection(running.system.port)
    taken = []
    for _ in range(PAGES):
        begin = time.perf_counter()
        connection.post(get(running.system.port, running.api_key, path), 0, begin)
        while (status := connection.answer()) is None:
            pass
        taken.append((time.perf_counter() - begin) * 1000)
        if status != "200":
            raise BenchFailedError(f"GET {path} was answered with {status}")
    connection.sock.close()
    return percentile(taken, QUICKEST)


def fill(running: Installation) -> None:
    """Store everything, as it is after months: with statistics, and written to the disk."""
    end = datetime.now(UTC) - timedelta(days=1)
    begin = end - timedelta(days=DAYS - 1)
    client = int(running.ask("SELECT id FROM clients WHERE name = 'bench'")[0])
    at = AT.format(begin=begin.isoformat(), step=(DAYS - 1) * 86_400 / ROWS)
    with running.connected() as cursor:
        for step in FILL:
            cursor.execute(step.format(at=at, id=ID.format(at=at), client=client, rows=ROWS, end=end.isoformat()))
    for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
        running.run_alone(statement)


def verdicts(empty: Measured, full: Measured) -> tuple[Verdict, ...]:
    """How many times the time of an empty database."""
    posts = empty.posts.sent_per_second / full.posts.sent_per_second
    slowest = max(full.pages[name] / empty.pages[name] for name in empty.pages)
    sweepers = sum(full.sweepers.values()) / sum(empty.sweepers.values())
    return tuple(
        Verdict("P9", f"{measure}, a million stored", times, "times empty", at_most=WANTED)
        for measure, times in (("single POSTs", posts), ("slowest list page", slowest), ("all sweepers", sweepers))
    )


def verdict(console: Mapping[str, float]) -> Verdict:
    """The slowest page of the console."""
    return Verdict(
        "P12", "slowest page of the console, a million stored", max(console.values()), "ms", at_most=WANTED_PAGE_MS
    )


def _console_table(console: Mapping[str, float]) -> Table:
    return Table(
        f"Pages of the console, {ROWS:,} notifications stored",
        ("page", "ms"),
        tuple(console.items()),
        f"Over HTTP, by somebody who is logged in; quickest quarter of {console_pages.TURNS}.",
    )


def _table(empty: Measured, full: Measured) -> Table:
    rows = [("single POSTs sent/s", empty.posts.sent_per_second, full.posts.sent_per_second)]
    rows += [(f"{name}, ms", empty.pages[name], full.pages[name]) for name in empty.pages]
    rows += [(f"{name}, ms", empty.sweepers[name], full.sweepers[name]) for name in empty.sweepers]
    return Table(
        f"{ROWS:,} notifications stored",
        ("measure", "almost empty", "a million", "a million / empty"),
        tuple((name, before, after, after / before) for name, before, after in rows),
        f"Half of them belong to the client that asks; {LIMIT} on a page; quickest quarter of {PAGES} and {SWEEPS}. "
        "Almost empty: what the measurement itself has stored.",
    )
